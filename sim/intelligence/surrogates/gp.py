"""A Gaussian process over parameters and context, with the known noise of every window and one unknown on top.

y = c + f(x, z) + g(z) + e, f and g Matern 5/2 with ARD, var(e_i) = variance_i / n_i + w^2. Scales are those of largest
posterior density (normal priors on the logarithms keep few windows from absurd ones), by L-BFGS with derivatives
(Rasmussen and Williams 2006, 5.4.1). c has a flat prior. Values are standardized inside.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg, optimize

from sim.intelligence.rows import Rows
from sim.intelligence.space import Floats
from sim.intelligence.surrogates.kernel import matern, matern_slopes, squares

JITTER = 1e-8
ITERATIONS_MAX = 25
PRIOR_LENGTH = (np.log(0.7), 0.7)  # of a unit cube: effects go by about the width of the box
PRIOR_SCALE = (0.0, 1.0)
PRIOR_CONTEXT = (0.0, 1.0)
PRIOR_WHITE = (np.log(0.1), 1.0)
LEVEL_VARIANCE = 4.0  # of the constant, in variances of what was seen


class GaussianProcess:
    """See the module. Parameters inside: log s, log l (p + c), log s_g, log l_g (c) if there is a context, log w."""

    kind = "gp"

    def __init__(self) -> None:
        self._theta: Floats | None = None

    def fit(self, rows: Rows) -> None:
        """Scales from where the last fit ended, then the weights."""
        self.p, self.c = rows.x.shape[1], rows.z.shape[1]
        self._center, self._scale = float(rows.y.mean()), float(rows.y.std()) or 1.0
        self._inputs = np.hstack([rows.x, rows.z])
        self._y = (rows.y - self._center) / self._scale
        self._noise = rows.noise / self._scale**2
        start = self._priors()[0]
        apart = squares(self._inputs)
        if self._theta is not None and len(self._theta) == len(start):
            start = self._theta
        found = optimize.minimize(
            self._loss,
            start,
            args=(apart,),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-5.0, 4.0)] * len(start),
            options={"maxiter": ITERATIONS_MAX},
        )
        self._theta = np.asarray(found.x, dtype=np.float64)
        self._condition()

    def refresh(self, rows: Rows) -> None:
        """The weights for more windows with the scales as they are (cheap)."""
        if self._theta is None or rows.z.shape[1] != self.c:
            self.fit(rows)
            return
        self._inputs = np.hstack([rows.x, rows.z])
        self._y = (rows.y - self._center) / self._scale
        self._noise = rows.noise / self._scale**2
        self._condition()

    def predict(self, x: Floats, z: Floats) -> tuple[Floats, Floats]:
        """See `Surrogate`."""
        cross = self._cross(x, z)
        mean = cross @ self._weights
        solved = linalg.solve_triangular(self._factor, cross.T, lower=True)
        theta = self._parts()
        prior = theta["s"] ** 2 + theta["sg"] ** 2 + LEVEL_VARIANCE
        variance = np.maximum(prior - (solved**2).sum(axis=0), 1e-12)
        return self._center + self._scale * mean, self._scale * np.sqrt(variance)

    def observed_sd(self, sd: Floats, noise: Floats) -> Floats:
        """See `Surrogate`."""
        return np.asarray(np.sqrt(sd**2 + noise + (self._parts()["w"] * self._scale) ** 2))

    def difference(self, x: Floats, base: Floats, contexts: Floats, shares: Floats) -> tuple[Floats, Floats]:
        """See `Surrogate`; exact, since an average over contexts is linear."""
        theta = self._parts()
        cross = np.zeros((len(x), len(self._y)))
        own = self._joint(base[None, :], contexts, shares, self._inputs)[0]
        for start in range(len(contexts)):
            cross += shares[start] * self._f(np.hstack([x, np.tile(contexts[start], (len(x), 1))]), self._inputs)
        cross -= own
        mean = cross @ self._weights
        prior = np.zeros(len(x))
        lengths = theta["l"][self.p :]
        between = shares[:, None] * shares[None, :]
        apart_z = ((contexts[:, None, :] - contexts[None, :, :]) / lengths) ** 2
        apart = ((x - base) / theta["l"][: self.p]) ** 2
        near = 5.0**0.5 * np.sqrt(apart_z.sum(axis=2))
        far = 5.0**0.5 * np.sqrt(apart_z.sum(axis=2)[None, :, :] + apart.sum(axis=1)[:, None, None])
        same = float((between * (1.0 + near + near**2 / 3.0) * np.exp(-near)).sum())
        other = (between[None, :, :] * (1.0 + far + far**2 / 3.0) * np.exp(-far)).sum(axis=(1, 2))
        prior = 2.0 * theta["s"] ** 2 * (same - other)
        solved = linalg.solve_triangular(self._factor, cross.T, lower=True)
        variance = np.maximum(prior - (solved**2).sum(axis=0), 1e-12)
        return self._scale * mean, self._scale * np.sqrt(variance)

    # Inside

    def _priors(self) -> tuple[Floats, Floats]:
        pairs = [PRIOR_SCALE, *[PRIOR_LENGTH] * self.p, *[PRIOR_CONTEXT] * self.c]
        if self.c:
            pairs += [PRIOR_SCALE, *[PRIOR_CONTEXT] * self.c]
        table = np.array([*pairs, PRIOR_WHITE])
        return table[:, 0], table[:, 1]

    def _parts(self) -> dict[str, Floats]:
        theta = np.exp(np.asarray(self._theta))
        d = self.p + self.c
        zero = np.zeros(())
        sg, lg = (theta[1 + d], theta[2 + d : 2 + d + self.c]) if self.c else (zero, theta[:0])
        return {"s": theta[0], "l": theta[1 : 1 + d], "sg": sg, "lg": lg, "w": theta[-1]}

    def _f(self, a: Floats, b: Floats) -> Floats:
        theta = self._parts()
        return np.asarray(theta["s"] ** 2 * matern(a, b, theta["l"]))

    def _joint(self, x: Floats, contexts: Floats, shares: Floats, b: Floats) -> Floats:
        every = np.hstack([np.repeat(x, len(contexts), axis=0), np.tile(contexts, (len(x), 1))])
        return np.asarray(np.einsum("c,mcn->mn", shares, self._f(every, b).reshape(len(x), len(contexts), len(b))))

    def _cross(self, x: Floats, z: Floats) -> Floats:
        theta = self._parts()
        cross = self._f(np.hstack([x, z]), self._inputs) + LEVEL_VARIANCE
        if self.c:
            cross = cross + theta["sg"] ** 2 * matern(z, self._inputs[:, self.p :], theta["lg"])
        return cross

    def _condition(self) -> None:
        covariance = self._cross(self._inputs[:, : self.p], self._inputs[:, self.p :])
        covariance[np.diag_indices_from(covariance)] += self._noise + self._parts()["w"] ** 2 + JITTER
        self._factor = linalg.cholesky(covariance, lower=True)
        self._weights = linalg.cho_solve((self._factor, True), self._y)

    def _loss(self, theta: Floats, apart: Floats) -> tuple[float, Floats]:
        """Negative log posterior density of the scales, and its gradient."""
        self._theta = theta
        parts = self._parts()
        one, slopes = matern_slopes(apart, parts["l"])
        covariance = parts["s"] ** 2 * one + LEVEL_VARIANCE
        derivatives = [2.0 * parts["s"] ** 2 * one, *(parts["s"] ** 2 * slopes)]
        if self.c:
            two, steps = matern_slopes(apart[self.p :], parts["lg"])
            covariance = covariance + parts["sg"] ** 2 * two
            derivatives += [2.0 * parts["sg"] ** 2 * two, *(parts["sg"] ** 2 * steps)]
        white = float(parts["w"]) ** 2
        covariance[np.diag_indices_from(covariance)] += self._noise + white + JITTER
        factor = linalg.cholesky(covariance, lower=True)
        inverse = linalg.cho_solve((factor, True), np.eye(len(self._y)))
        weights = inverse @ self._y
        loss = 0.5 * float(self._y @ weights) + float(np.log(np.diag(factor)).sum())
        pull = np.outer(weights, weights) - inverse
        gradient = [-0.5 * float((pull * each).sum()) for each in derivatives]
        gradient.append(-0.5 * float(np.trace(pull)) * 2.0 * white)
        center, spread = self._priors()
        off = (theta - center) / spread
        return loss + 0.5 * float(off @ off), np.array(gradient) + off / spread
