"""How much each parameter matters: what a forecast of held-out windows loses when that column is shuffled.

Permutation importance (Breiman 2001; model reliance: Fisher et al. 2019): the surrogate is fitted to the first 70 %
of the windows; on the rest, the rise of the weighted mean squared error over the noise when one parameter is
permuted, averaged over `REPEATS`, floored at zero, scaled to a sum of 1. Chance by (parameter, repeat).
"""

from __future__ import annotations

import numpy as np

from sim.contracts import Draws
from sim.intelligence.rows import Rows
from sim.intelligence.surrogates.choice import make
from sim.runtime.draws import OPTIMIZER_PERMUTE

HELD_OUT_RATIO = 0.3
REPEATS = 20
ROWS_MIN = 10


def importance(kind: str, rows: Rows, names: tuple[str, ...], draws: Draws) -> dict[str, float]:
    """Share of each parameter; all zero when nothing matters or there are fewer than `ROWS_MIN` rows."""
    if len(rows) < ROWS_MIN:
        return dict.fromkeys(names, 0.0)
    start = int(len(rows) * (1.0 - HELD_OUT_RATIO))
    surrogate = make(kind, draws)
    surrogate.fit(rows.part(0, start))
    held = rows.part(start, len(rows))
    weights = 1.0 / (held.noise + max(float(np.median(held.noise)), 1e-12))
    weights = weights / weights.sum()

    mean, _ = surrogate.predict(held.x, held.z)
    whole = float((weights * (held.y - mean) ** 2).sum())
    many_z, rises = np.tile(held.z, (REPEATS, 1)), []
    for at in range(len(names)):
        u = draws.uniforms(OPTIMIZER_PERMUTE, at * REPEATS, REPEATS, len(held))
        x = np.tile(held.x, (REPEATS, 1))
        x[:, at] = held.x[np.argsort(u, axis=1, kind="stable"), at].ravel()
        mean, _ = surrogate.predict(x, many_z)
        errors = (held.y[None, :] - mean.reshape(REPEATS, len(held))) ** 2
        rises.append(max(float((errors @ weights).mean()) - whole, 0.0))
    sum_of = sum(rises)
    return {name: rise / sum_of if sum_of > 0.0 else 0.0 for name, rise in zip(names, rises, strict=True)}
