"""Which surrogate for a target: the one that told best what the next windows would show.

Rolling origin: fitted to the first k windows, scored on those up to the next origin by the mean log density of what was
seen, N(mean, sd^2 of a window) (log score: Gneiting and Raftery 2007; rolling: Tashman 2000). R^2 would reward fits to
noise; this asks for honest spreads, though only near what was tried: beyond, a parabola goes on as it was and a tree
goes on flat, both as sure as before. The first kind, which is less sure the farther it is asked, therefore yields only
to a lead of `LEAD_Z` standard errors over the same forecasts (Diebold and Mariano 1995). Of equal scores the earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sim.contracts import Draws
from sim.errors import ConfigError
from sim.intelligence.rows import Rows
from sim.intelligence.space import Floats
from sim.intelligence.surrogates.base import Surrogate

KINDS = ("gp", "linear_regression", "random_forest", "gradient_boosting")
ORIGINS = (0.5, 0.7, 0.85, 1.0)
LOG_ROOT_TAU = 0.9189385332046727
LEAD_Z = 2.0


@dataclass(frozen=True, slots=True)
class Score:
    """How a kind did: mean log density and root mean squared error of one-step-ahead forecasts.

    `lead_z` is by how many standard errors its forecasts beat the first kind's.
    """

    kind: str
    log_score: float
    rmse: float
    windows_count: int
    lead_z: float = 0.0


def make(kind: str, draws: Draws) -> Surrogate:
    """An unfitted surrogate; raises `ConfigError` for a kind that is unknown. Trees are imported when asked for."""
    if kind == "gp":
        from sim.intelligence.surrogates.gp import GaussianProcess

        return GaussianProcess()
    if kind == "linear_regression":
        from sim.intelligence.surrogates.ridge import QuadraticRidge

        return QuadraticRidge()
    if kind in ("random_forest", "gradient_boosting"):
        from sim.intelligence.surrogates.trees import GradientBoosting, RandomForest

        return RandomForest(draws) if kind == "random_forest" else GradientBoosting(draws)
    raise ConfigError("model_types", kind, "one of " + ", ".join(KINDS))


def forecasts(kind: str, rows: Rows, draws: Draws) -> tuple[Floats, Floats]:
    """Log densities and squared errors (f,) of the kind's forecasts over the rows, which are in order of time."""
    logs: list[float] = []
    squares: list[float] = []
    marks = [int(origin * len(rows)) for origin in ORIGINS]
    for start, stop in pairwise(marks):
        if start < 3 or stop <= start:
            continue
        surrogate = make(kind, draws)
        surrogate.fit(rows.part(0, start))
        ahead = rows.part(start, stop)
        mean, sd = surrogate.predict(ahead.x, ahead.z)
        spread = np.maximum(surrogate.observed_sd(sd, ahead.noise), 1e-9)
        error = ahead.y - mean
        logs += (-LOG_ROOT_TAU - np.log(spread) - 0.5 * (error / spread) ** 2).tolist()
        squares += (error**2).tolist()
    return np.array(logs), np.array(squares)


def choose(rows: Rows, draws: Draws, kinds: Sequence[str] = KINDS) -> tuple[str, list[Score]]:
    """The kind to take and the scores of all."""
    told = [forecasts(kind, rows, draws) for kind in kinds]
    first = told[0][0]
    scores = []
    for kind, (logs, squares) in zip(kinds, told, strict=True):
        if not len(logs):
            scores.append(Score(kind, float("-inf"), float("inf"), 0))
            continue
        lead, error = logs - first, float(np.std(logs - first)) / max(len(logs) - 1, 1) ** 0.5
        lead_z = float(lead.mean()) / error if error > 0.0 else 0.0
        scores.append(Score(kind, float(logs.mean()), float(squares.mean()) ** 0.5, len(logs), lead_z))
    ahead = [at for at, each in enumerate(scores) if at == 0 or each.lead_z >= LEAD_Z]
    best = max(ahead, key=lambda at: (scores[at].log_score, -at))
    return kinds[best], scores
