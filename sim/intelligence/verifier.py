"""The proof before a setting stays: pairs of windows under the old and the new one, looked at after each.

Both arms of a pair run in the same interval (twins in a simulation, a canary live), so that what the interval brings
cancels. The interval of `sequential` above zero promotes, below zero rolls back, `pairs_max` pairs without either end
in the old setting. A guardrail that the canary breaks (by more than `BREACH_Z` standard errors of its window) rolls
back at once, whatever the gain. What is reported afterwards is the mean of these pairs: data that the choice has not
seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from sim.intelligence import transforms
from sim.intelligence.protocol import Guardrail, Window
from sim.intelligence.sequential import PairedTest

BREACH_Z = 1.6448536269514722
PAIRS_MIN = 3


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
    ) -> None:
        self.candidate, self.target, self.guardrails = dict(candidate), target, tuple(guardrails)
        self.pairs_max = pairs_max
        self.verdict, self.reason = Verdict.CONTINUE, ""
        self._test = PairedTest(alpha)
        self._old_sum = 0.0

    def add(self, old: Window, new: Window) -> Verdict:
        """One more pair of windows; after a verdict nothing changes any more."""
        if self.verdict is not Verdict.CONTINUE:
            return self.verdict
        broken = breach(new, self.guardrails)
        if broken:
            return self._end(Verdict.ROLL_BACK, broken)
        before, after = old.means[self.target], new.means[self.target]
        self._old_sum += before
        self._test.add(transforms.sign_of(self.target) * (after - before))
        low, high = self._test.interval()
        if self._test.count >= PAIRS_MIN and low > 0.0:
            return self._end(Verdict.PROMOTE, f"better by at least {low:.4g} after {self._test.count} pairs")
        if self._test.count >= PAIRS_MIN and high < 0.0:
            return self._end(Verdict.ROLL_BACK, f"worse by at least {-high:.4g} after {self._test.count} pairs")
        if self._test.count >= self.pairs_max:
            return self._end(Verdict.TIME_OUT, f"not separable in {self.pairs_max} pairs")
        return self.verdict

    def verified(self) -> Verified:
        """What the pairs say."""
        count = self._test.count
        level = max(abs(self._old_sum / count), 1e-9) if count else 1.0
        low, high = self._test.interval()
        error = self._test.sd / math.sqrt(count) / level if count > 1 else math.inf
        return Verified(self._test.mean / level, low / level, high / level, count, error)

    def _end(self, verdict: Verdict, reason: str) -> Verdict:
        self.verdict, self.reason = verdict, reason
        return verdict


def breach(window: Window, guardrails: Sequence[Guardrail]) -> str:
    """Which guardrail a window breaks beyond its noise, in words; empty if none."""
    for guardrail in guardrails:
        mean = window.means.get(guardrail.target)
        if mean is None:
            continue
        error = BREACH_Z * math.sqrt(max(window.variances.get(guardrail.target, 0.0), 0.0) / max(window.n, 1))
        if mean - error > guardrail.maximum:
            return f"{guardrail.target} {mean:.4g} above {guardrail.maximum:.4g}"
        if mean + error < guardrail.minimum:
            return f"{guardrail.target} {mean:.4g} below {guardrail.minimum:.4g}"
    return ""
