"""Random search: settings uniform over the unit cube, and the best that was seen (Bergstra, Bengio 2012).

Its claim is what it saw: the mean of the best window less the mean of the incumbent's windows. That is biased upward by
the choice (the winner's curse; Smith, Winkler 2006) and states no uncertainty; it is here to be compared with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from sim.bench.optimize.problem import Problem
from sim.intelligence.protocol import Parameter, Proposal, Recommendation, Window
from sim.runtime.draws import SEARCH

INCUMBENT_FIRST = 4  # windows of the incumbent, so that there is something to compare with


class Observed:
    """Windows told so far, and the best of them that keeps the guardrails; shared by the baselines."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.best: Window | None = None
        self.incumbent_values: list[float] = []
        self.count = 0

    def tell(self, window: Window) -> None:
        """Take a window in."""
        value = window.means[self.problem.objective]
        self.count += 1
        if dict(window.params) == self.problem.incumbent:
            self.incumbent_values.append(value)
        allowed = all(rail.minimum <= window.means[rail.target] <= rail.maximum for rail in self.problem.guardrails)
        if allowed and (self.best is None or value > self.best.means[self.problem.objective]):
            self.best = window

    @property
    def incumbent_mean(self) -> float:
        """Mean of the incumbent's windows; NaN without any."""
        values = self.incumbent_values
        return math.fsum(values) / len(values) if values else math.nan

    def recommend(self) -> Recommendation:
        """The best that was seen, with the gain that was seen."""
        base = self.incumbent_mean
        if self.best is None or math.isnan(base):
            return abstaining(self.problem, "nothing to compare")
        gain = self.best.means[self.problem.objective] / base - 1.0
        return Recommendation(dict(self.best.params), gain, math.nan, math.nan, math.nan)


def abstaining(problem: Problem, reason: str) -> Recommendation:
    """The incumbent stands."""
    return Recommendation(dict(problem.incumbent), 0.0, math.nan, math.nan, math.nan, reason)


def from_unit(parameter: Parameter, unit: float) -> float:
    """A number of the unit interval on the parameter's scale."""
    if parameter.is_log:
        value = parameter.low * (parameter.high / parameter.low) ** unit
    else:
        value = parameter.low + unit * (parameter.high - parameter.low)
    return float(round(value)) if parameter.is_whole else value


class RandomSearch:
    """Implements `AskTell`."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.observed, self.asked = problem, Observed(problem), 0

    def ask(self, context: Mapping[str, float]) -> Proposal:
        """The incumbent a few times, then anything."""
        self.asked += 1
        if self.asked <= INCUMBENT_FIRST:
            return Proposal(dict(self.problem.incumbent), 1.0, "incumbent", "incumbent")
        drawn = [self.problem.draws.uniform(SEARCH, self.asked, index=at) for at in range(len(self.problem.parameters))]
        pairs = zip(self.problem.parameters, drawn, strict=True)
        return Proposal({parameter.name: from_unit(parameter, unit) for parameter, unit in pairs}, 1.0, "uniform")

    def tell(self, window: Window) -> None:
        """What was seen."""
        self.observed.tell(window)

    def recommend(self, context: Mapping[str, float] | None = None) -> Recommendation:
        """The best seen."""
        return self.observed.recommend()
