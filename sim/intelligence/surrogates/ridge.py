"""Bayesian quadratic ridge: a second-order response surface over parameters and context with normal coefficients.

y = beta phi(x, z) + e, phi = 1, x, x^2, products of x with x and z, z, z^2; beta ~ N(0, b^2), var(e_i) = variance_i /
n_i + w^2. b and w are those of largest evidence on a grid (MacKay 1992). A difference of two settings is linear in
beta.
"""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
from scipy import linalg

from sim.intelligence.rows import Rows
from sim.intelligence.space import Floats

SPREADS = (0.1, 0.3, 1.0, 3.0)
WHITES = (0.03, 0.1, 0.3, 1.0)
LEVEL_VARIANCE = 100.0


def features(x: Floats, z: Floats) -> Floats:
    """Shape (m, f): the terms of the surface, x centered at the middle of the cube."""
    x = 2.0 * x - 1.0
    columns = [np.ones(len(x)), *x.T, *(x.T**2), *z.T, *(z.T**2)]
    columns += [x[:, i] * x[:, j] for i, j in combinations(range(x.shape[1]), 2)]
    columns += [x[:, i] * z[:, j] for i, j in product(range(x.shape[1]), range(z.shape[1]))]
    return np.column_stack(columns)


class QuadraticRidge:
    """The source's linear model, with squares and products."""

    kind = "linear_regression"

    def fit(self, rows: Rows) -> None:
        """See `Surrogate`."""
        self._center, self._scale = float(rows.y.mean()), float(rows.y.std()) or 1.0
        y, noise = (rows.y - self._center) / self._scale, rows.noise / self._scale**2
        phi = features(rows.x, rows.z)
        best = -np.inf
        for spread, white in product(SPREADS, WHITES):
            prior = np.full(phi.shape[1], spread**2)
            prior[0] = LEVEL_VARIANCE
            variance = noise + white**2
            weighted = phi / variance[:, None]
            factor = linalg.cholesky(phi.T @ weighted + np.diag(1.0 / prior), lower=True)
            beta = linalg.cho_solve((factor, True), weighted.T @ y)
            fit = float((y**2 / variance).sum() - beta @ (weighted.T @ y))
            size = np.log(variance).sum() + np.log(prior).sum() + 2.0 * np.log(np.diag(factor)).sum()
            evidence = -0.5 * (fit + float(size))
            if evidence > best:
                best, self._beta, self._factor, self._white = evidence, beta, factor, white

    def predict(self, x: Floats, z: Floats) -> tuple[Floats, Floats]:
        """See `Surrogate`."""
        mean, sd = self._of(features(x, z))
        return self._center + mean, sd

    def observed_sd(self, sd: Floats, noise: Floats) -> Floats:
        """See `Surrogate`."""
        return np.asarray(np.sqrt(sd**2 + noise + (self._white * self._scale) ** 2))

    def difference(self, x: Floats, base: Floats, contexts: Floats, shares: Floats) -> tuple[Floats, Floats]:
        """See `Surrogate`; exact."""
        apart = np.zeros((len(x), len(self._beta)))
        for context, share in zip(contexts, shares, strict=True):
            z = np.tile(context, (len(x), 1))
            apart += share * (features(x, z) - features(base[None, :], context[None, :]))
        return self._of(apart)

    def contrast(self, x: Floats, z: Floats, weights: Floats) -> tuple[float, float]:
        """See `Surrogate`; exact."""
        mean, sd = self._of(weights[None, :] @ features(x, z))
        return float(mean[0]), float(sd[0])

    def _of(self, phi: Floats) -> tuple[Floats, Floats]:
        solved = linalg.solve_triangular(self._factor, phi.T, lower=True)
        sd = np.sqrt(np.maximum((solved**2).sum(axis=0), 1e-12))
        return self._scale * (phi @ self._beta), self._scale * sd
