"""The checks of one node: at start + k interval_s, each later by a drawn jitter, a probe bounded by `probe_timeout_s`.

Check k of a node begins at start + (k + u_k jitter_ratio) interval_s, u_k uniform by (node birth serial, k), so that
checks keep their order and their mean distance, and a fleet that was deployed at one instant is not checked in step.
A probe that has no answer within its timeout failed. Where probes may outlast the distance of checks they overlap, at
most probe_timeout_s / interval_s + 2 of a node, so that detection takes (k-1) I + tau to k I + tau either way.
A detector of heartbeats is only asked for its verdict at each check; without jitter the nodes that came in at one
instant are then looked at together, in order of birth (`look_together`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim.contracts import Draws, Prober, Runtime
from sim.errors import ConfigError, FleetError
from sim.registry import lookup
from sim.runtime.draws import CHECK
from sim.scalability.health.detector import Detector
from sim.scalability.health.params import HealthParams

PROBE_ERRORS = (FleetError, OSError)  # what a probe may fail with; TimeoutError is an OSError
BIRTH_SHIFT = 24
CHECKS_MAX = (1 << BIRTH_SHIFT) - 1  # of a node in a row; its jitter then begins anew


@dataclass(frozen=True, slots=True)
class Watch:
    """How nodes are watched; `passed_listeners` hear (node_id, now) of every active check that passed.

    Who brings heartbeats may hold them back while nobody looks: `held_back` are asked for them before a verdict, and
    `lost_listeners` hear that a node was lost, whose next sign of life matters at its very instant.
    """

    params: HealthParams
    detector: Detector
    draws: Draws
    prober: Prober | None = None
    passed_listeners: list[Callable[[str, float], None]] = field(default_factory=list)
    held_back: list[Callable[[], None]] = field(default_factory=list)
    lost_listeners: list[Callable[[], None]] = field(default_factory=list)

    @property
    def is_idle(self) -> bool:
        """Whether the detector observes nothing, so that no check is worth its event."""
        return not (self.detector.uses_probes or self.detector.uses_heartbeats)

    @property
    def is_joint(self) -> bool:
        """Whether nodes that came in at one instant are looked at together."""
        return not self.detector.uses_probes and not self.params.jitter_ratio


def make_watch(params: HealthParams, draws: Draws, prober: Prober | None = None) -> Watch:
    """Build the detector that `params.detector` names; raises `ConfigError` when it needs a prober and has none."""
    detector: Detector = lookup("detector", params.detector)(params)
    if detector.uses_probes and prober is None:
        raise ConfigError("health.detector", params.detector, "a detector of heartbeats where nobody can probe")
    return Watch(params, detector, draws, prober)


async def look_together(runtime: Runtime, watch: Watch, look: Callable[[], bool]) -> None:
    """Call `look` at start + k interval_s until it is False (nobody is left)."""
    started_at, number = runtime.now(), 0
    going = True
    while going:
        number += 1
        await runtime.sleep_until(started_at + number * watch.params.interval_s)
        going = look()


async def check_node(
    runtime: Runtime,
    watch: Watch,
    node_id: str,
    birth: int,
    due: Callable[[], bool | None],
    checked: Callable[[bool | None], None],
) -> None:
    """Check a node until `due()` is None (it is gone), sparing it while False; `checked(None)` where none was asked."""
    params = watch.params
    prober = watch.prober if watch.detector.uses_probes else None
    overlapping = params.probe_timeout_s > (1.0 - params.jitter_ratio) * params.interval_s

    async def check(number: int) -> None:
        assert prober is not None
        passed = False
        try:
            async with runtime.timeout(params.probe_timeout_s):
                passed = await prober.probe(node_id, number)
        except PROBE_ERRORS:
            passed = False
        if due():
            checked(passed)

    async def loop(group: Any) -> None:
        started_at, number = runtime.now(), 0
        while True:
            number += 1
            late = 0.0
            if params.jitter_ratio:
                entity = birth << BIRTH_SHIFT | (number & CHECKS_MAX)
                late = params.jitter_ratio * watch.draws.uniform(CHECK, entity)
            await runtime.sleep_until(started_at + (number + late) * params.interval_s)
            is_due = due()
            if is_due is None:
                return
            if not is_due:
                continue
            if prober is None:
                checked(None)
            elif overlapping:
                group.spawn(check(number), f"check {node_id} {number}")
            else:
                await check(number)

    async with runtime.group() as group:
        await loop(group)
