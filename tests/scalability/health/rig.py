"""What the tests of health stand on: a clock that is set by hand, a membership that keeps books, nodes that can die."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from sim.contracts import Membership
from sim.runtime.draws import CounterDraws
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.health.eligible import EligibleSet

DRAWS = CounterDraws(7, 0)


class Heard(Membership):
    """What stands behind an eligible set; `calls` in order."""

    def __init__(self) -> None:
        self.usable: dict[str, bool] = {}
        self.silent: dict[str, bool] = {}
        self.ready: dict[tuple[str, str], int] = {}
        self.fenced: list[str] = []
        self.calls: list[tuple[str, bool, bool]] = []

    def node_joined(self, node_id: str, weight: float) -> None:
        assert node_id not in self.usable
        self.usable[node_id], self.silent[node_id] = True, False

    def agents_changed(self, node_id: str, agent_type: str, ready: int) -> None:
        self.ready[node_id, agent_type] = ready

    def set_eligible(self, node_id: str, eligible: bool, silent: bool = False) -> None:
        self.calls.append((node_id, eligible, silent))
        self.usable[node_id], self.silent[node_id] = eligible, silent

    def fence(self, node_id: str) -> None:
        self.fenced.append(node_id)

    def node_left(self, node_id: str) -> None:
        del self.usable[node_id], self.silent[node_id]


@dataclass(slots=True)
class Stage:
    """A runtime, an event log, and an eligible set before `Heard`; nodes are n0, n1, ... and so are their slots."""

    nodes: int = 0
    panic_ratio: float = 0.0
    runtime: VirtualRuntime = field(default_factory=VirtualRuntime)
    log: EventLog = field(default_factory=EventLog)
    heard: Heard = field(default_factory=Heard)
    eligible: EligibleSet = field(init=False)
    open: ClassVar[list[VirtualRuntime]] = []

    def __post_init__(self) -> None:
        Stage.open.append(self.runtime)
        self.eligible = EligibleSet(self.heard, self.runtime, self.log, self.panic_ratio)
        for node in range(self.nodes):
            self.eligible.node_joined(f"n{node}", 1.0)

    def pass_time(self, until: float) -> None:
        """Move time to an instant; what is due at it has not happened yet."""
        if until > self.runtime.now():
            self.runtime.run(until)

    def events(self, *kinds: str) -> list[tuple[float, str, str, str]]:
        """(at, kind, subject, reason) of the events of these kinds, all by default."""
        rows = [row for row in self.log.rows if not kinds or row.kind in kinds]
        return [(row.at, row.kind, row.subject, str(dict(row.fields)["reason"])) for row in rows]

    def used(self) -> list[str]:
        """The nodes that may be picked."""
        return [name for name, usable in self.heard.usable.items() if usable]


class Mortals:
    """Probers: a node answers until it dies, then never; a number in `lost` is not answered either, `no` says no."""

    def __init__(self, runtime: VirtualRuntime, answer_s: float = 0.0) -> None:
        self.runtime, self.answer_s = runtime, answer_s
        self.dead_at: dict[str, float] = {}
        self.back_at: dict[str, float] = {}
        self.lost: set[tuple[str, int]] = set()
        self.broken: set[str] = set()
        self.asked: list[tuple[float, str, int]] = []

    async def probe(self, node_id: str, number: int) -> bool:
        now = self.runtime.now()
        self.asked.append((now, node_id, number))
        if node_id in self.broken:
            raise ConnectionResetError(node_id)
        dead = self.dead_at.get(node_id, float("inf")) <= now < self.back_at.get(node_id, float("inf"))
        await self.runtime.sleep(float("inf") if dead or (node_id, number) in self.lost else self.answer_s)
        return True
