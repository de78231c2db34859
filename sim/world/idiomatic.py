"""The baseline of our speed ratios: the yardstick fleet as SimPy's own guide teaches it, a process a request.

10 nodes of 12 agents (a `simpy.Resource` each), Poisson arrivals at utilization .9, exponential service of mean 1 s,
each request to the less loaded of two nodes drawn at random. No records, no control plane. It draws from Philox in
blocks too, so that the ratio compares engines and not generators.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from typing import Any

import simpy

from sim.runtime.draws import ARRIVAL_GAP, PICK, SERVICE_REQUEST, CounterDraws

NODES, AGENTS, UTILIZATION = 10, 12, 0.9
RATE_PER_S = UTILIZATION * NODES * AGENTS


def idiomatic_mean_sojourn_s(requests: int, seed: int) -> float:
    """Run the yardstick for `requests` requests; gives the mean sojourn in seconds."""
    env = simpy.Environment()
    nodes = [simpy.Resource(env, AGENTS) for _ in range(NODES)]
    draws = CounterDraws(seed, 0)
    total_s = 0.0

    def uniforms(purpose: int, width: int) -> Iterator[Any]:
        for first in range(0, requests, 1024):
            yield from draws.uniforms(purpose, first, 1024, width).tolist()

    def load(node: simpy.Resource) -> int:
        return int(node.count) + len(node.queue)

    def request(pick: list[float], service_s: float) -> Generator[Any, Any, None]:
        nonlocal total_s
        arrived_at = env.now
        one, other = nodes[int(pick[0] * NODES)], nodes[int(pick[1] * NODES)]
        node = one if load(one) <= load(other) else other
        with node.request() as place:
            yield place
            yield env.timeout(service_s)
        total_s += env.now - arrived_at

    def source() -> Generator[Any, Any, None]:
        gaps, sizes, picks = uniforms(ARRIVAL_GAP, 1), uniforms(SERVICE_REQUEST, 1), uniforms(PICK, 2)
        for _ in range(requests):
            yield env.timeout(-math.log(next(gaps)[0]) / RATE_PER_S)
            env.process(request(next(picks), -math.log(next(sizes)[0])))

    env.process(source())
    env.run()
    return total_s / requests
