"""The proof before a setting stays: pairs of windows under the old and the new one, looked at after each.

Both arms of a pair run in the same interval (twins in a simulation, a canary live), so that what the interval brings
cancels. The interval of `sequential` above zero decides for the new setting, below zero rolls back, `pairs_max` pairs
without either end in the old setting. A guardrail that the canary breaks (by more than `BREACH_Z` standard errors of
its window, or of all its windows together) rolls back at once, whatever the gain; and what is promoted keeps it in the
mean of all its windows. A test that may stop when it likes stops on lucky pairs (bias after
stopping: Whitehead 1986): what is reported after a promotion is the mean of `confirm_pairs` more, which neither the
choice nor the stop has seen, with their t interval; promoted is at their end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from scipy.special import stdtrit

from sim.intelligence import transforms
from sim.intelligence.protocol import Guardrail, Window
from sim.intelligence.sequential import PairedTest

BREACH_Z = 1.6448536269514722
PAIRS_MIN = 3
LEVEL_MIN = 1e-9
CONFIRM_PAIRS = 8


class Verdict(Enum):
    """What became of a candidate."""

    CONTINUE = "continue"
    PROMOTE = "promote"
    ROLL_BACK = "roll_back"
    TIME_OUT = "time_out"


@dataclass(frozen=True, slots=True)
class Verified:
    """Improvement as a ratio of the old setting's value, from the pairs alone."""

    improvement_ratio: float
    ci_low: float
    ci_high: float
    pairs_count: int
    se_ratio: float


class Verifier:
    """One candidate against the setting that stands."""

    def __init__(
        self,
        candidate: Mapping[str, float],
        target: str,
        guardrails: Sequence[Guardrail] = (),
        alpha: float = 0.1,
        pairs_max: int = 60,
        confirm_pairs: int = CONFIRM_PAIRS,
    ) -> None:
        self.candidate, self.target, self.guardrails = dict(candidate), target, tuple(guardrails)
        self.pairs_max, self.confirm_pairs = pairs_max, confirm_pairs
        self.verdict, self.reason = Verdict.CONTINUE, ""
        self._alpha = alpha
        self._test, self._confirm = PairedTest(alpha), PairedTest(alpha)
        self._is_better = False
        self._old_sum = 0.0
        self._seen = [Seen() for _ in self.guardrails]  # of the canary, by guardrail

    def add(self, old: Window, new: Window) -> Verdict:
        """One more pair of windows; after a verdict nothing changes any more."""
        if self.verdict is not Verdict.CONTINUE:
            return self.verdict
        broken = breach(new, self.guardrails) or self._together(new, BREACH_Z)
        if broken:
            return self._end(Verdict.ROLL_BACK, broken)
        before, after = old.means[self.target], new.means[self.target]
        difference = transforms.sign_of(self.target) * (after - before)
        self._old_sum += before
        if self._is_better:
            self._confirm.add(difference)
            is_done = self._confirm.count == self.confirm_pairs
            return self._promote() if is_done else self.verdict
        self._test.add(difference)
        low, high = self._test.interval()
        if self._test.count >= PAIRS_MIN and low > 0.0:
            self.reason = f"better by at least {low:.4g} after {self._test.count} pairs"
            if not self.confirm_pairs:
                return self._promote()
            self._is_better = True
            return self.verdict
        if self._test.count >= PAIRS_MIN and high < 0.0:
            return self._end(Verdict.ROLL_BACK, f"worse by at least {-high:.4g} after {self._test.count} pairs")
        if self._test.count >= self.pairs_max:
            return self._end(Verdict.TIME_OUT, f"not separable in {self.pairs_max} pairs")
        return self.verdict

    def verified(self) -> Verified:
        """What the pairs say: those after the stop where there are any."""
        count = self._test.count + self._confirm.count
        level = max(abs(self._old_sum / count), LEVEL_MIN) if count else 1.0
        told = self._confirm if self._confirm.count > 1 else self._test
        low, high = self._test.interval()
        error = told.sd / math.sqrt(told.count) if told.count > 1 else math.inf
        if told is self._confirm:
            half = float(stdtrit(told.count - 1, 1.0 - 0.5 * self._alpha)) * error
            low, high = told.mean - half, told.mean + half
        return Verified(told.mean / level, low / level, high / level, count, error / level)

    def _together(self, window: Window | None, z: float) -> str:
        """As `breach`, of all windows of the canary; `window` comes to them first."""
        for guardrail, seen in zip(self.guardrails, self._seen, strict=True):
            if window is not None and guardrail.target in window.means:
                seen.add(window, guardrail.target)
            broken = _broken(guardrail, seen.mean, seen.variance, seen.n, z) if seen.n else ""
            if broken:
                return f"{broken} in {seen.n} tasks"
        return ""

    def _promote(self) -> Verdict:
        broken = self._together(None, 0.0)
        return self._end(Verdict.ROLL_BACK, broken) if broken else self._end(Verdict.PROMOTE, self.reason)

    def _end(self, verdict: Verdict, reason: str) -> Verdict:
        self.verdict, self.reason = verdict, reason
        return verdict


class Seen:
    """Tasks of one setting over all its windows: their number, mean and variance between tasks."""

    def __init__(self) -> None:
        self.n, self.mean, self._squares = 0, 0.0, 0.0

    @property
    def variance(self) -> float:
        """Of the tasks, within and between windows."""
        return self._squares / self.n if self.n else 0.0

    def add(self, window: Window, target: str) -> None:
        """One more window (parallel update: Chan et al. 1983)."""
        n, total = max(window.n, 1), self.n + max(window.n, 1)
        apart = window.means[target] - self.mean
        self._squares += n * max(window.variances.get(target, 0.0), 0.0) + apart**2 * self.n * n / total
        self.mean += apart * n / total
        self.n = total


def breach(window: Window, guardrails: Sequence[Guardrail]) -> str:
    """Which guardrail a window breaks beyond its noise, in words; empty if none."""
    for guardrail in guardrails:
        mean = window.means.get(guardrail.target)
        if mean is None:
            continue
        variance = max(window.variances.get(guardrail.target, 0.0), 0.0)
        broken = _broken(guardrail, mean, variance, max(window.n, 1), BREACH_Z)
        if broken:
            return broken
    return ""


def _broken(guardrail: Guardrail, mean: float, variance: float, n: int, z: float) -> str:
    """A rate's variance is at least that at the bound: four failures of four prove little (score test: Wilson 1927)."""
    for bound, word, side in ((guardrail.maximum, "above", 1.0), (guardrail.minimum, "below", -1.0)):
        if not math.isfinite(bound):
            continue
        least = bound * (1.0 - bound) if guardrail.target in transforms.RATES else 0.0
        if side * (mean - bound) > z * math.sqrt(max(variance, least, 0.0) / n):
            return f"{guardrail.target} {mean:.4g} {word} {bound:.4g}"
    return ""
