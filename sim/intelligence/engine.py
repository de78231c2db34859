"""The recommender behind ask and tell: what to try next, and what should stand with which certainty.

Windows go by turns to the incumbent (all is compared to it), to points spread over the trust region, to uniform points
with `explore_prob`, and else to the largest expected improvement over the best believed mean (Mockus 1975; with a noisy
best: Picheny et al. 2013). What is recommended maximizes the posterior mean of the difference to the incumbent less
the cost of a change; that mean, not the best window seen, is the stated gain, which takes the winner's curse out
(Smith and Winkler 2006).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtr

from sim.contracts import Draws
from sim.intelligence import claims
from sim.intelligence.beliefs import Beliefs
from sim.intelligence.calibration import Calibration
from sim.intelligence.candidates import candidates, cloud, uniform
from sim.intelligence.protocol import Guardrail, Proposal, Recommendation, Window
from sim.intelligence.region import TrustRegion
from sim.intelligence.settings import SearchSettings
from sim.intelligence.space import Floats, Space
from sim.intelligence.surrogates.choice import KINDS, Score, choose, make
from sim.intelligence.watch import DriftWatch
from sim.runtime.draws import OPTIMIZER_EXPLORE

ALARMS_MAX = 1_000
AUTO = "auto"
KEPT_MIN = 2
LEARN_MIN = 4
POLISH = 3  # rounds of ever smaller clouds around the best of a recommendation


class Recommender:
    """An `AskTell`. `incumbent` is the setting that stands now; `objective` a target's name, or `utility`."""

    def __init__(
        self,
        space: Space,
        incumbent: Mapping[str, float],
        draws: Draws,
        objective: str = "utility",
        guardrails: Sequence[Guardrail] = (),
        settings: SearchSettings | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self.space, self.draws, self.objective = space, draws, objective
        self.settings = settings or SearchSettings()
        self.calibration = calibration or Calibration()
        self.guardrails = tuple(guardrails)
        self.windows: deque[Window] = deque(maxlen=self.settings.windows_max)
        self.asked_count = 0
        self.set_incumbent(incumbent)
        self.region = TrustRegion(self.base, self.settings.half, self.settings.half_min, self.settings.half_max)
        kind = self.settings.surrogate
        self.beliefs = Beliefs(space, objective, make(KINDS[0] if kind == AUTO else kind, draws), guardrails)
        self._told = 0
        self.watch = DriftWatch(self.settings.drift_slack, self.settings.drift_threshold)
        self.alarms: list[tuple[int, str]] = []  # window told, what changed; at most `ALARMS_MAX`

    def set_incumbent(self, params: Mapping[str, float]) -> None:
        """Another setting stands from now on."""
        self.base = self.space.to_unit(params)
        self.incumbent = self.space.to_params(self.base)

    def tell(self, window: Window) -> None:
        """See `AskTell`."""
        self.note(window)
        if len(self.windows) >= LEARN_MIN:
            fully = self._told % self.settings.refit_every == 0
            self.learn(fully)
            if fully and self._told >= self.settings.start_windows:
                self._move()

    def learn(self, fully: bool) -> None:
        """Renew the beliefs from all windows in memory; `fully` searches for the surrogate's scales too."""
        self.beliefs.learn(self.windows, self.base, fully)

    def train(self) -> tuple[str, list[Score]]:
        """Choose the surrogate if that is `auto`, and learn fully; gives its kind and the scores of all kinds."""
        rows = self.beliefs.rows(self.windows, self.base)
        kind, scores = choose(rows, self.draws, KINDS if self.settings.surrogate == AUTO else [self.settings.surrogate])
        if kind != self.beliefs.surrogate.kind:
            self.beliefs.surrogate = make(kind, self.draws)
        self.learn(fully=True)
        self._move()
        return kind, scores

    def note(self, window: Window) -> None:
        """Remember a window, and whether the world has changed, without learning from it yet."""
        changed = self.watch.see(self.beliefs, window) if window.arm != "log" else ""
        self.windows.append(window)
        self._told += 1
        if changed:
            self._forget(changed)

    def ask(self, context: Mapping[str, float]) -> Proposal:
        """See `AskTell`."""
        step, settings = self.asked_count, self.settings
        self.asked_count += 1
        if step % settings.incumbent_every == 0 or len(self.windows) < 2:
            return Proposal(dict(self.incumbent), 1.0, "the incumbent's turn", "incumbent")
        is_chance = self.draws.uniform(OPTIMIZER_EXPLORE, step) < settings.explore_prob
        if is_chance or len(self.windows) < settings.start_windows:
            spread = self._allowed(uniform(self.draws, self.region, step, 32, 60))
            return self._proposal(spread[0], settings.explore_prob / self.region.volume, "chance in the trust region")
        contexts, shares = self._contexts(context if settings.is_contextual else None)
        points = self._allowed(candidates(self.draws, self.region, step, self._known(contexts, shares)))
        believed, _ = self.beliefs.gain(points, self.base, contexts, shares)
        mean, sd = self.beliefs.gain(points, points[int(np.argmax(believed))], contexts, shares)
        z = mean / sd
        improvement = sd * (z * ndtr(z) + np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi))
        chosen = points[int(np.argmax(improvement))]
        return self._proposal(chosen, 1.0 - settings.explore_prob, "largest expected improvement")

    def recommend(self, context: Mapping[str, float] | None = None) -> Recommendation:
        """See `AskTell`."""
        settings = self.settings
        if len(self.windows) < settings.windows_min or not self.beliefs.rows_count:
            reason = f"{len(self.windows)} windows, {settings.windows_min} are needed"
            return claims.abstaining(self.incumbent, reason)
        contexts, shares = self._contexts(context)
        point = self._best(contexts, shares)
        if point is None:
            return claims.abstaining(self.incumbent, f"no setting keeps the guardrails with {settings.guard_prob:g}")
        return claims.claim(self, point, contexts, shares)

    # Inside

    def _proposal(self, unit: Floats, propensity: float, reason: str) -> Proposal:
        return Proposal(self.space.to_params(unit), propensity, reason)

    def _contexts(self, context: Mapping[str, float] | None) -> tuple[Floats, Floats]:
        if context is None or not self.beliefs.scale.names:
            return self.beliefs.contexts, self.beliefs.shares
        return self.beliefs.scale.scaled(context)[None, :], np.ones(1)

    def _known(self, contexts: Floats, shares: Floats) -> Floats:
        """The incumbent, the center, and the best of what was tried."""
        tried = np.array([self.space.to_unit(window.params) for window in self.windows])
        inside = tried[np.all((tried >= self.region.low) & (tried <= self.region.high), axis=1)]
        if not len(inside):
            return np.vstack([self.base, self.region.center])
        mean, _ = self.beliefs.gain(inside, self.base, contexts, shares)
        return np.vstack([self.base, self.region.center, inside[int(np.argmax(mean))]])

    def _allowed(self, points: Floats) -> Floats:
        """Points that probably keep the guardrails; if none does, those of the highest probability."""
        if not self.guardrails or not self.beliefs.rows_count:
            return points
        prob = self.beliefs.guard_prob(points, self.beliefs.contexts, self.beliefs.shares)
        return np.asarray(points[prob >= min(self.settings.explore_guard_prob, float(prob.max()))])

    def _best(self, contexts: Floats, shares: Floats) -> Floats | None:
        """The largest believed gain less the cost of change among settings that keep the guardrails."""
        step, width = self.asked_count, 0.25 * self.region.half
        points = candidates(self.draws, self.region, step, self._known(contexts, shares))
        best = self.base
        for attempt in range(POLISH):
            value = self._worth(points, contexts, shares)
            found = int(np.argmax(value))
            if not np.isfinite(value[found]):
                return None
            best = np.asarray(points[found], dtype=np.float64)
            around = cloud(self.draws, self.region, step, best, width, 20 + attempt)
            points, width = np.vstack([best, around]), width / 2.0
        return best

    def _worth(self, points: Floats, contexts: Floats, shares: Floats) -> Floats:
        mean, sd = self.beliefs.gain(points, self.base, contexts, shares)
        change = self.settings.change_cost_ratio * abs(self.beliefs.level(self.base, contexts, shares))
        value = mean - self.settings.pessimism * sd - change * np.abs(points - self.base).mean(axis=1)
        if self.guardrails:
            every, weights = self.beliefs.contexts, self.beliefs.shares
            kept = self.beliefs.guard_prob(points, every, weights) >= self.settings.guard_prob
            value = np.where(kept, value, -np.inf)
        return np.asarray(value)

    def _forget(self, changed: str) -> None:
        """Keep what was seen since the change began, and look around the incumbent anew."""
        kept = max(self.watch.since(changed), KEPT_MIN)
        self.alarms = [*self.alarms, (self._told, changed)][-ALARMS_MAX:]
        if changed == "context":  # the surrogates know contexts; only their shares have changed
            return
        self.windows = deque(list(self.windows)[-kept:], maxlen=self.settings.windows_max)
        self.region = TrustRegion(self.base, self.settings.half, self.settings.half_min, self.settings.half_max)
        self.beliefs.rows_count = 0

    def _move(self) -> None:
        """Let the trust region follow what is believed to be best."""
        contexts, shares = self.beliefs.contexts, self.beliefs.shares
        point = self._best(contexts, shares)
        if point is None:
            return
        mean, sd = self.beliefs.gain(point[None, :], self.region.center, contexts, shares)
        self.region.consider(point, float(ndtr(mean[0] / sd[0])))
