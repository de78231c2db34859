"""The goals of the optimizer as a table: what was asked, what was measured with its interval over seeds, if reached.

A goal is reached when the measured value meets it (the bound of the interval where the goal names one). What cannot be
measured with what was run is `not measured`, never reached.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from sim.bench.optimize import following
from sim.bench.optimize.regret import Regrets
from sim.bench.optimize.spread import Estimate, over_seeds
from sim.bench.optimize.truths import (
    Judged,
    brier,
    calibration_error,
    is_covered,
    is_harm,
    ratio_over_seeds,
    reliability,
    share,
)
from sim.bench.optimize.yardstick import Yardstick

Record = dict[str, Any]
GAIN_PERCENT, EARLY, LATE = 5.0, 50, 100


@dataclass(frozen=True, slots=True)
class Goal:
    """One row; `reached` None where it was not measured."""

    name: str
    asked: str
    measured: Estimate
    reached: bool | None
    note: str = ""


class Scores:
    """All goals of one method; `tpe` must be among the records for those that compare with it."""

    def __init__(self, records: Sequence[Record], yardsticks: Mapping[str, Yardstick], windows: Sequence[int]) -> None:
        self.records, self.yardsticks, self.windows = records, yardsticks, list(windows)
        self.regrets = Regrets(records, yardsticks, windows)
        self.seeds = self.regrets.seeds

    def of(self, method: str) -> list[Record]:
        """Records of a method."""
        return [record for record in self.records if record["method"] == method]

    def claims(self, method: str) -> list[Judged]:
        """All recommendations of a method."""
        keys = ("window", "claimed", "ci_low", "ci_high", "confidence", "applied", "true", "stated", "verified")
        return [
            Judged(record["surface"], record["seed"], **{key: claim[key] for key in keys})
            for record in self.of(method)
            for claim in record["claims"]
        ]

    def goals(self, method: str, other: str = "tpe") -> list[Goal]:
        """The table."""
        rows = self.claims(method)
        return [
            *self._regret_goals(method, other),
            *_claim_goals([row for row in rows if row.stated], self.seeds),
            *_applied_goals([row for row in rows if row.applied], self.seeds),
            self._applied_goal(rows),
            self._null_goal(rows),
            *self._cost_goals(method, other),
            *self._drift_goals(method),
            self._importance_goal(method),
            self._speed_goal(method),
        ]

    def _regret_goals(self, method: str, other: str) -> list[Goal]:
        found = []
        for window, most in ((LATE, 0.10), (EARLY, 0.15)):
            name = f"normalized simple regret at {window} windows"
            if window in self.windows and self.regrets.surfaces:
                measured = self.regrets.mean(method, window)
                found.append(Goal(name, f"at most {most:g}", measured, measured.value <= most))
            else:
                found.append(_unmeasured(name, f"at most {most:g}"))
        name, asked = f"its ratio to {other} at {LATE} windows", "at most 1, upper bound at most 1.05"
        if other in self.regrets.by_method and LATE in self.windows:
            measured = self.regrets.ratio(method, other, LATE)
            found.append(Goal(name, asked, measured, measured.value <= 1.0 and measured.high <= 1.05))
        else:
            found.append(_unmeasured(name, asked))
        return found

    def _applied_goal(self, rows: Sequence[Judged]) -> Goal:
        due = [row for row in rows if row.window == LATE and self._gain(row) >= GAIN_PERCENT]
        name, asked = f"applied at {LATE} windows when a gain of 5 % exists", "at least 0.7"
        if not due:
            return _unmeasured(name, asked)
        measured = share(due, self.seeds, lambda row: row.applied)
        return Goal(name, asked, measured, measured.value >= 0.7)

    def _gain(self, row: Judged) -> float:
        stick = self.yardsticks[row.surface]
        return 100.0 * (stick.best[row.window] / stick.incumbent[row.window] - 1.0)

    def _null_goal(self, rows: Sequence[Judged]) -> Goal:
        name, asked = "null: seeds with any false promotion, looked at all the time", "at most 0.05"
        null = [row for row in rows if row.surface == "null"]
        if not null:
            return _unmeasured(name, asked)
        wrong = {seed: any(row.applied and row.true < 0.0 for row in null if row.seed == seed) for seed in self.seeds}
        values = np.array([float(wrong[seed]) for seed in self.seeds])
        measured = over_seeds(len(values), lambda chosen: float(values[list(chosen)].mean()))
        return Goal(name, asked, measured, measured.value <= 0.05)

    def _cost_goals(self, method: str, other: str) -> list[Goal]:
        records = self.of(method)
        measured = self._by_seed(records, following.exploration_ratio)
        found = [Goal("utility while searching over that of standing still", "at least 0.97", measured,
                      measured.value >= 0.97)]  # fmt: skip
        base = following.worse_windows(self.of(other))
        name, asked = f"windows over 10 % worse than the incumbent, fewer than {other}'s by", "at least 0.95"
        if not base:
            return [*found, _unmeasured(name, asked)]
        fewer = 1.0 - following.worse_windows(records) / base
        return [*found, Goal(name, asked, Estimate(fewer, math.nan, math.nan), fewer >= 0.95)]

    def _drift_goals(self, method: str) -> list[Goal]:
        records = self.of(method)
        sudden = [record for record in records if record["surface"] == "drift_sudden"]
        changing = [record for record in records if self.yardsticks[record["surface"]].changed_by is not None]
        names = ("sudden drift: alarm within 5 windows", "false alarms in 200 windows", "90 % recovered within 30")
        asked = ("every time", "at most 1", "every time")
        if not sudden:
            return [_unmeasured(name, wanted) for name, wanted in zip(names, asked, strict=True)]
        alarms = self._by_seed(sudden, self._alarmed)
        false = self._by_seed(records, self._false)
        back = self._by_seed(changing, self._recovered)
        return [
            Goal(names[0], asked[0], alarms, alarms.value >= 1.0),
            Goal(names[1], asked[1], false, false.value <= 1.0),
            Goal(names[2], asked[2], back, back.value >= 1.0, "share of drifting runs, looked at every ten windows"),
        ]

    def _alarmed(self, records: Sequence[Record]) -> float:
        hits = [following.is_alarm_in_time(record, self.yardsticks[record["surface"]]) for record in records]
        return float(np.mean(hits))

    def _false(self, records: Sequence[Record]) -> float:
        pairs = [following.false_alarms(record, self.yardsticks[record["surface"]]) for record in records]
        return 200.0 * sum(count for count, _ in pairs) / sum(windows for _, windows in pairs)

    def _recovered(self, records: Sequence[Record]) -> float:
        took = [following.recovery_windows(record, self.yardsticks[record["surface"]]) for record in records]
        return float(np.mean([windows <= 30.0 for windows in took]))

    def _by_seed(self, records: Sequence[Record], statistic: Callable[[Sequence[Record]], float]) -> Estimate:
        sets = [[record for record in records if record["seed"] == seed] for seed in self.seeds]
        return over_seeds(
            len(sets), lambda chosen: statistic([record for at in chosen for record in sets[at]]), times=400
        )

    def _importance_goal(self, method: str) -> Goal:
        name, asked = "importance against true Sobol indices, mean Spearman, randomized windows", "at least 0.9"
        by_seed: dict[int, list[float]] = {seed: [] for seed in self.seeds}
        for record in self.of(method):
            told, true = record.get("weights", {}), self.yardsticks[record["surface"]].total_indices
            if set(told) == set(true) and len(set(told.values())) > 1:
                keys = sorted(true)
                value = spearmanr([told[key] for key in keys], [true[key] for key in keys]).statistic
                by_seed[record["seed"]].append(float(value))
        if not any(by_seed.values()):
            return _unmeasured(name, asked)
        lists = [by_seed[seed] for seed in self.seeds]
        measured = over_seeds(len(lists), lambda chosen: _mean([value for at in chosen for value in lists[at]]))
        return Goal(name, asked, measured, measured.value >= 0.9)

    def _speed_goal(self, method: str) -> Goal:
        times_s = [each for record in self.of(method) for each in record["cpu"]["ask_s"]]
        p95_ms = 1e3 * float(np.quantile(times_s, 0.95))
        return Goal("ask, p95 in CPU ms", "at most 50", Estimate(p95_ms, math.nan, math.nan), p95_ms <= 50.0)


def _claim_goals(claims: Sequence[Judged], seeds: Sequence[int]) -> list[Goal]:
    """Of all that was recommended, applied or not."""
    gaining = [row for row in claims if row.surface != "null"]
    stated = [row for row in claims if math.isfinite(row.ci_low)]
    sure = [row for row in claims if math.isfinite(row.confidence)]
    count = f"{len(claims)} recommendations"
    bias = ratio_over_seeds(gaining, seeds, lambda row: row.claimed - row.true, lambda row: row.true)
    found = [Goal("claim bias over the true gain", "within 0.05", bias, abs(bias.value) <= 0.05, count)]
    if stated:
        covered = share(stated, seeds, is_covered)
        reached = 0.87 <= covered.value <= 0.93 and len(stated) >= 500
        found.append(Goal("coverage of the 90 % interval", "0.87 to 0.93, 500 or more", covered, reached, count))
    else:
        found.append(_unmeasured("coverage of the 90 % interval", "0.87 to 0.93, 500 or more"))
    if sure:
        error = calibration_error(reliability(sure))
        note = f"Brier score {brier(sure):.3f}, {len(sure)} recommendations"
        reached = error <= 0.05 and len(sure) >= 1_000
        estimate = Estimate(error, math.nan, math.nan)
        found.append(
            Goal("calibration error of the confidence", "at most 0.05, 1,000 or more", estimate, reached, note)
        )
    else:
        found.append(_unmeasured("calibration error of the confidence", "at most 0.05, 1,000 or more"))
    return found


def _applied_goals(applied: Sequence[Judged], seeds: Sequence[int]) -> list[Goal]:
    """Of what was applied: after its proof, where the method proves."""
    better, harm = share(applied, seeds, lambda row: row.true > 0.0), share(applied, seeds, is_harm)
    reached = better.value >= 0.95 and better.low >= 0.93
    proved = [row for row in applied if math.isfinite(row.verified) and row.surface != "null"]
    bias = ratio_over_seeds(proved, seeds, lambda row: row.verified - row.true, lambda row: row.true)
    count = f"{len(applied)} applied"
    found = [
        Goal("applied and truly better", "at least 0.95, lower bound at least 0.93", better, reached, count),
        Goal("harm: applied, true loss over 1 %", "at most 0.01", harm, harm.value <= 0.01),
    ]
    name = "bias of what is reported after promotion"
    if not proved:
        return [*found, _unmeasured(name, "within 0.05")]
    return [*found, Goal(name, "within 0.05", bias, abs(bias.value) <= 0.05)]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _unmeasured(name: str, asked: str) -> Goal:
    return Goal(name, asked, Estimate(math.nan, math.nan, math.nan), None, "not measured")
