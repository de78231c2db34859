"""A Gaussian process over parameters and context, with the known noise of every window and one unknown on top.

y = c + f(x, z) + g(z) + now (h(x) + c') + e, f, g and h Matern 5/2 with ARD (that of f is the product of one over x and
one over z, so that an average over contexts costs no more than one context), var(e_i) = variance_i / n_i + w^2. `now`
is 1 for windows since the last drift alarm: what was learned before it stays worth as much as the newer windows agree
with it; h is what has changed (change points: Garnett et al. 2010). Scales are those of largest posterior density
(normal priors on the logarithms keep few windows from absurd ones), by L-BFGS with derivatives (Rasmussen and Williams
2006, 5.4.1). c and c' have flat priors. Values are standardized inside.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import linalg, optimize

from sim.intelligence.rows import Rows
from sim.intelligence.space import Floats
from sim.intelligence.surrogates.kernel import matern, squares
from sim.intelligence.surrogates.scales import Scales, loss

JITTER = 1e-8
ITERATIONS_MAX = 25
LEVEL_VARIANCE = 4.0  # of the constants, in variances of what was seen
EVIDENCE = 3.0  # nats


class GaussianProcess:
    """See the module; `scales` are what was searched for."""

    kind = "gp"

    def __init__(self) -> None:
        self.scales: Scales | None = None

    def fit(self, rows: Rows) -> None:
        """Scales from where the last fit ended, then the weights."""
        start = Scales.middle(rows.x.shape[1], rows.z.shape[1], rows.old_count > 0)
        if self.scales is not None:
            start = self.scales.fitting(start)
        self.scales = start
        self._take(rows)
        found = optimize.minimize(
            loss,
            start.theta,
            args=(start, squares(self._inputs), self._y, self._noise + JITTER, self._now, LEVEL_VARIANCE),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-5.0, 4.0)] * len(start.theta),
            options={"maxiter": ITERATIONS_MAX},
        )
        self.scales = start.at(np.asarray(found.x, dtype=np.float64))
        self._condition()

    def refresh(self, rows: Rows) -> None:
        """The weights for more windows with the scales as they are (cheap)."""
        scales = self.scales
        if scales is None or rows.z.shape[1] != scales.c or (rows.old_count > 0) != scales.has_changed:
            self.fit(rows)
            return
        self._take(rows)
        self._condition()

    def likeliest_change(self, rows: Rows, latest: int) -> int:
        """Of `rows.old_count` to `latest` rows before the change, the number under which the rows are likeliest.

        Under the scales of now, those of what has changed as before anything is seen. Only a number that is `EVIDENCE`
        nats better takes the place of the first. A change that is dated too early leaves rows of both worlds among
        the new ones, which no surface goes through, so that every row becomes an island of its own.
        """
        start = Scales.middle(rows.x.shape[1], rows.z.shape[1], True)
        held = start if self.scales is None else self.scales.unchanged().fitting(start)
        losses = []
        for count in range(rows.old_count, latest + 1):
            trial = GaussianProcess()
            trial.scales = held
            trial._take(replace(rows, old_count=count))
            trial._condition()
            losses.append(0.5 * float(trial._y @ trial._weights) + float(np.log(np.diag(trial._factor)).sum()))
        if not losses or losses[0] - min(losses) < EVIDENCE:
            return rows.old_count
        self.scales = held
        return rows.old_count + losses.index(min(losses))

    def predict(self, x: Floats, z: Floats) -> tuple[Floats, Floats]:
        """See `Surrogate`; as it is now."""
        held = self._held
        cross = self._cross(np.hstack([x, z]), np.ones(len(x)))
        mean = cross @ self._weights
        solved = linalg.solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        prior = held.s**2 + held.sg**2 + LEVEL_VARIANCE
        if held.has_changed:
            prior += held.sh**2 + LEVEL_VARIANCE
        variance = np.maximum(prior - (solved**2).sum(axis=0), 1e-12)
        return self._center + self._scale * mean, self._scale * np.sqrt(variance)

    def observed_sd(self, sd: Floats, noise: Floats) -> Floats:
        """See `Surrogate`."""
        return np.asarray(np.sqrt(sd**2 + noise + (self._held.w * self._scale) ** 2))

    def difference(self, x: Floats, base: Floats, contexts: Floats, shares: Floats) -> tuple[Floats, Floats]:
        """See `Surrogate`; exact, since an average over contexts is linear."""
        held, p, count = self._held, self._held.p, len(x)
        every, old = np.vstack([x, base[None, :]]), self._inputs[:, :p]
        met = np.ones((len(contexts), len(self._y)))
        among = 1.0
        if held.c:
            met = matern(contexts, self._inputs[:, p:], held.lz)
            among = float(shares @ matern(contexts, contexts, held.lz) @ shares)
        cross = held.s**2 * matern(every, old, held.lx) * (shares @ met)
        prior = 2.0 * held.s**2 * among * (1.0 - matern(x, base[None, :], held.lx)[:, 0])
        if held.has_changed:
            cross += held.sh**2 * matern(every, old, held.lh) * self._now
            prior += 2.0 * held.sh**2 * (1.0 - matern(x, base[None, :], held.lh)[:, 0])
        cross = cross[:count] - cross[count]
        mean = cross @ self._weights
        solved = linalg.solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        variance = np.maximum(prior - (solved**2).sum(axis=0), 1e-12)
        return self._scale * mean, self._scale * np.sqrt(variance)

    def joint(self, x: Floats, contexts: Floats, shares: Floats) -> tuple[Floats, Floats]:
        """Mean (m,) and covariance (m, m) of the values at x (m, p), contexts averaged; exact, as it is now."""
        held, p = self._held, self._held.p
        old, old_z = self._inputs[:, :p], self._inputs[:, p:]
        met, among, level, shared = np.ones(len(self._y)), 1.0, LEVEL_VARIANCE, np.full(len(self._y), LEVEL_VARIANCE)
        if held.c:
            met = shares @ matern(contexts, old_z, held.lz)
            among = float(shares @ matern(contexts, contexts, held.lz) @ shares)
            shared = shared + held.sg**2 * (shares @ matern(contexts, old_z, held.lg))
            level += held.sg**2 * float(shares @ matern(contexts, contexts, held.lg) @ shares)
        cross = held.s**2 * matern(x, old, held.lx) * met + shared
        prior = held.s**2 * among * matern(x, x, held.lx) + level
        if held.has_changed:
            cross += (held.sh**2 * matern(x, old, held.lh) + LEVEL_VARIANCE) * self._now
            prior += held.sh**2 * matern(x, x, held.lh) + LEVEL_VARIANCE
        solved = linalg.solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        covariance = prior - solved.T @ solved
        covariance[np.diag_indices(len(x))] = np.maximum(np.diag(covariance), 1e-12)
        return self._center + self._scale * (cross @ self._weights), self._scale**2 * covariance

    def contrast(self, x: Floats, z: Floats, weights: Floats) -> tuple[float, float]:
        """See `Surrogate`; exact."""
        inputs, now = np.hstack([x, z]), np.ones(len(x))
        cross = weights @ self._cross(inputs, now)
        prior = float(weights @ self._between(inputs, inputs, now, now) @ weights)
        solved = linalg.solve_triangular(self._factor, cross, lower=True, check_finite=False)
        variance = max(prior - float(solved @ solved), 1e-12)
        return self._scale * float(cross @ self._weights), self._scale * variance**0.5

    # Inside

    @property
    def _held(self) -> Scales:
        assert self.scales is not None, "fit first"
        return self.scales

    def _take(self, rows: Rows) -> None:
        self._center, self._scale = float(rows.y.mean()), float(rows.y.std()) or 1.0
        self._inputs = np.hstack([rows.x, rows.z])
        self._now = (np.arange(len(rows)) >= rows.old_count).astype(np.float64)
        self._y = (rows.y - self._center) / self._scale
        self._noise = rows.noise / self._scale**2

    def _cross(self, inputs: Floats, now: Floats) -> Floats:
        return self._between(inputs, self._inputs, now, self._now)

    def _between(self, a: Floats, b: Floats, now_a: Floats, now_b: Floats) -> Floats:
        held, p = self._held, self._held.p
        found = held.s**2 * matern(a[:, :p], b[:, :p], held.lx)
        if held.c:
            found *= matern(a[:, p:], b[:, p:], held.lz)
            found += held.sg**2 * matern(a[:, p:], b[:, p:], held.lg)
        if held.has_changed:
            found += np.outer(now_a, now_b) * (held.sh**2 * matern(a[:, :p], b[:, :p], held.lh) + LEVEL_VARIANCE)
        return np.asarray(found + LEVEL_VARIANCE)

    def _condition(self) -> None:
        covariance = self._cross(self._inputs, self._now)
        covariance[np.diag_indices_from(covariance)] += self._noise + self._held.w**2 + JITTER
        self._factor = linalg.cholesky(covariance, lower=True, check_finite=False)
        self._weights = linalg.cho_solve((self._factor, True), self._y, check_finite=False)
