"""What an agent's monitor tells, and what the optimizer answers: the source's nouns with the fields they lacked.

A sample (`AgentMetrics`) covers `interaction_count` interactions that ended by `timestamp`; times are seconds, rates
and usages ratios in 0..1. An improvement is in percent of the incumbent, positive when better whatever the target's
direction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class OptimizationTarget(Enum):
    """The source's six targets."""

    RESPONSE_TIME = "response_time"
    SUCCESS_RATE = "success_rate"
    RESOURCE_USAGE = "resource_usage"
    USER_SATISFACTION = "user_satisfaction"
    TASK_COMPLETION_RATE = "task_completion_rate"
    ERROR_RATE = "error_rate"


@dataclass(frozen=True, slots=True)
class AgentMetrics:
    """One sample of an agent. The fields up to `model_parameters` are the source's."""

    agent_id: str
    timestamp: float  # seconds of the wall clock
    response_time: float  # mean of the interactions, s
    success_rate: float
    cpu_usage: float
    memory_usage: float
    user_satisfaction: float
    task_completion_rate: float
    error_rate: float
    interaction_count: int
    context_length: float  # tokens, mean
    model_parameters: Mapping[str, float] = field(default_factory=dict)
    context: Mapping[str, float] = field(default_factory=dict)  # what the agent met and did not choose
    variances: Mapping[str, float] = field(default_factory=dict)  # between interactions, by target; empty: unknown
    propensity: float = 1.0  # with which the parameters were chosen
    arm: str = "incumbent"


@dataclass(frozen=True, slots=True)
class OptimizationResult:
    """What `optimize_agent` gives. When it abstains `improvement_percentage` is 0.0 and `reason` says why."""

    agent_id: str
    target: OptimizationTarget
    parameters: dict[str, float]
    improvement_percentage: float
    ci_low_percentage: float  # of the 90 % interval
    ci_high_percentage: float
    confidence: float  # calibrated probability that the true difference is positive
    reason: str  # empty unless it abstains
    is_applied: bool = False
    trust_region: dict[str, tuple[float, float]] = field(default_factory=dict)
    surrogate: str = ""  # kind that answered
    windows_count: int = 0  # that the answer rests on
    timestamp: float = 0.0
    weigh: Callable[[], dict[str, float]] = field(default=dict, repr=False, compare=False)  # share of each parameter
    _weighed: dict[str, float] = field(default_factory=dict, repr=False, compare=False)

    @property
    def feature_importance(self) -> dict[str, float]:
        """Share of each parameter in what the windows tell: worked out when first asked for, since it costs most."""
        if not self._weighed:
            self._weighed.update(self.weigh())
        return self._weighed

    @property
    def abstained(self) -> bool:
        """Whether nothing is recommended."""
        return bool(self.reason)

    def as_dict(self) -> dict[str, Any]:
        """Plain fields, for JSON."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("weigh", "_weighed")}
        plain["target"] = self.target.value
        plain["feature_importance"] = self.feature_importance
        return plain
