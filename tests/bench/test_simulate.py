"""The Python face: a design point from overrides or a mapping, its metrics, table and plot, also in a running loop."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

import sim
from sim.bench import assemble
from sim.bench.schema import Config
from sim.bench.simulate import Result, as_overrides, simulate
from sim.errors import ConfigError, InputError, InvalidRun
from sim.types.records import RunRecord

POINT = {
    "balancer": "power_of_d",
    "fleet": {"nodes": 2, "agents_per_node": 2},
    "horizon_s": 300,
    "stats.replications": 2,
    "launcher": {"workers": 1},
    "service": {"params": {"note": "a, b"}},
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A small run."""
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("simulate"))
        return simulate(POINT)


def test_a_mapping_is_overrides() -> None:
    assert list(as_overrides(POINT, "")) == [
        "balancer=power_of_d", "fleet.nodes=2", "fleet.agents_per_node=2", "horizon_s=300", "stats.replications=2",
        "launcher.workers=1", "service.params={note:'a, b'}",
    ]  # fmt: skip


def test_metrics_have_intervals(result: Result) -> None:
    p99 = result["sojourn_s_p99"]
    assert p99.ci_low < p99.mean < p99.ci_high
    assert (p99.unit, p99.replications) == ("s", 2)
    assert result.metrics["success_ratio"].mean == 1.0
    assert result.config.service.params == {"note": "a, b"}
    assert "sojourn_s_p99" in str(result)
    assert str(result).endswith("none")


def test_the_table_has_a_row_an_attempt(result: Result) -> None:
    table = result.table()
    sizes = [len(record.attempts) for record in result.records]
    assert {name: len(column) for name, column in table.items()} == dict.fromkeys(table, sum(sizes))
    assert np.bincount(table["replication"]).tolist() == sizes
    one = result.table(1)
    assert set(one["replication"].tolist()) == {1}
    assert one["finished_at"].tobytes() == result.records[1].attempts.finished_at.tobytes()


def test_the_plot_shows_the_tail(result: Result) -> None:
    axes = result.plot()
    (line,) = axes.get_lines()
    tail = result.summary.tail
    assert tail is not None
    assert line.get_ydata().tolist() == tail.latency_s.tolist()
    assert axes.get_xscale() == "log"
    assert axes.get_xticklabels()[0].get_text() == "90 %"
    assert result.plot(axes) is axes


def test_it_runs_where_a_loop_runs_and_answers_from_the_store(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def notebook() -> Result:
        return sim.simulate(["horizon_s=20", "fleet.nodes=1", "stats.replications=1", "launcher.workers=1"])

    first = asyncio.run(notebook())
    monkeypatch.setattr(assemble, "run_replication", None)
    assert asyncio.run(notebook()).metrics["utilization_ratio"] == first.metrics["utilization_ratio"]
    first.summary.tail = None
    with pytest.raises(InvalidRun, match="too few requests"):
        first.plot()


def test_a_sweep_and_a_broken_point_are_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"^sweep=2 points: accepted is one design point"):
        simulate(["balancer=random,prequal"])
    with pytest.raises(ConfigError, match=r"^fleet\.nodez=1: accepted is a known key"):
        simulate({"fleet": {"nodez": 1}})
    (here / "trace.csv").write_text("time\n0\nsoon\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"row 3, column 'time'"):
        simulate({"arrivals": "trace", "arrivals.path": "trace.csv", "stats.replications": 1})
    real = assemble.run_replication

    def harmed(config: Config, replication: int) -> RunRecord:
        record = real(config, replication)
        record.arrivals_count += 1
        return record

    monkeypatch.setattr(assemble, "run_replication", harmed)
    point = ["horizon_s=20", "fleet.nodes=1", "stats.replications=1"]
    with pytest.raises(InvalidRun, match=r"^run is INVALID: replication 0: "):
        simulate(point)

    def failing(config: Config, replication: int) -> RunRecord:
        raise ZeroDivisionError("by hand")

    monkeypatch.setattr(assemble, "run_replication", failing)
    with pytest.raises(InvalidRun, match=r"^run is INVALID: replication 0: ZeroDivisionError: by hand$"):
        simulate([*point, "seed=2"])
