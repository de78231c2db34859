"""How much each parameter matters: what a forecast of held-out windows loses when that column is shuffled.

Permutation importance (Breiman 2001; model reliance: Fisher et al. 2019), cross-fitted: each of `FOLDS` parts is held
out in turn from a surrogate fitted to the others; the rise of its weighted squared error when one parameter is
permuted, averaged over `REPEATS`, floored at zero, scaled to a sum of 1. On independent parameters the rise is twice
the variance that goes with a parameter, and so in proportion to its total Sobol index. Rows are taken as they were
seen, disasters too. Chance by (fold, parameter, repeat).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.contracts import Draws
from sim.intelligence.rows import Rows
from sim.intelligence.space import Floats
from sim.intelligence.surrogates.base import Surrogate
from sim.intelligence.surrogates.choice import make
from sim.runtime.draws import OPTIMIZER_PERMUTE

KIND = "random_forest"  # cliffs are no trouble to it
FOLDS = 5
REPEATS = 10
ROWS_MIN = 10


def importance(rows: Rows, names: tuple[str, ...], draws: Draws, kind: str = KIND) -> dict[str, float]:
    """Share of each parameter; all zero when nothing matters or there are fewer than `ROWS_MIN` rows."""
    if len(rows) < ROWS_MIN:
        return dict.fromkeys(names, 0.0)
    rises = np.zeros(len(names))
    for fold in range(FOLDS):
        is_held = np.arange(len(rows)) % FOLDS == fold
        surrogate = make(kind, draws)
        surrogate.fit(_rows(rows, ~is_held))
        rises += _rises(surrogate, _rows(rows, is_held), draws, fold)
    rises = np.maximum(rises, 0.0)
    whole = float(rises.sum())
    shares = rises / whole if whole > 0.0 else np.zeros(len(names))
    return dict(zip(names, shares.tolist(), strict=True))


def _rises(surrogate: Surrogate, held: Rows, draws: Draws, fold: int) -> Floats:
    """Sum of the weighted squared errors over the held-out rows, permuted less as they are, by parameter."""
    weights = 1.0 / (held.noise + max(float(np.median(held.noise)), 1e-12))
    mean, _ = surrogate.predict(held.x, held.z)
    whole = float(weights @ (held.y - mean) ** 2)
    many_z, count = np.tile(held.z, (REPEATS, 1)), held.x.shape[1]
    found = np.zeros(count)
    for at in range(count):
        u = draws.uniforms(OPTIMIZER_PERMUTE, (fold * count + at) * REPEATS, REPEATS, len(held))
        x = np.tile(held.x, (REPEATS, 1))
        x[:, at] = held.x[np.argsort(u, axis=1, kind="stable"), at].ravel()
        mean, _ = surrogate.predict(x, many_z)
        errors = (held.y[None, :] - mean.reshape(REPEATS, len(held))) ** 2
        found[at] = float((errors @ weights).mean()) - whole
    return found


def _rows(rows: Rows, chosen: NDArray[np.bool_]) -> Rows:
    return Rows(rows.x[chosen], rows.z[chosen], rows.y[chosen], rows.noise[chosen])
