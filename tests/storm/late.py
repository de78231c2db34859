"""Delay-bounded search: a small history again with every pair of its awaits late (Emmi, Qadeer, Rakamaric 2011).

The awaits are those of the control plane at its host, its link, its clock and its tasks; each is held up before or
after what it waits for, by longer than that takes. Nothing is random: all pairs are run, on virtual time and on the
live runtime (asyncio, its clock warped), and each run must end as its history says. Appending to a ledger has no await:
its kills are enumerated elsewhere. `python -m tests.storm.late [most]` runs them and writes results/storm/delays.csv.
"""

from __future__ import annotations

import csv
import itertools
import math
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol

from tests.conformance.runtime.stage import PLAYS

PUBLISHED = Path(__file__).parents[2] / "results" / "storm" / "delays.csv"
POINTS_MAX = 200
MOST = 2  # late awaits, unless more are asked for
HISTORY_S_MAX = 400.0  # by when a history has ended
RUNTIMES = tuple(PLAYS)


class Late:
    """Counts awaits while `counting`; those of the numbers `late` wait for `delay_s` first."""

    def __init__(self, late: tuple[int, ...], delay_s: float) -> None:
        self.late, self.delay_s = late, delay_s
        self.count, self.counting = 0, True
        self.runtime: Any = None

    async def point(self) -> None:
        """An await is passed."""
        if self.counting:
            self.count += 1
            if self.count in self.late:
                await self.runtime.sleep(self.delay_s)


class History(Protocol):
    """Runs with these awaits late and judges what came of it."""

    def __call__(self, runtime: Any, late: Late) -> Coroutine[Any, Any, None]: ...


def histories() -> dict[str, tuple[History, float]]:
    """By name, each with how late its awaits are, seconds."""
    from tests.storm import late_fleet, late_reload

    return {
        "failover": (late_fleet.failover, late_fleet.DELAY_S),
        "drain": (late_fleet.drain, late_fleet.DELAY_S),
        "reload": (late_reload.reload, late_reload.DELAY_S),
    }


NAMES = ("failover", "drain", "reload")


async def in_time(runtime: Any, body: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """A history that hangs is an error, too."""
    async with runtime.timeout(HISTORY_S_MAX):
        await body(runtime)


def points_of(name: str, late: tuple[int, ...] = (), where: str = "virtual") -> int:
    """Run a history with these awaits late and judge what is left; gives how many awaits it had."""
    history, delay_s = histories()[name]
    points = Late(late, delay_s)

    async def body(runtime: Any) -> None:
        points.runtime = runtime
        await history(runtime, points)

    try:
        PLAYS[where](lambda runtime: in_time(runtime, body))
    except Exception as error:
        error.add_note(f"{name} on {where} time with {late} late")
        raise
    return points.count


def choices(count: int, most: int) -> list[tuple[int, ...]]:
    """Every choice of at most so many awaits."""
    return [late for chosen in range(most + 1) for late in itertools.combinations(range(1, count + 1), chosen)]


def search(name: str, most: int = 2, every: int = 1, where: str = "virtual") -> int:
    """Run every (or each so-manieth) choice of at most so many awaits; gives how many were run."""
    count = points_of(name, (), where)
    assert 0 < count <= POINTS_MAX
    chosen = choices(count, most)[::every]
    for late in chosen:
        points_of(name, late, where)
    return len(chosen)


def runs_of(awaits: int, most: int) -> int:
    """How many choices there are."""
    return sum(math.comb(awaits, chosen) for chosen in range(most + 1))


def main(most: int = MOST) -> None:
    """All choices of at most so many awaits of all histories."""
    rows = []
    for name, where in itertools.product(NAMES, RUNTIMES):
        awaits, runs = points_of(name, (), where), search(name, most, 1, where)
        rows.append([name, where, awaits, most, runs, 0])
        print(f"{name}, {where}: {awaits} awaits, {runs} runs with at most {most} of them late, 0 broken", flush=True)
    with PUBLISHED.open("w", encoding="utf-8", newline="") as file:
        columns = ["history", "runtime", "awaits", "late", "runs", "broken"]
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
