"""What a fleet can serve, requests per second: the unit of `arrivals.utilization_ratio`.

Demands in seconds: sum over nodes of agents x speed / mean demand. Demands in tokens: a node whose B batch places are
never empty is a closed network of B requests between a shared prefill (P = E[prefill] s each) and a decode at n at a
time (D(n) = E[output - 1] token_s(n, n E[context]) s each), both processor sharing, so that only means count: its
throughput is G(B-1) / G(B), G(N) = sum over n <= N of P^(N-n) prod over j <= n of D(j) / j (Gordon and Newell 1967;
Baskett, Chandy, Muntz, Palacios 1975). Means are over 4,096 requests of the law (seed 0), the context's weighted by
the tokens decoded, so that every run of a config means the same rate.
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
        batches = fleet.agent_types.values() or [fleet.agents_per_node]  # agents of a type batch by themselves
        per_node = math.fsum(tokens_capacity_per_s(service, batch) for batch in batches)
    else:
        per_node = fleet.agents_per_node / service.mean_s()
    return math.fsum(speeds) * per_node


def tokens_capacity_per_s(law: Any, batch: int) -> float:
    """Saturated throughput of one node at speed 1 with `batch` places. O(batch)."""
    prompt, output = law.tokens(CounterDraws(0, 0), np.arange(SAMPLE, dtype=np.uint64), None)
    prefill_s = math.fsum(law.prefill_s(tokens) for tokens in prompt) / SAMPLE
    decoded = sum(tokens - 1 for tokens in output)
    held = math.fsum((o - 1) * (p + 0.5 * (o - 1)) for p, o in zip(prompt, output, strict=True))
    context = held / decoded if decoded else 0.0
    ratio_s, share_s = prefill_s, 1.0  # G(n) / G(n-1) and the part of it in which all n decode
    for places in range(1, batch + 1):
        decode_s = decoded / SAMPLE * law.token_s(places, int(places * context)) / places
        share_s = decode_s if places == 1 else share_s * decode_s / ratio_s
        ratio_s = prefill_s + share_s
    return 1.0 / ratio_s
