"""Which samples are taken: whoever sends nonsense is counted by reason and changes nothing.

Rejected are: not finite, negative, rates above 1, no interactions, an id or a parameter that is no such thing, an
instant more than `skew_s` ahead of our clock, older than `stale_s`, or at or before the last one of that agent (which
makes sending again harmless). A sample far from the agent's recent ones is kept out too: more than `OUTLIER_MADS`
median absolute deviations from the median of the last `RECENT` (Hampel 1974), unless `SHIFT_AFTER` in a row agree,
since then the world has moved.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping

import numpy as np

from sim.types.metrics import AgentMetrics

RATES = ("success_rate", "cpu_usage", "memory_usage", "user_satisfaction", "task_completion_rate", "error_rate")
NUMBERS = ("response_time", *RATES, "context_length")
RECENT, OUTLIER_MADS, SHIFT_AFTER = 31, 20.0, 3
AGENTS_MAX = 10_000
REASONS = (
    "malformed",
    "not_finite",
    "negative",
    "out_of_range",
    "future",
    "stale",
    "duplicate",
    "outlier",
    "agents_max",
)

STANDING = "incumbent"


class Intake:
    """`check` gives the reason of a rejection, empty if the sample is taken; `rejected` counts them."""

    def __init__(self, skew_s: float = 60.0, stale_s: float = 86_400.0, agents_max: int = AGENTS_MAX) -> None:
        self.skew_s, self.stale_s, self.agents_max = skew_s, stale_s, agents_max
        self.rejected = dict.fromkeys(REASONS, 0)
        self._last_at: dict[str, float] = {}
        self._recent: dict[str, deque[float]] = {}
        self._apart: dict[str, int] = {}

    def check(self, sample: AgentMetrics, wall_at: float) -> str:
        """Judge a sample at a wall time."""
        reason = self._judge(sample, wall_at)
        if reason:
            self.rejected[reason] += 1
        else:
            self._last_at[sample.agent_id] = float(sample.timestamp)
        return reason

    def seen(self, agent_id: str, at: float) -> None:
        """A sample that came from the store."""
        self._last_at[agent_id] = max(at, self._last_at.get(agent_id, -math.inf))

    def _judge(self, sample: AgentMetrics, wall_at: float) -> str:
        values = [getattr(sample, name) for name in NUMBERS] + [sample.timestamp, sample.interaction_count]
        extras = [sample.model_parameters, sample.context, sample.variances]
        if not isinstance(sample.agent_id, str) or not sample.agent_id or not all(map(_is_number, values)):
            return "malformed"
        if not all(isinstance(extra, Mapping) and all(map(_is_number, extra.values())) for extra in extras):
            return "malformed"
        every = [*values, *(value for extra in extras for value in extra.values()), sample.propensity]
        if not all(math.isfinite(value) for value in every):
            return "not_finite"
        if min(values) < 0.0 or any(value < 0.0 for value in sample.variances.values()):
            return "negative"
        if any(getattr(sample, name) > 1.0 for name in RATES) or sample.interaction_count < 1 or sample.propensity <= 0:
            return "out_of_range"
        if sample.timestamp > wall_at + self.skew_s:
            return "future"
        if sample.timestamp < wall_at - self.stale_s:
            return "stale"
        last = self._last_at.get(sample.agent_id)
        if last is None and len(self._last_at) >= self.agents_max:
            return "agents_max"
        if last is not None and sample.timestamp <= last:
            return "duplicate"
        if sample.arm != STANDING:  # a setting on trial is meant to differ
            return ""
        return self._outlier(sample.agent_id, math.log1p(sample.response_time))

    def _outlier(self, agent_id: str, value: float) -> str:
        recent = self._recent.setdefault(agent_id, deque(maxlen=RECENT))
        if len(recent) >= RECENT // 2:
            middle = float(np.median(recent))
            spread = max(float(np.median(np.abs(np.array(recent) - middle))), 0.01)
            if abs(value - middle) > OUTLIER_MADS * spread:
                self._apart[agent_id] = self._apart.get(agent_id, 0) + 1
                if self._apart[agent_id] < SHIFT_AFTER:
                    return "outlier"
                recent.clear()
        self._apart[agent_id] = 0
        recent.append(value)
        return ""


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
