"""The source's recipe as usually built: fit a model to the logged metrics, take its best setting, report its gain.

Gradient boosting (scikit-learn's defaults) on the parameters alone, the argmax over 2,000 settings of the whole space,
predicted gain as the improvement, R^2 on the log clipped to 0..1 as the confidence: what a fit's score says of the
difference is nothing, which is the point of holding it against truth. It logs settings within 20 % of the incumbent,
and may answer from 20 windows on where the source waits for 100: with as much data as the others have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from sim.bench.optimize.problem import Problem
from sim.bench.optimize.random_search import abstaining, from_unit
from sim.intelligence.protocol import Proposal, Recommendation, Window
from sim.runtime.draws import SEARCH

POINTS_MIN, WINDOWS_MAX = 20, 10_000
CANDIDATES, BOX_RATIO = 2_000, 0.2
CANDIDATE_ENTITY = 1 << 32  # apart from those of the windows
SEED_MAX = 2**31


class NaiveRecipe:
    """Implements `AskTell`."""

    def __init__(self, problem: Problem) -> None:
        self.problem, self.asked = problem, 0
        self.rows: list[list[float]] = []
        self.values: list[float] = []
        self.names = [parameter.name for parameter in problem.parameters]
        draws = problem.draws.uniforms(SEARCH, CANDIDATE_ENTITY, CANDIDATES, len(self.names))
        self.candidates = [
            [from_unit(parameter, unit) for parameter, unit in zip(problem.parameters, row, strict=True)]
            for row in draws.tolist()
        ]

    def ask(self, context: Mapping[str, float]) -> Proposal:
        """A setting near the incumbent."""
        self.asked += 1
        params = {}
        for at, parameter in enumerate(self.problem.parameters):
            factor = 1.0 + BOX_RATIO * (2.0 * self.problem.draws.uniform(SEARCH, self.asked, index=at) - 1.0)
            value = min(max(self.problem.incumbent[parameter.name] * factor, parameter.low), parameter.high)
            params[parameter.name] = float(round(value)) if parameter.is_whole else value
        return Proposal(params, 1.0, "near the incumbent")

    def tell(self, window: Window) -> None:
        """One row of the log more."""
        if len(self.values) < WINDOWS_MAX:
            self.rows.append([window.params[name] for name in self.names])
            self.values.append(window.means[self.problem.objective])

    def recommend(self, context: Mapping[str, float] | None = None) -> Recommendation:
        """The model's best and the gain that the model predicts."""
        if len(self.values) < POINTS_MIN:
            return abstaining(self.problem, f"{len(self.values)} windows, {POINTS_MIN} needed")
        from sklearn.ensemble import GradientBoostingRegressor

        seed = int(self.problem.draws.uniform(SEARCH, CANDIDATE_ENTITY - 1) * SEED_MAX)
        rows, values = np.array(self.rows), np.array(self.values)
        model = GradientBoostingRegressor(random_state=seed).fit(rows, values)
        predicted = model.predict(np.array(self.candidates))
        best = int(np.argmax(predicted))
        base = float(model.predict(np.array([[self.problem.incumbent[name] for name in self.names]]))[0])
        params = dict(zip(self.names, self.candidates[best], strict=True))
        confidence = min(max(float(model.score(rows, values)), 0.0), 1.0)
        return Recommendation(params, float(predicted[best]) / base - 1.0, math.nan, math.nan, confidence)
