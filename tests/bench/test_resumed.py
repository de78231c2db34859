"""A name stands for one study: a changed config is refused with what differs, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.outcome import finish
from sim.bench.plan import make_plan
from sim.errors import ConfigError
from tests.bench.small_study import no_report

SMALL = ["balancer=random,round_robin", "horizon_s=40", "stats.replications=2", "fleet.nodes=2", "launcher.workers=1"]


def run(*words: str, replacing: bool = False) -> int:
    """A sweep under the name `mine` unless told, without a report."""
    return finish(make_plan([*SMALL, "name=mine", "warmup=none", *words], multirun=True), no_report, replacing)


@pytest.mark.usefixtures("counted")
def test_a_changed_config_does_not_resume_into_the_old_name(here: Path) -> None:
    assert run() == 0
    with pytest.raises(ConfigError) as caught:
        run("horizon_s=50", "fleet.nodes=3")
    assert str(caught.value) == (
        "name=mine: accepted is another name, or --replace: results/mine was made with "
        "horizon_s 40.0, now 50.0 in 2 points; fleet.nodes 2, now 3 in 2 points"
    )
    report = Path("results/mine/report.html").stat().st_mtime_ns
    assert run("horizon_s=50", "fleet.nodes=3", "name=other") == 0
    assert Path("results/mine/report.html").stat().st_mtime_ns == report
    assert run("horizon_s=50", replacing=True) == 0
    with pytest.raises(ConfigError, match=r"was made with horizon_s 50\.0, now 40\.0 in 2 points$"):
        run()
    assert run(replacing=True) == 0
    assert len(list(Path(".victor-sim/store").glob("*/*/rep-*.json"))) == 12, "nothing is deleted"


@pytest.mark.usefixtures("here")
def test_more_of_the_same_study_is_no_other_one(counted: list[tuple[str, int]]) -> None:
    assert run() == 0
    assert run("stats.replications=3", "objective=sojourn_s_mean", "slo.max=3", "seed=1") == 0
    assert run("balancer=random,round_robin,power_of_d") == 0
    assert len(counted) == 8, "each once"
    assert run("seed=2") == run("engine=simpy") == 0
    with pytest.raises(ConfigError, match=r"fleet\.nodes 2, now 5$"):
        run("balancer=power_of_d,prequal", "fleet.nodes=5")
    with pytest.raises(ConfigError, match=r"results/mine holds other points \(balancer=random, "):
        run("balancer=random", "fleet.nodes=2,3")


@pytest.mark.usefixtures("counted")
def test_another_file_is_another_study(here: Path) -> None:
    trace = here / "trace.csv"
    words = ["arrivals=trace", f"arrivals.path={trace}"]
    trace.write_text("time\n0\n1\n", encoding="utf-8")
    assert run(*words) == 0
    trace.write_text("time\n0\n2\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"was made with another file at arrivals\.path in 2 points$"):
        run(*words)


@pytest.mark.usefixtures("counted")
def test_a_long_difference_is_cut(here: Path) -> None:
    assert run() == 0
    others = [
        "horizon_s=41",
        "drain_s=7",
        "fleet.nodes=3",
        "fleet.agents_per_node=3",
        "service.mean_s=2",
        "deadline_s=9",
    ]
    with pytest.raises(ConfigError, match=r"; and 1 more$"):
        run(*others)
    assert here.joinpath("results/mine").is_dir()
