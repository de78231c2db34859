"""Delay-bounded search: a small history again with every pair of its awaits late (Emmi, Qadeer, Rakamaric 2011).

The awaits are those of the control plane at its host, its link, its clock and its tasks; each is held up before or
after what it waits for, by longer than a body takes to start. Nothing is random: all pairs are run, and each run must
end with every agent once, under its live epoch, as the journal says. Appending to a ledger has no await: its kills are
enumerated elsewhere. `python -m tests.storm.late` runs them and writes
results/storm/delays.csv.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from sim.scalability.manager.assignment import replay
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import node
from tests.scalability.manager.test_killed_at_every_await import Plane

PUBLISHED = Path(__file__).parents[2] / "results" / "storm" / "delays.csv"
DELAY_S = 1.25  # a body starts in one second and stops in half of one
POINTS_MAX = 200
MOST = 2  # late awaits in what is published
LATE_S_MAX = 200.0  # by when a history has ended


class LatePlane(Plane):
    """A control plane whose awaits of these numbers are late; counted from `begin` on."""

    def __init__(self, late: tuple[int, ...]) -> None:
        super().__init__(-1, "cancelled")
        self.late, self.points_count, self.counting = late, 0, True
        self.switch.point = self._point  # type: ignore[method-assign]

    async def _point(self) -> None:
        if self.counting:
            self.points_count += 1
            if self.points_count in self.late:
                await self.runtime.sleep(DELAY_S)

    async def three_nodes(self) -> None:
        """Three nodes of three places, five agents, two states."""
        await self.manager.start()
        for index in range(3):
            await self.manager.register_node(node(f"node-{index}", 3))
        for _ in range(5):
            await self.deploy()
        await self.save("agent-1", 1)


async def failover(plane: LatePlane) -> None:
    """A node falls silent and comes back while its agents are on their way."""
    await plane.three_nodes()
    plane.manager.heartbeat("node-0", status=NodeStatus.OFFLINE)
    await plane.runtime.sleep(1.5)
    plane.manager.heartbeat("node-0")
    await plane.save("agent-1", 2)
    await plane.runtime.sleep(1.0)


async def drain(plane: LatePlane) -> None:
    """A node is drained and leaves while an agent is undeployed and another one comes."""
    await plane.three_nodes()
    leaving = plane.runtime.spawn(plane.attempt(plane.manager.remove_node("node-1", drain_s=2.0)), "leaving")
    await plane.runtime.sleep(0.25)
    await plane.undeploy("agent-2")
    await plane.deploy()
    await leaving.join()


HISTORIES: dict[str, Callable[[LatePlane], Coroutine[Any, Any, None]]] = {"failover": failover, "drain": drain}
NAMES = tuple(HISTORIES)


def points_of(name: str, late: tuple[int, ...] = ()) -> int:
    """Run a history with these awaits late and audit what is left; gives how many awaits it had."""
    plane = LatePlane(late)
    runtime = plane.runtime
    task = runtime.spawn(HISTORIES[name](plane), name)
    while not task.done():
        runtime.run(until=runtime.now() + 1.0)
        assert runtime.now() < LATE_S_MAX, f"{name} hangs with {late} late"
    task.outcome()
    plane.counting = False
    count, manager = plane.points_count, plane.manager
    assert replay(plane.journal.records()).settled().digest() == manager.assignment_digest(), late
    plane.converge(manager)
    plane.audit(manager)
    runtime.close()
    return count


def choices(count: int, most: int) -> list[tuple[int, ...]]:
    """Every choice of at most so many awaits."""
    return [late for chosen in range(most + 1) for late in itertools.combinations(range(1, count + 1), chosen)]


def search(name: str, most: int = 2, every: int = 1) -> int:
    """Run every (or each so-manieth) choice of at most so many awaits; gives how many were run."""
    count = points_of(name)
    assert 0 < count <= POINTS_MAX
    chosen = choices(count, most)[::every]
    for late in chosen:
        points_of(name, late)
    return len(chosen)


def main() -> None:
    """All choices of all histories."""
    rows = []
    for name in NAMES:
        awaits, runs = points_of(name), search(name, MOST)
        rows.append([name, awaits, MOST, runs, 0])
        print(f"{name}: {awaits} awaits, {runs} runs with at most {MOST} of them late, 0 broken", flush=True)
    with PUBLISHED.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["history", "awaits", "late", "runs", "broken"], *rows])


if __name__ == "__main__":
    main()
