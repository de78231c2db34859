"""The source's two ensembles: a random forest and gradient boosting, each a bag whose members disagree.

A member's difference of two settings is a draw of belief; the mean is that of the members (Breiman 2001; for boosting,
bagged: Efron 1992). A few members agree by chance where the best of many settings is looked for, so that their variance
counts for `members - 1` and its mean over what was seen for `PRIOR_FREEDOM` degrees of freedom (as Smyth 2004); to it
comes what forecasts of windows that a member has not seen miss beyond their noise. Each member sees a bootstrap sample,
with weights 1 / (noise + median noise). Chance by (bag, member). Trees know nothing outside what was tried.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.tree import DecisionTreeRegressor

from sim.contracts import Draws
from sim.intelligence.rows import Rows
from sim.intelligence.space import Floats
from sim.runtime.draws import OPTIMIZER_BAG

MEMBERS_FOREST, MEMBERS_BOOSTING = 40, 5
SEEDS = 2**31 - 1
PRIOR_FREEDOM = 4.0
SAME = 1e-9


class Bag(ABC):
    """What both share; `make(seed)` gives an unfitted member."""

    kind = "bag"
    members_count = 1

    def __init__(self, draws: Draws) -> None:
        self.draws = draws
        self._members: list[Any] = []
        self._residual = self._usual = 0.0

    @abstractmethod
    def make(self, seed: int) -> Any:
        """An unfitted regressor."""

    def fit(self, rows: Rows) -> None:
        """See `Surrogate`; spread beyond the known noise is taken from what a member has not seen."""
        inputs, count = np.hstack([rows.x, rows.z]), len(rows)
        weights = 1.0 / (rows.noise + max(float(np.median(rows.noise)), 1e-12))
        self._members = []
        out_sum, out_count = np.zeros(count), np.zeros(count)
        u = self.draws.uniforms(OPTIMIZER_BAG, 0, self.members_count, count + 1)
        for member in range(self.members_count):
            picked = (u[member, :count] * count).astype(int)
            model = self.make(int(u[member, count] * SEEDS))
            self.teach(model, inputs[picked], rows.y[picked], weights[picked] / weights.mean())
            self._members.append(model)
            unseen = np.setdiff1d(np.arange(count), picked)
            if len(unseen):
                out_sum[unseen] += self.one(model, inputs[unseen])
                out_count[unseen] += 1.0
        seen = out_count > 0
        errors = (rows.y[seen] - out_sum[seen] / out_count[seen]) ** 2
        self._residual = max(float(np.mean(errors - rows.noise[seen])) if seen.any() else 0.0, 0.0)
        self._usual = float(np.mean(np.var(self._all(inputs), axis=0, ddof=1)))

    def predict(self, x: Floats, z: Floats) -> tuple[Floats, Floats]:
        """See `Surrogate`."""
        return _moments(self._all(np.hstack([x, z])))

    def observed_sd(self, sd: Floats, noise: Floats) -> Floats:
        """See `Surrogate`."""
        return np.asarray(np.sqrt(np.maximum(sd**2, self._residual) + noise))

    def difference(self, x: Floats, base: Floats, contexts: Floats, shares: Floats) -> tuple[Floats, Floats]:
        """See `Surrogate`."""
        every = np.vstack([np.hstack([x, np.tile(context, (len(x), 1))]) for context in contexts])
        old = np.hstack([np.tile(base, (len(contexts), 1)), contexts])
        new_values = self._all(every).reshape(self.members_count, len(contexts), len(x))
        apart = new_values - self._all(old)[:, :, None]
        mean, sd = _moments(np.einsum("bcm,c->bm", apart, shares))
        return mean, np.where(np.all(np.abs(x - base) < SAME, axis=1), sd, self._unsure(sd))

    def contrast(self, x: Floats, z: Floats, weights: Floats) -> tuple[float, float]:
        """See `Surrogate`."""
        inputs = np.hstack([x, z])
        mean, sd = _moments((self._all(inputs) @ weights)[:, None])
        _, of = np.unique(np.round(inputs / SAME), axis=0, return_inverse=True)
        differs = bool(np.any(np.abs(np.bincount(of.ravel(), weights)) > SAME))
        return float(mean[0]), float((self._unsure(sd) if differs else sd)[0])

    def teach(self, member: Any, inputs: Floats, values: Floats, weights: Floats) -> None:
        """Fit a member to its sample."""
        member.fit(inputs, values, sample_weight=weights)

    def one(self, member: Any, inputs: Floats) -> Floats:
        """A member's values (m,)."""
        return np.asarray(member.predict(inputs), dtype=np.float64)

    def _unsure(self, sd: Floats) -> Floats:
        """The sd of a difference, from that over the members: with their usual one, and with what they miss."""
        own = self.members_count - 1
        variance = (own * sd**2 + PRIOR_FREEDOM * self._usual) / (own + PRIOR_FREEDOM)
        return np.asarray(np.sqrt(variance + self._residual))

    def _all(self, inputs: Floats) -> Floats:
        return np.array([self.one(member, inputs) for member in self._members])


class RandomForest(Bag):
    """Deep trees on half of the inputs at a split."""

    kind = "random_forest"
    members_count = MEMBERS_FOREST

    def make(self, seed: int) -> Any:
        """See `Bag`."""
        return DecisionTreeRegressor(min_samples_leaf=3, max_features=0.5, random_state=seed)

    def teach(self, member: Any, inputs: Floats, values: Floats, weights: Floats) -> None:
        """See `Bag`; the same trees, but sklearn checks neither inputs nor settings, which costs more than a tree."""
        with config_context(skip_parameter_validation=True, assume_finite=True):
            member.fit(inputs.astype(np.float32), values, sample_weight=weights, check_input=False)

    def one(self, member: Any, inputs: Floats) -> Floats:
        """See `Bag`; straight from the tree, since checking the inputs costs ten times as much."""
        return np.asarray(member.tree_.predict(inputs.astype(np.float32)), dtype=np.float64).reshape(len(inputs))


class GradientBoosting(Bag):
    """Few boosted stumps of two splits, bagged."""

    kind = "gradient_boosting"
    members_count = MEMBERS_BOOSTING

    def make(self, seed: int) -> Any:
        """See `Bag`."""
        return GradientBoostingRegressor(
            n_estimators=30, max_depth=2, learning_rate=0.15, subsample=0.8, min_samples_leaf=3, random_state=seed
        )


def _moments(values: Floats) -> tuple[Floats, Floats]:
    mean = np.asarray(values.mean(axis=0), dtype=np.float64)
    return mean, np.maximum(np.asarray(values.std(axis=0, ddof=1), dtype=np.float64), 1e-9)
