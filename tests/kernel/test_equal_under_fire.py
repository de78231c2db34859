"""Attempts, gates, health, scaling and faults through the kernel: the same records as SimPy's, bit by bit.

The drawn configurations run uncompiled, so that many pass in seconds; a few run through the compiler.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from sim.bench.compose import compose
from sim.bench.dice import write_inputs
from sim.bench.engines import compare_configs, random_configurations
from sim.bench.kernel_balancer import KernelBalancer
from sim.bench.random_configs import configured
from sim.scalability.balancer.balancer import Balancer
from tests.kernel.uncompiled import uncompiled

__all__ = ["uncompiled"]
SMALL = ["horizon_s=40", "fleet.nodes=4", "fleet.agents_per_node=2", "arrivals.utilization_ratio=0.9", "drain_s=20"]
WAYS = {
    "deadline and retries": ["deadline_s=8", "retry.attempt_timeout_s=3", "retry.attempts_max=3", "fleet.queue_max=1",
                             "retry.backoff_s=0.5", "retry.budget_ratio=0.2"],
    "hedges": ["hedge.after_s=1", "hedge.hedges_max=2", "balancer=power_of_d"],
    "killed on time": ["deadline_s=3", "deadline_propagation=kill"],
    "central line": ["balancer.queue=central", "balancer.queue_max=3", "admission.priority_mix=[1.0,1.0]",
                     "retry.attempts_max=2", "deadline_s=6"],
    "gates": ["breaker.enabled=true", "breaker.failures_max=2", "admission.kind=concurrency", "deadline_s=3",
              "admission.in_flight_max=14", "breaker.open_s=2"],
    "crashes": ["faults.crash.enabled=true", "faults.crash.mttf_s=15", "faults.crash.mttr_s=4", "deadline_s=6",
                "health.detector=consecutive_failures", "health.interval_s=1", "health.probe_timeout_s=0.5"],
    "slow starts": ["health.slow_start_s=6", "health.detector=heartbeat_timeout", "health.interval_s=1",
                    "health.node_timeout_s=4", "faults.crash.enabled=true", "faults.crash.mttf_s=12", "deadline_s=6",
                    "faults.crash.mttr_s=3", "hedge.after_s=1", "balancer=power_of_d"],
    "slow starts, polled": ["health.slow_start_s=6", "autoscaler=threshold", "autoscaler.min_nodes=2",
                            "autoscaler.max_nodes=6", "autoscaler.interval_s=2", "autoscaler.provisioning_s=1",
                            "balancer=least_connections", "balancer.signal=polled", "balancer.refresh_s=0.5"],
    "slow starts, probed": ["health.slow_start_s=6", "autoscaler=threshold", "autoscaler.min_nodes=2",
                            "autoscaler.max_nodes=6", "autoscaler.interval_s=2", "autoscaler.provisioning_s=1",
                            "balancer=prequal"],
    "slow starts, tokens": ["health.slow_start_s=6", "autoscaler=threshold", "autoscaler.min_nodes=2",
                            "autoscaler.max_nodes=6", "autoscaler.interval_s=2", "autoscaler.provisioning_s=1",
                            "balancer=join_idle_queue"],
    "closed clients": ["arrivals=closed_loop", "arrivals.clients_count=12", "arrivals.think_s=0.5",
                       "arrivals.utilization_ratio=null", "deadline_s=4", "retry.attempts_max=2", "hedge.after_s=1"],
}  # fmt: skip


def equal_rows(words: list[str]) -> int:
    config = compose([*SMALL, *words])
    found = compare_configs(configured(config, {}, "simpy"), configured(config, {}, "compiled"))
    assert not found.different, [str(one) for one in found.different]
    return found.requests_count


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("uncompiled")
def test_each_way_is_the_same_in_both_engines(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, itself = [], KernelBalancer._itself

    def counted(self: KernelBalancer) -> AbstractContextManager[Balancer]:
        asked.append(way)
        return itself(self)

    monkeypatch.setattr(KernelBalancer, "_itself", counted)
    assert equal_rows(WAYS[way]) > 80
    assert (len(asked) > 50) is way.startswith("slow starts")  # the balancer itself, while a node is within one


@pytest.mark.usefixtures("uncompiled")
def test_drawn_configurations_are_the_same_in_both_engines(tmp_path: Path) -> None:
    found = random_configurations(12, 5, "fire", inputs=write_inputs(tmp_path))
    assert not found.unequal, found.as_text(5, "fire")
    assert not found.not_supported
    assert found.equal_count == 12


def test_the_compiler_changes_nothing() -> None:
    assert equal_rows([*WAYS["deadline and retries"], *WAYS["slow starts"]]) > 80


def test_room_for_rows_and_pools_is_made_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.kernel.driver.ROWS_AHEAD_MAX", 0)
    monkeypatch.setattr("sim.kernel.driver.ROWS_MIN", 16)
    assert equal_rows([*WAYS["deadline and retries"], *WAYS["crashes"][:4], "balancer=power_of_d"]) > 80
