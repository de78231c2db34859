"""What the optimizer knows of one agent: its windows, the setting that stands, and a recommender for each target.

Recommenders are made when first asked for and told everything at once; between two retrains they only renew weights.
The setting that stands is the last one that was applied, before that the newest sample's that was no trial.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from sim.contracts import Draws
from sim.intelligence.calibration import Calibration
from sim.intelligence.config import CHOSEN, OptimizerConfig
from sim.intelligence.engine import Recommender
from sim.intelligence.protocol import Guardrail, Parameter, Window
from sim.intelligence.settings import SearchSettings
from sim.intelligence.space import Space
from sim.intelligence.surrogates.choice import Score
from sim.intelligence.taught import PROOF, pooled


class AgentMind:
    """One agent; `parameters` that its samples name and that may be set are tuned."""

    def __init__(
        self,
        agent_id: str,
        config: OptimizerConfig,
        draws: Draws,
        parameters: Sequence[Parameter],
        guardrails: Sequence[Guardrail],
    ) -> None:
        self.agent_id, self.config, self.draws = agent_id, config, draws
        self.parameters, self.guardrails = tuple(parameters), tuple(guardrails)
        self.windows: deque[Window] = deque(maxlen=config.windows_max)
        self.standing: dict[str, float] = {}
        self.calibrations: dict[str, Calibration] = {}
        self.recommenders: dict[str, Recommender] = {}
        self.scores: dict[str, list[Score]] = {}
        self.trained_at: dict[str, float] = {}
        self.is_applied = False
        self.former: dict[str, float] | None = None  # what stood before the last promotion

    def add(self, window: Window) -> list[tuple[str, str]]:
        """One more window; gives (target, what changed) where a recommender was alarmed and began anew."""
        self.windows.append(window)
        if not self.is_applied and window.arm == "incumbent":
            self.standing = dict(window.params)
        alarms = []
        for target, recommender in self.recommenders.items():
            count = len(recommender.alarms)
            recommender.note(window)
            if len(recommender.alarms) > count:
                alarms.append((target, recommender.alarms[-1][1]))
        return alarms

    def teach(self, windows: Sequence[Window]) -> None:
        """Remember the windows of a proof, for all targets."""
        self.windows.extend(pooled(windows))
        for recommender in self.recommenders.values():
            recommender.teach(windows)

    def apply(self, params: Mapping[str, float]) -> None:
        """Another setting stands from now on."""
        self.standing, self.is_applied = {**self.standing, **params}, True
        for recommender in self.recommenders.values():
            recommender.set_incumbent(self.standing)

    def tuned(self) -> tuple[Parameter, ...]:
        """The parameters that the agent has and that may be set."""
        return tuple(each for each in self.parameters if each.name in self.standing)

    def recommender(self, target: str) -> Recommender | None:
        """The target's recommender; None when the agent has nothing to tune."""
        if target not in self.recommenders:
            tuned = self.tuned()
            if not tuned:
                return None
            config = self.config
            settings = SearchSettings(
                surrogate=config.model_types.get(target, CHOSEN),
                explore_prob=config.explore_prob,
                guard_prob=config.guard_prob,
                confidence_min=config.prediction_confidence_threshold,
                windows_min=config.min_data_points,
                windows_max=config.windows_max,
            )
            calibration = self.calibrations.setdefault(target, Calibration())
            made = Recommender(Space(tuned), self.standing, self.draws, target, self.guardrails, settings, calibration)
            names = [each.name for each in tuned]
            for window in self.windows:
                if all(name in window.params for name in names):
                    made.teach([window]) if window.arm == PROOF else made.note(window)
            self.recommenders[target] = made
        return self.recommenders[target]

    def train(self, target: str, now: float) -> str:
        """Search for the surrogate and its scales anew; gives its kind, empty when there is nothing to learn from."""
        recommender = self.recommender(target)
        if recommender is None or len(recommender.windows) < 2:
            return ""
        kind, self.scores[target] = recommender.train()
        self.trained_at[target] = now
        return kind
