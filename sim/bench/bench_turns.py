"""Contestants run in turn (A B C A B C ...), timed in CPU seconds: a busy machine slows all, waiting counts for none.

A speed is requests served a CPU second, set-up and imports left out, the median over rounds; a short run before the
first round, which compiles what has to be compiled, is not counted. A ratio is that of two
medians, its interval the smallest and largest ratio within a round. Every contestant must answer with the mean sojourn
that its scenario has, within 5 % and five standard errors of so many requests: all do the same work. The mean is that
of its rounds: some draw anew in each, and the sojourns of a short run hang together. One round alone may be
`ROUND_FACTOR` times as far away. One that is not there says why, prints `absent` and has no ratio.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sim.errors import InvalidRun

TOLERANCE_RATIO = 0.05
SHORT_REQUESTS = 1_000
STANDARD_ERRORS = 5.0  # of the mean of sojourns whose deviation is about their mean
ROUND_FACTOR = 3.0


class Absent(Exception):
    """A contestant that cannot run here; its text is the reason."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One run: what it served in how many CPU seconds, and the mean sojourn it answered with."""

    requests: int
    cpu_s: float
    mean_sojourn_s: float
    version: str = ""

    @property
    def requests_per_s(self) -> float:
        """Requests a CPU second."""
        return self.requests / self.cpu_s


@dataclass(frozen=True, slots=True)
class Contestant:
    """`run(requests, seed)` raises `Absent` where it cannot; `expected_s` is the mean sojourn of its scenario."""

    name: str
    requests: int
    run: Callable[[int, int], Timed]
    expected_s: float
    note: str = ""


@dataclass(slots=True)
class Speed:
    """What a contestant showed, a run a round; `absent` is why there is none."""

    contestant: Contestant
    runs: list[Timed] = field(default_factory=list)
    absent: str = ""

    @property
    def name(self) -> str:
        """The contestant's."""
        return self.contestant.name

    @property
    def rates(self) -> list[float]:
        """Requests a CPU second, by round."""
        return [run.requests_per_s for run in self.runs]

    @property
    def median(self) -> float:
        """Of the rates; NaN when absent."""
        return statistics.median(self.rates) if self.runs else math.nan


@dataclass(frozen=True, slots=True)
class SpeedRow:
    """One line of `bench.csv`; the ratio is NaN where a side is absent, and the note says why."""

    what: str
    baseline: str
    ratio: float
    ratio_low: float
    ratio_high: float
    note: str = ""


def in_turn(
    contestants: Sequence[Contestant], seed: int, rounds: int, said: Callable[[str], None] = lambda _: None
) -> dict[str, Speed]:
    """Every contestant once a round; raises `InvalidRun` for one that answers otherwise than its scenario."""
    speeds = {contestant.name: Speed(contestant) for contestant in contestants}
    for number in range(rounds + 1):
        for speed in speeds.values():
            if speed.absent:
                continue
            contestant = speed.contestant
            said(f"round {number} of {rounds}: {speed.name}" if number else f"ready? {speed.name}")
            try:
                run = contestant.run(contestant.requests if number else SHORT_REQUESTS, seed)
            except Absent as error:
                speed.absent, speed.runs = str(error), []
                continue
            if number:
                check(contestant, [run], ROUND_FACTOR)
                speed.runs.append(run)
    for speed in speeds.values():
        if speed.runs:
            check(speed.contestant, speed.runs)
    return speeds


def check(contestant: Contestant, runs: Sequence[Timed], factor: float = 1.0) -> None:
    """Raises `InvalidRun` where the mean sojourn of all runs is not the scenario's, `factor` times as far allowed."""
    mean_s = statistics.fmean(run.mean_sojourn_s for run in runs)
    allowed = factor * max(TOLERANCE_RATIO, STANDARD_ERRORS / math.sqrt(runs[0].requests))
    if not abs(mean_s / contestant.expected_s - 1.0) <= allowed:
        expected = f"expected is {contestant.expected_s:.4f} s within {allowed * 100.0:.1f} %"
        raise InvalidRun("yardstick", f"{contestant.name}: mean sojourn {mean_s:.4f} s, {expected}")


def ratio(what: Speed, baseline: Speed, note: str = "") -> SpeedRow:
    """How many times as fast the first is as the second, which ran in the same rounds."""
    for side in (what, baseline):
        if side.absent:
            return SpeedRow(what.name, baseline.name, math.nan, math.nan, math.nan, f"absent: {side.absent}")
    by_round = [one / other for one, other in zip(what.rates, baseline.rates, strict=True)]
    note = "; ".join(text for text in (note, baseline.contestant.note) if text)
    return SpeedRow(what.name, baseline.name, what.median / baseline.median, min(by_round), max(by_round), note)
