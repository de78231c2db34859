"""What the autoscaler's tests stand on: samples by hand, and a fleet whose capacity follows its nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from itertools import pairwise
from typing import Any

from sim.contracts import FleetSample
from sim.errors import FleetError
from sim.registry import lookup
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.autoscaler.loop import Autoscaler
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.scalability.autoscaler.policy import Policy

AGENTS = 12  # a node


def sample(at: float = 0.0, utilization: float = math.nan, ready: int = 10, **facts: Any) -> FleetSample:
    """A sample in which nothing is under way but what is given; desired is ready and starting."""
    given = {
        "nodes_starting": 0,
        "nodes_draining": 0,
        "agents_ready": ready * AGENTS,
        "agents_per_node": AGENTS,
        "agents_pending": 0,
        "in_flight": 0,
        "waiting": 0,
        "arrivals_count": 0,
        **facts,
    }
    given.setdefault("nodes_desired", ready + given["nodes_starting"])
    return FleetSample(at=at, nodes_ready=ready, utilization_ratio=utilization, **given)


def policy_of(kind: str, **settings: Any) -> Policy:
    """A policy by its registered name."""
    made: Policy = lookup("autoscaler", kind)(AutoscalerParams(kind=kind, **settings))
    return made


class FakeFleet:
    """Actuator and sampler in one: `load(at)` agents want to be busy; nodes take `provisioning_s` and drain at once."""

    def __init__(self, load: Callable[[float], float], nodes: int, provisioning_s: float = 0.0) -> None:
        self.runtime = VirtualRuntime()
        self.load, self.provisioning_s = load, provisioning_s
        self.nodes: dict[str, None] = {f"node-{index}": None for index in range(nodes)}
        self.serial = nodes
        self.adds = self.cancelled = 0
        self.removed: list[str] = []
        self.silent: list[str] = []
        self.broken = self.stuck = self.unremovable = False
        self.extra: dict[str, Any] = {}  # facts of the next samples
        self.arrivals = 0.0
        self.log = EventLog()

    def sample(self) -> FleetSample:
        at, ready = self.runtime.now(), len(self.nodes)
        wanted = self.load(at)
        busy = min(wanted, ready * AGENTS) if ready else math.nan
        facts = {
            "at": at,
            "ready": ready,
            "utilization": busy / (ready * AGENTS) if ready else math.nan,
            "in_flight": math.ceil(wanted) if math.isfinite(wanted) and wanted > 0.0 else 0,
            "arrivals_count": int(self.arrivals),
            **self.extra,
        }
        return sample(**facts)

    async def add(self) -> str:
        self.adds += 1
        try:
            await self.runtime.sleep(math.inf if self.stuck else self.provisioning_s)
        except BaseException:
            self.cancelled += 1
            raise
        if self.broken:
            raise FleetError("out of machines")
        name = f"node-{self.serial}"
        self.serial += 1
        self.nodes[name] = None
        return name

    async def remove(self, node_id: str, reason: str) -> None:
        if self.unremovable:
            raise FleetError(f"{node_id} does not let go")
        del self.nodes[node_id]
        self.removed.append(node_id)

    def removable(self, count: int, leaving: Collection[str] = ()) -> list[str]:
        return [name for name in reversed(self.nodes) if name not in leaving][:count]

    def lost(self) -> list[str]:
        return self.silent

    def autoscaler(self, kind: str, **settings: Any) -> Autoscaler:
        """A loop over the fleet that runs already."""
        params = AutoscalerParams(kind=kind, **settings)
        scaler = Autoscaler(self.runtime, policy_of(kind, **settings), params, self.sample, self, self.log)
        self.runtime.spawn(scaler.run(), "autoscaler")
        return scaler

    def reasons(self, kind: str) -> list[str]:
        return [str(dict(row.fields)["reason"]) for row in self.log.rows if row.kind == kind]


def directions(desired: list[int]) -> list[tuple[int, int]]:
    """(index, +1 or -1) of every change of a series."""
    pairs = pairwise(desired)
    return [(index + 1, 1 if after > before else -1) for index, (before, after) in enumerate(pairs) if after != before]


def reversals(desired: list[int]) -> int:
    """Changes that go the other way than the change before."""
    signs = [sign for _, sign in directions(desired)]
    return sum(before != after for before, after in pairwise(signs))
