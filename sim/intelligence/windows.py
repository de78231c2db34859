"""A monitor's sample as a window: the agent's parameters, what it met, and the six targets with their spread.

resource_usage is the mean of cpu and memory. A rate's variance between tasks is p (1 - p) where the sample has none;
that of a mean time is unknown then and left to the surrogate's own noise. The context length goes by its logarithm.
"""

from __future__ import annotations

import math

from sim.intelligence.protocol import Parameter, Window
from sim.types.metrics import AgentMetrics

DEFAULT_PARAMETERS = (
    Parameter("temperature", 0.0, 1.6),
    Parameter("max_tokens", 128.0, 8_192.0, is_log=True, is_whole=True),
)
RATES = ("success_rate", "user_satisfaction", "task_completion_rate", "error_rate")


def window_of(sample: AgentMetrics) -> Window:
    """The window that a sample tells of."""
    means = {name: float(getattr(sample, name)) for name in ("response_time", *RATES)}
    means["resource_usage"] = 0.5 * (sample.cpu_usage + sample.memory_usage)
    variances = {name: means[name] * (1.0 - means[name]) for name in RATES}
    variances.update({name: float(value) for name, value in sample.variances.items()})
    context = {name: float(value) for name, value in sample.context.items()}
    context.setdefault("context_length_log", math.log1p(sample.context_length))
    return Window(
        {name: float(value) for name, value in sample.model_parameters.items()},
        context,
        int(sample.interaction_count),
        means,
        variances,
        float(sample.propensity),
        float(sample.timestamp),
        sample.arm,
    )
