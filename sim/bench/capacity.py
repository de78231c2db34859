"""What a fleet can serve, requests per second: the unit of `arrivals.utilization_ratio`.

Demands in seconds: sum over nodes of agents x speed / mean demand. Demands in tokens: a node of B batch places is
bound by its prefill (shared, one prefill second a second) or by its full batch,
min(1 / E[prefill], B / (E[prefill] + E[output - 1] token_s(B, B E[context]))), both estimated from a fixed sample of
4,096 requests of the law (seed 0), so that every run of a config means the same rate.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.bench.schema import Config
from sim.runtime.draws import CounterDraws

SAMPLE = 4096


def capacity_per_s(config: Config, service: Any) -> float:
    """Requests per second that the whole fleet can serve in the long run."""
    fleet = config.fleet
    speeds = [fleet.speeds[node % len(fleet.speeds)] for node in range(fleet.nodes)]
    if hasattr(service, "tokens"):
        per_node = tokens_capacity_per_s(service, fleet.agents_per_node)
    else:
        per_node = fleet.agents_per_node / service.mean_s()
    return math.fsum(speeds) * per_node


def tokens_capacity_per_s(law: Any, batch: int) -> float:
    """Saturated throughput of one node at speed 1 with `batch` places."""
    prompt, output = law.tokens(CounterDraws(0, 0), np.arange(SAMPLE, dtype=np.uint64), None)
    prefill_s = math.fsum(law.prefill_s(tokens) for tokens in prompt) / SAMPLE
    context = math.fsum(p + o / 2 for p, o in zip(prompt, output, strict=True)) / SAMPLE
    decode_s = math.fsum(o - 1 for o in output) / SAMPLE * law.token_s(batch, int(batch * context))
    return min(1.0 / prefill_s, batch / (prefill_s + decode_s))
