"""The optimizer with its proof: what it recommends is applied after pairs of windows, under it and the incumbent.

As the background loop does it: the verifier's sequential test decides, and what the pairs showed feeds the calibration
of later claims. The pairs are a canary's: the same context, but other tasks with other luck (a twin in a simulation
could share them), so that they are worth no more than live traffic is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.bench.optimize.problem import WINDOW_S, Problem
from sim.intelligence.calibration import Calibration
from sim.intelligence.engine import Recommender
from sim.intelligence.protocol import Proposal, Recommendation, Window
from sim.intelligence.settings import SearchSettings
from sim.intelligence.space import Space
from sim.intelligence.verifier import Verdict, Verifier

Z90 = 1.6448536269514722  # half of a 90 % interval in sd
ALPHA, PAIRS_MAX = 0.1, 60  # the loop's defaults
SETTINGS = SearchSettings(is_contextual=True)
Pair = Callable[[Mapping[str, float], Recommendation, int], tuple[Window, Window]]


@dataclass(frozen=True, slots=True)
class Proof:
    """What the pairs said; improvements are ratios."""

    verdict: str
    improvement_ratio: float
    ci_low: float
    ci_high: float
    pairs_count: int


class Proved:
    """Implements `AskTell`, and proves what it recommends."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.calibration = problem, Calibration()
        space = Space(problem.parameters)
        self.recommender = Recommender(
            space,
            problem.incumbent,
            problem.draws,
            problem.objective,
            problem.guardrails,
            SETTINGS,
            self.calibration,
        )
        self.windows_count = 0
        self.alarms: list[int] = []  # ordinals of the windows told

    def ask(self, context: Mapping[str, float]) -> Proposal:
        """See `AskTell`."""
        return self.recommender.ask(context)

    def tell(self, window: Window) -> None:
        """See `AskTell`."""
        before = len(self.recommender.alarms)
        self.recommender.tell(window)
        if len(self.recommender.alarms) > before:
            self.alarms.append(round(window.at / WINDOW_S))
        self.windows_count += 1

    def recommend(self, context: Mapping[str, float] | None = None) -> Recommendation:
        """See `AskTell`."""
        return self.recommender.recommend(context)

    def prove(self, said: Recommendation, pair: Pair) -> Proof:
        """Pairs until the verifier decides."""
        problem = self.problem
        verifier = Verifier(said.params, problem.objective, problem.guardrails, ALPHA, PAIRS_MAX)
        taught: list[Window] = []
        while verifier.verdict is Verdict.CONTINUE:
            one = pair(problem.incumbent, said, len(taught) // 2)
            taught += one
            verifier.add(*one)
        self.recommender.teach(taught)
        found = verifier.verified()
        if found.pairs_count > 2:
            sd = (said.ci_high - said.ci_low) / 2.0 / Z90
            self.calibration.add(
                said.improvement_ratio, sd / self.calibration.scale, found.improvement_ratio, found.se_ratio
            )
        return Proof(verifier.verdict.value, found.improvement_ratio, found.ci_low, found.ci_high, found.pairs_count)
