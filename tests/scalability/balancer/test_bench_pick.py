"""Time of one dispatch and one completion, every strategy, 10 and 1,000 nodes (`make bench` reads the table)."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from sim.registry import names
from sim.scalability.balancer.params import BalancerParams
from tests.conformance.balancer.board import fleet_of

BATCH = 100


@pytest.mark.parametrize("nodes", [10, 1000])
@pytest.mark.parametrize("kind", names("balancer"))
def test_bench_dispatch_and_complete(benchmark: Any, kind: str, nodes: int) -> None:
    balancer = fleet_of(BalancerParams(kind=kind, signal="probed" if kind == "prequal" else "local"), nodes, 12)
    width, probes = balancer.draws_count, balancer.probes_count
    draws = [[(number * 0.6180339887 + at * 0.4142135624) % 1.0 for at in range(width)] for number in range(BATCH)]
    aims = [[(number * 0.7548776662 + at * 0.5698402910) % 1.0 for at in range(probes)] for number in range(BATCH)]
    out = deque(balancer.dispatch(0, 0, draws[at % BATCH], at, 0.0) for at in range(8 * nodes))

    def batch() -> None:
        for number in range(BATCH):
            out.append(balancer.dispatch(0, 0, draws[number], number, 1.0))
            slot = out.popleft()
            balancer.complete(0, slot, 0, 1.0, 0.5, 7)
            if probes:
                balancer.record_latency(slot, 7, 0.5)
                for target in balancer.probe_targets(0, 0, aims[number]):
                    balancer.probe_answer(0, 0, target, 1.0, 8, balancer.estimate_latency_s(target, 8))

    benchmark.extra_info["calls"] = BATCH
    benchmark.pedantic(batch, rounds=20, warmup_rounds=2)
    assert sum(balancer.statistics().in_flight) == 8 * nodes
