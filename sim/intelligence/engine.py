"""The recommender behind ask and tell: what to try next, and what should stand with which certainty.

Windows go by turns to the incumbent (all is compared to it), to points spread around it, to chance with `explore_prob`,
and else to what teaches most (`choosing`); after a surprise a setting that was run before is run again (`watch`). The
believed mean of the difference, not the best window seen, is the stated gain, which takes the winner's curse out
(Smith and Winkler 2006). After a drift alarm what came before is old: it counts for as much as what follows agrees.
The windows of proofs teach too (`taught`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtr

from sim.contracts import Draws
from sim.intelligence import choosing, claims
from sim.intelligence.beliefs import Beliefs
from sim.intelligence.calibration import Calibration
from sim.intelligence.candidates import candidates, uniform
from sim.intelligence.protocol import Guardrail, Proposal, Recommendation, Window
from sim.intelligence.region import TrustRegion
from sim.intelligence.settings import SearchSettings
from sim.intelligence.space import Floats, Space
from sim.intelligence.surrogates.choice import KINDS, Score, choose, make
from sim.intelligence.taught import PROOF, faded, pooled
from sim.intelligence.watch import QUIET_WINDOWS, DriftWatch
from sim.runtime.draws import OPTIMIZER_EXPLORE

ALARMS_MAX = 1_000
AUTO, LOG = "auto", "log"
LEARN_MIN = 4
REFIT_SHARE = 20  # more windows move the scales less: refits are a twentieth of memory apart
SPREAD = 32
OLD_MAX = 100  # windows from before a drift alarm that are remembered


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
        self.old_count = 0  # of the windows, those from before the last drift alarm
        self._alarm_at = 0  # place of the window that alarmed
        self._again: dict[str, float] | None = None  # to be run again after a surprise
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
            fully = self._told % max(self.settings.refit_every, len(self.windows) // REFIT_SHARE) == 0
            self.learn(fully)
            if fully and self._told >= self.settings.start_windows:
                self._move()

    def learn(self, fully: bool) -> None:
        """Renew the beliefs from all windows in memory; `fully` searches for the surrogate's scales too."""
        if self.old_count and self._is_dating and (fully or not self.beliefs.rows_count):
            self._date()
        self.beliefs.learn(self.windows, self.base, fully, self.old_count)

    def renew(self) -> None:
        """Learn what was noted since, as far as there is enough; the scales every `refit_every` asks."""
        if len(self.windows) >= LEARN_MIN:
            self.learn(fully=not self.beliefs.rows_count or self.asked_count % self.settings.refit_every == 0)

    def train(self) -> tuple[str, list[Score]]:
        """Choose the surrogate if that is `auto`, and learn fully; gives its kind and the scores of all kinds."""
        rows = self.beliefs.rows(self.windows, self.base, self.old_count)
        kind, scores = choose(rows, self.draws, KINDS if self.settings.surrogate == AUTO else [self.settings.surrogate])
        if kind != self.beliefs.surrogate.kind:
            self.beliefs.surrogate = make(kind, self.draws)
        self.learn(fully=True)
        self._move()
        return kind, scores

    def note(self, window: Window) -> None:
        """Remember a window, and whether the world has changed, without learning from it yet."""
        changed = self.watch.see(self.beliefs, window) if window.arm != LOG else ""
        self._again = self._best_tried() if self.watch.is_surprised and not changed else None
        if window.arm != LOG and self.windows and self.windows[-1].arm == LOG:
            self._keep(0)  # what an operator saw is worth as much as our own windows agree with it
        self._append(window)
        self._told += 1
        if changed:
            self._forget(changed)

    def teach(self, windows: Sequence[Window]) -> None:
        """Learn from a proof's windows too: chosen for what was believed of them, they tell nothing of drift."""
        for window in pooled(windows):
            self._append(window)

    def ask(self, context: Mapping[str, float]) -> Proposal:
        """See `AskTell`."""
        step, settings = self.asked_count, self.settings
        self.asked_count += 1
        if self._again is not None:
            again, self._again = self._again, None
            return Proposal(again, 1.0, "run again after a surprise")
        if step % settings.incumbent_every == 0 or len(self.windows) < 2:
            return Proposal(dict(self.incumbent), 1.0, "the incumbent's turn", "incumbent")
        if not self.beliefs.rows_count and len(self.windows) >= LEARN_MIN:
            self.learn(fully=True)
        if len(self.windows) < settings.start_windows or not self.beliefs.rows_count:
            return self._spread(step, settings.start_half, 1.0, "spread around what stands")
        if self.draws.uniform(OPTIMIZER_EXPLORE, step) < settings.explore_prob:
            return self._spread(step, settings.explore_half, settings.explore_prob, "chance around the center")
        contexts, shares = self._contexts(context if settings.is_contextual else None)
        places = candidates(self.draws, self.region, step, choosing.known(self, contexts, shares))
        chosen = choosing.most_promising(self, choosing.allowed(self, places), contexts, shares)
        return self._proposal(chosen, 1.0 - settings.explore_prob, "worth trying most")

    def recommend(self, context: Mapping[str, float] | None = None) -> Recommendation:
        """See `AskTell`."""
        settings = self.settings
        if len(self.windows) < settings.windows_min or not self.beliefs.rows_count:
            reason = f"{len(self.windows)} windows, {settings.windows_min} are needed"
            return claims.abstaining(self.incumbent, reason)
        contexts, shares = self._contexts(context)
        choice = choosing.choice(self, contexts, shares)
        if choice is None:
            return claims.abstaining(self.incumbent, f"no setting keeps the guardrails with {settings.guard_prob:g}")
        return claims.claim(self, choice, contexts, shares)

    # Inside

    def _append(self, window: Window) -> None:
        if len(self.windows) == self.settings.windows_max:
            self.old_count, self._alarm_at = max(self.old_count - 1, 0), max(self._alarm_at - 1, 0)
        self.windows.append(window)

    def _proposal(self, unit: Floats, propensity: float, reason: str) -> Proposal:
        return Proposal(self.space.to_params(unit), propensity, reason)

    def _spread(self, step: int, half: float, share: float, reason: str) -> Proposal:
        """A uniform point of a box of its own around the region's center, the first of some that may be tried."""
        near = TrustRegion(self.region.center, half, 0.0, 1.0)
        point = choosing.allowed(self, uniform(self.draws, near, step, SPREAD, 60))[0]
        return self._proposal(point, share / near.volume, reason)

    def _contexts(self, context: Mapping[str, float] | None) -> tuple[Floats, Floats]:
        if context is None or not self.beliefs.scale.names:
            return self.beliefs.contexts, self.beliefs.shares
        return self.beliefs.scale.scaled(context)[None, :], np.ones(1)

    def _best_tried(self) -> dict[str, float] | None:
        """Of the settings seen since the last alarm, the one believed to be best."""
        held = list(self.windows)[self.old_count :]
        if not held:
            return None
        points = self.space.to_units([window.params for window in held])
        mean, _ = self.beliefs.gain(points, self.base, self.beliefs.contexts, self.beliefs.shares)
        return dict(held[int(np.argmax(mean))].params)

    def _forget(self, changed: str) -> None:
        """What was seen before the change began is old; look around the incumbent anew."""
        kept = max(self.watch.since(changed), 1)
        self.alarms = [*self.alarms, (self._told, changed)][-ALARMS_MAX:]
        if changed == "context":  # the surrogates know contexts; only their shares have changed
            return
        self._keep(self._reach(kept))
        self._alarm_at = len(self.windows) - 1
        self.region = TrustRegion(self.base, self.settings.half, self.settings.half_min, self.settings.half_max)

    def _reach(self, count: int) -> int:
        """The last `count` windows of the search with what proofs taught among them, as windows of memory."""
        for place, window in enumerate(reversed(self.windows), start=1):
            count -= window.arm != PROOF
            if count == 0:
                return place
        return len(self.windows)

    @property
    def _is_dating(self) -> bool:
        """Is what came since the last alarm little enough that the change may still be dated anew?"""
        return bool(self.alarms) and self._told - self.alarms[-1][0] <= QUIET_WINDOWS

    def _date(self) -> None:
        """Charts date a change by few residuals: what was seen just before the alarm may be of the old world too."""
        count = self.beliefs.likeliest_change(self.windows, self.base, self.old_count, self._alarm_at)
        if count > self.old_count:
            held = list(self.windows)
            self.windows = deque(faded(held[:count]) + held[count:], maxlen=self.settings.windows_max)
            self.old_count = count

    def _keep(self, count: int) -> None:
        """The last `count` windows are new, `OLD_MAX` before them old, the rest forgotten."""
        self.old_count = min(max(len(self.windows) - count, 0), OLD_MAX)
        held = list(self.windows)[len(self.windows) - count - self.old_count :]
        held[: self.old_count] = faded(held[: self.old_count])
        self.windows = deque(held, maxlen=self.settings.windows_max)
        self.beliefs.rows_count = 0

    def _move(self) -> None:
        """Let the trust region follow what is believed to be best."""
        contexts, shares = self.beliefs.contexts, self.beliefs.shares
        point = choosing.best(self, contexts, shares)
        if point is None:
            return
        mean, sd = self.beliefs.gain(point[None, :], self.region.center, contexts, shares)
        self.region.consider(point, float(ndtr(mean[0] / sd[0])))
