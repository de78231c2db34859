"""Requests that are not kept, under a control plane and under fire: the same stream, and rows that are used again."""

from __future__ import annotations

from dataclasses import replace

from sim.bench.assemble import assemble, run_replication
from sim.bench.compose import compose
from sim.bench.engine_differences import differences
from sim.kernel.state import NEXT_ROW

FLEET = ["fleet=yardstick", "balancer=power_of_d", "arrivals.rate_per_s=115", "fleet.queue_max=3", "seed=2"]
STREAMED = ["stats.keep_requests=false", "stats.requests_max=0", "warmup=5"]
FIRE = [
    "retry.attempts_max=2", "health.detector=heartbeat_timeout", "health.interval_s=2", "health.node_timeout_s=7",
    "autoscaler=hpa", "autoscaler.min_nodes=4", "autoscaler.max_nodes=12", "autoscaler.interval_s=3",
    "autoscaler.provisioning_s=1", "autoscaler.drain_s=1", "faults.crash.enabled=true", "faults.crash.mttf_s=30",
    "faults.crash.mttr_s=4", "faults.crash.in_flight=requeue",
]  # fmt: skip


def test_a_streamed_run_under_fire_is_the_same_stream_in_few_rows() -> None:
    config = compose([*FLEET, *STREAMED, *FIRE, "horizon_s=60"])
    simpy = run_replication(replace(config, engine="simpy"), 0)
    assembly = assemble(replace(config, engine="compiled"), 0)
    compiled = assembly.run()
    assert (simpy.engine, compiled.engine) == ("simpy", "compiled")
    assert differences(simpy, compiled) == []
    assert simpy.digest == compiled.digest
    assert simpy.counts["faults_crash"] > 5
    assert simpy.counts["retries"] > 100
    assert simpy.arrivals_count > 6000
    rows = int(assembly.world.engine.k.numbers[NEXT_ROW])  # type: ignore[attr-defined] # the compiled engine's
    assert rows < simpy.arrivals_count  # only those of requests with several attempts stay


def test_rows_of_a_control_plane_run_do_not_grow_with_its_requests() -> None:
    calm = ["arrivals.rate_per_s=60", "fleet.queue_max=1000", "faults.crash.mttf_s=1000000", "autoscaler.min_nodes=10"]
    words = [*FLEET, *STREAMED, *FIRE, *calm, "engine=compiled"]
    rows = []
    for horizon_s in (20.0, 200.0):
        found = assemble(compose([*words, f"horizon_s={horizon_s}"]), 0)
        assert found.run().arrivals_count > 50 * horizon_s
        rows.append(int(found.world.engine.k.numbers[NEXT_ROW]))  # type: ignore[attr-defined]
    assert max(rows) < 400
