"""The loop: at every tick (and poke) it asks the policy, limits the wish, and sets the fleet going towards it.

Ticks are start + k `interval_s`. The limits: `min_nodes`, `max_nodes`, and for one decision out by `step_out_nodes_max`
or `step_out_ratio_max`, whichever is more, and in by `step_in_nodes_max`; they hold for any metric (invariant M8). What
was decided stays until the next wish: lost nodes are replaced, a node that comes back makes another go. Every node
comes and goes in a task of its own, so that none blocks a decision; a node that starts counts at once, so that no
capacity is asked for twice. In goes first who is not ready (newest first), then whom the actuator offers first. After
a failure the next attempt waits an interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sim.contracts import EventSink, FleetSample, Runtime, Task
from sim.errors import FleetError
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.scalability.autoscaler.policy import Policy, Wish

Bound = Callable[[int, int, str], tuple[int, str]]  # (nodes before, after, reason) -> (nodes, reason)
HOST_ERRORS = (FleetError, OSError)  # what a machine or its provider may fail with; TimeoutError is an OSError


class Actuator(Protocol):
    """Brings and removes single nodes; both may be cancelled and leave nothing behind."""

    async def add(self) -> str: ...
    async def remove(self, node_id: str, reason: str) -> None: ...
    def removable(self, count: int, leaving: Collection[str] = ()) -> list[str]: ...  # ready, the first goes first
    def lost(self) -> list[str]: ...  # nodes that are silent for so long that they are given up


@dataclass(slots=True, eq=False)
class Setup:
    """A node that is on its way."""

    number: int
    begun: bool = False
    task: Task | None = None


class Autoscaler:
    """Runs one policy on one fleet; `desired_nodes` is the last decision, `first_nodes` what it found."""

    def __init__(
        self,
        runtime: Runtime,
        policy: Policy,
        params: AutoscalerParams,
        sample: Callable[[], FleetSample],
        actuator: Actuator,
        events: EventSink,
    ) -> None:
        self.runtime, self.policy, self.params = runtime, policy, params
        self.actuator, self.events = actuator, events
        self.desired_nodes = self.first_nodes = params.min_nodes
        self.decisions_count = self.failures_count = 0
        self.bound: Bound | None = None  # who may bound a decision
        self._sample = sample
        self._wake = runtime.event()
        self._group: Any = None
        self._starting: dict[int, Setup] = {}
        self._undoing: dict[int, Setup] = {}  # called off, and still cleaning up
        self._leaving: dict[str, None] = {}
        self._setups_count = 0
        self._out_again_at = self._in_again_at = -math.inf
        self._held = ""

    @property
    def starting_count(self) -> int:
        """Nodes asked for that are not in service yet."""
        return len(self._starting)

    @property
    def leaving_count(self) -> int:
        """Nodes that are being drained or called off."""
        return len(self._leaving) + len(self._undoing)

    async def run(self) -> None:
        """Decide until cancelled; then every node under way is undone."""
        self.desired_nodes = self.first_nodes = self._bounded(self._sample().nodes_ready)
        async with self.runtime.group() as group:
            self._group = group
            group.spawn(self._ticks(), "autoscaler ticks")
            while True:
                await self._wake.wait()
                self._wake = self.runtime.event()
                if self._decide():
                    await self.runtime.sleep(0.0)  # what was spawned takes its first step before the next decision

    def poke(self) -> None:
        """Something happened that an event-driven policy decides on, at this instant; does nothing for others."""
        if self.policy.event_driven:
            self._wake.set()

    async def _ticks(self) -> None:
        started_at, number = self.runtime.now(), 0 if self.policy.at_start else 1
        while True:
            await self.runtime.sleep_until(started_at + number * self.params.interval_s)
            self._give_up_lost()
            self._wake.set()
            number += 1

    def _decide(self) -> int:
        """Take a sample and act on it; gives how many nodes are set going."""
        seen = self._sample()
        sample = FleetSample(  # `replace` costs as much as the policy
            at=seen.at,
            nodes_ready=seen.nodes_ready,
            nodes_starting=self.starting_count,
            nodes_draining=max(seen.nodes_draining, self.leaving_count),
            agents_ready=seen.agents_ready,
            agents_per_node=seen.agents_per_node,
            agents_pending=seen.agents_pending,
            in_flight=seen.in_flight,
            waiting=seen.waiting,
            arrivals_count=seen.arrivals_count,
            utilization_ratio=seen.utilization_ratio,
            nodes_idle=seen.nodes_idle,
            nodes_desired=self.desired_nodes,
        )
        self.policy.observe(sample)
        wish = self.policy.desired(sample)
        before = self.desired_nodes
        after = before if wish.nodes is None else self._limited(wish.nodes, before)
        if self.bound is not None and wish.nodes is not None:
            asked, why = self.bound(before, after, wish.reason)
            after, wish = self._bounded(asked), replace(wish, reason=why)
        self.desired_nodes = after
        self.decisions_count += 1
        change = after - sample.nodes_ready - self.starting_count
        acted = self._out(change, sample) if change > 0 else self._in(-change) if change < 0 else 0
        if after != before:
            self._write("scale_out" if after > before else "scale_in", _reason(wish, after), acted)
        elif acted:
            reason = (
                "fewer nodes than decided: some were lost" if change > 0 else "more nodes than decided: some came back"
            )
            self._write("scale_out" if change > 0 else "scale_in", reason, acted)
        else:
            self._hold(wish, change)
        return acted

    def _limited(self, wish: int, before: int) -> int:
        params = self.params
        step_out = max(params.step_out_nodes_max, int(before * params.step_out_ratio_max))
        return self._bounded(min(max(wish, before - params.step_in_nodes_max), before + step_out))

    def _bounded(self, nodes: int) -> int:
        return min(max(nodes, self.params.min_nodes), self.params.max_nodes)

    def _out(self, count: int, sample: FleetSample) -> int:
        """Set nodes up; gives how many."""
        if self.runtime.now() < self._out_again_at:
            return 0
        machines = max(sample.nodes_ready, 0) + self.starting_count + self.leaving_count
        count = min(count, self.params.machines_max - machines)
        for _ in range(count):
            self._setups_count += 1
            setup = Setup(self._setups_count)
            self._starting[setup.number] = setup
            setup.task = self._group.spawn(self._add(setup), f"set-up {setup.number}")
        return max(count, 0)

    def _in(self, count: int) -> int:
        """Call set-ups off, newest first, then drain nodes; gives how many."""
        acted = 0
        for setup in list(reversed(self._starting.values()))[:count]:
            self._call_off(setup)
            acted += 1
        if acted == count or self.runtime.now() < self._in_again_at:
            return acted
        for node_id in self.actuator.removable(count - acted, self._leaving):
            acted += self._let_go(node_id, "scaled in")
        return acted

    def _give_up_lost(self) -> None:
        """Machines that are silent for too long are let go; what was decided replaced them long ago."""
        if self.runtime.now() >= self._in_again_at:
            for node_id in self.actuator.lost():
                self._let_go(node_id, "given up: silent for too long")

    def _let_go(self, node_id: str, reason: str) -> int:
        if node_id in self._leaving or self.leaving_count >= self.params.machines_max:
            return 0
        self._leaving[node_id] = None
        self._group.spawn(self._remove(node_id, reason), f"remove {node_id}")
        return 1

    def _call_off(self, setup: Setup) -> None:
        del self._starting[setup.number]
        if setup.begun:  # one that never began has nothing to clean up
            self._undoing[setup.number] = setup
        assert setup.task is not None
        setup.task.cancel()

    async def _add(self, setup: Setup) -> None:
        setup.begun = True
        try:
            await self.actuator.add()
        except HOST_ERRORS as error:
            self._out_again_at = self.runtime.now() + self.params.interval_s
            self._failed("fleet", 1, error)
        finally:
            self._starting.pop(setup.number, None)
            self._undoing.pop(setup.number, None)
            self.poke()

    async def _remove(self, node_id: str, reason: str) -> None:
        try:
            await self.actuator.remove(node_id, reason)
        except HOST_ERRORS as error:
            self._in_again_at = self.runtime.now() + self.params.interval_s
            self._failed(node_id, -1, error)
        finally:
            del self._leaving[node_id]
            self.poke()

    def _failed(self, subject: str, change: int, error: BaseException) -> None:
        self.failures_count += 1
        reason = str(error) or type(error).__name__
        self.events.write(self.runtime.now(), "scale_failed", subject, change=change, reason=reason)

    def _hold(self, wish: Wish, change: int) -> None:
        """Nothing changes: noted when the reason is a new one."""
        if change:
            reason = "waits after a failure, or for machines that leave"
        elif wish.nodes in (None, self.desired_nodes):
            reason = wish.reason if wish.nodes is None else "as many as there are"
        else:
            reason = "at a limit"
        if reason != self._held:
            self._write("scale_held", reason, 0)
            self._held = reason

    def _write(self, kind: str, reason: str, nodes: int) -> None:
        self._held = ""
        self.events.write(self.runtime.now(), kind, "fleet", reason=reason, desired=self.desired_nodes, nodes=nodes)


def _reason(wish: Wish, after: int) -> str:
    return wish.reason if wish.nodes == after else f"{wish.reason}; wished {wish.nodes}, limited to {after}"
