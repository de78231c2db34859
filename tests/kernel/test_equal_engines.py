"""The compiled engine against SimPy, bit by bit, on random configurations; and the instrument that compares them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from sim.bench.assemble import assemble, run_replication
from sim.bench.compose import compose
from sim.bench.dice import write_inputs
from sim.bench.engine_differences import differences
from sim.bench.engines import Side, compare, compare_configs, random_configurations, shrink
from sim.bench.random_configs import configured, draw_overrides
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.kernel import driver
from sim.types.records import RunRecord
from tests.kernel.uncompiled import uncompiled

__all__ = ["uncompiled"]
CONFIGURATIONS = 40
YARDSTICK = ["fleet=yardstick", "arrivals.rate_per_s=108", "horizon_s=30"]


def planted(config: Config) -> RunRecord:
    """A compiled engine that finishes one request of every pooled queue a bit late."""
    record = run_replication(config, 0)
    if len(record.attempts) and config.engine == "compiled" and config.balancer.queue == "central":
        record.attempts.finished_at[len(record.attempts) // 2] = np.nextafter(
            record.attempts.finished_at[len(record.attempts) // 2], np.inf
        )
    return record


SIDES = (Side("simpy"), Side("compiled", planted))


def names(one: RunRecord, other: RunRecord) -> list[str]:
    return [difference.name for difference in differences(one, other)]


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(("seed", "ahead_min"), [(7, driver.AHEAD_POOLS_MIN), (8, 0)])  # 0: as large fleets are run
def test_random_configurations_are_equal_in_both_engines(
    seed: int, ahead_min: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uncompiled: a machine code for each of them takes minutes, and `victor-sim validate --engines` makes it."""
    monkeypatch.setattr(driver, "AHEAD_POOLS_MIN", ahead_min)
    found = random_configurations(CONFIGURATIONS, seed, inputs=write_inputs(tmp_path))
    assert not found.unequal, found.as_text(seed)
    assert found.equal_count == CONFIGURATIONS
    assert not found.not_supported
    assert found.features["arrivals.kind=closed_loop"]
    assert found.requests_count > 50 * found.equal_count


@pytest.mark.parametrize(
    "words",
    [
        ["balancer=response_time", "fleet.agent_types={a: 1, b: 2}", "fleet.agents_per_node=3", "fleet.queue_max=2"],
        ["balancer=prequal", "balancer.dispatchers=2", "arrivals=gamma", "service=lognormal", "service.scv=4"],
        ["balancer=weighted_least_connections", "balancer.queue=central", "fleet.speeds=[1.0,2.0]"],
        ["balancer=consistent_hash", "service=llm", "arrivals.keys_count=20", "fleet.nodes=3"],
    ],
    ids=["types", "probes", "central", "tokens"],
)
def test_the_compiler_changes_nothing(words: list[str]) -> None:
    config = compose(["fleet.nodes=4", "fleet.agents_per_node=2", "horizon_s=60", *words])
    found = compare_configs(*(configured(config, {}, engine) for engine in ("simpy", "compiled")))
    assert not found.different, [str(one) for one in found.different]
    assert found.requests_count > 100


def test_a_difference_is_found_and_shrunk_to_the_key_that_makes_it() -> None:
    base, number = compose([]), 0
    while not (overrides := draw_overrides(7, number)).get("balancer.queue") or overrides["drain_s"] == 0.0:
        number += 1
    overrides["balancer.queue_max"] = 1_000_000
    overrides.pop("stats.requests_max", None)
    assert [one.name for one in compare(base, overrides, SIDES).different] == ["attempts.finished_at"]
    smallest = shrink(base, overrides, SIDES)
    sizes = {"horizon_s": smallest["horizon_s"], "fleet.nodes": 1, "fleet.agents_per_node": 1}
    assert smallest == {**sizes, "balancer.queue": "central"} | {
        key: value for key, value in smallest.items() if key == "arrivals.utilization_ratio"
    }
    assert smallest["horizon_s"] < overrides["horizon_s"]


@pytest.mark.parametrize(("discipline", "nodes"), [("fifo", 10), ("fifo", 120), ("ps", 10)])
def test_a_streamed_run_is_the_same_stream(discipline: str, nodes: int) -> None:
    """120 nodes hold more requests at once than the rows that a run starts with."""
    words = [*YARDSTICK, "stats.keep_requests=false", "stats.requests_max=0", "fleet.queue_max=4", "warmup=5"]
    load = [f"fleet.nodes={nodes}", f"arrivals.rate_per_s={10.8 * nodes}", "horizon_s=15"]
    config = compose([*words, *load, f"service.discipline={discipline}", "balancer=power_of_d"])
    simpy = run_replication(replace(config, engine="simpy"), 0)
    compiled = run_replication(replace(config, engine="compiled"), 0)
    assert (simpy.engine, compiled.engine) == ("simpy", "compiled")
    assert simpy.stream is not None
    assert compiled.stream is not None
    assert len(compiled.attempts) == 0
    assert simpy.digest == compiled.digest
    assert differences(simpy, compiled) == []


def test_memory_of_a_streamed_run_does_not_grow_with_its_requests() -> None:
    words = [*YARDSTICK, "stats.keep_requests=false", "stats.requests_max=0", "balancer=power_of_d", "engine=compiled"]
    rows = []
    for horizon_s in (30.0, 300.0):
        found = assemble(replace(compose(words), horizon_s=horizon_s), 0)
        found.run()
        rows.append(len(found.world.engine.k.rows.request))  # type: ignore[attr-defined] # the compiled engine's
    assert rows[0] == rows[1]


def test_a_feature_that_is_not_compiled_is_named() -> None:
    for words, feature in (
        (["gateway=default"], "gateway"),
        (["plugins=shipped"], "plugins"),
    ):
        config = compose(["engine=compiled", *words])
        with pytest.raises(ConfigError, match=rf"^engine=compiled: accepted is simpy or auto: .*{feature}"):
            assemble(config, 0)


def test_auto_takes_the_compiled_engine_for_long_plain_runs_only() -> None:
    long = [*YARDSTICK, "horizon_s=1000", "balancer=power_of_d"]
    assert assemble(compose(long), 0).engine == "compiled"
    assert assemble(compose([*long, "horizon_s=900"]), 0).engine == "simpy"
    assert assemble(compose([*long, "deadline_s=300"]), 0).engine == "compiled"
    assert assemble(compose([*long, "gateway=default"]), 0).engine == "simpy"


def test_engines_are_named_in_the_record_and_differ_in_nothing_else() -> None:
    config = compose([*YARDSTICK, "balancer=least_connections"])
    runs = [run_replication(configured(config, {}, engine), 0) for engine in ("simpy", "compiled")]
    assert [run.engine for run in runs] == ["simpy", "compiled"]
    assert names(*runs) == []
    runs[1].attempts.node[3] += 1
    assert names(*runs) == ["attempts.node"]


def test_two_replications_side_by_side_are_what_they_are_alone() -> None:
    config = compose([*YARDSTICK, "balancer=power_of_d", "engine=compiled"])
    alone = partial(run_replication, config)
    one, other = assemble(config, 0), assemble(config, 1)
    assert other.run().digest == alone(1).digest
    assert one.run().digest == alone(0).digest
