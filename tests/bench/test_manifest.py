"""What a result says of itself names no folder of the machine it was made on."""

from __future__ import annotations

from pathlib import Path

from sim.bench.compose import compose
from sim.bench.manifest import command_line, portable, portable_path, portable_words
from sim.bench.plan import Asked


def test_paths_are_told_as_far_as_they_travel(here: Path) -> None:
    assert portable_path(None) is None
    assert portable_path("data/trace.csv") == "data/trace.csv"
    assert portable_path(str(here / "data" / "trace.csv")) == "data/trace.csv"
    assert portable_path("/elsewhere/data/trace.csv") == "trace.csv"


def test_the_command_leaves_out_where_results_lie(here: Path) -> None:
    overrides = (
        "paths.store=/elsewhere/store", "paths.results=out", f"arrivals.path={here}/trace.csv", "config=/far/best.yaml",
        "arrivals.columns.time='a b'", "balancer=random,prequal",
    )  # fmt: skip
    assert portable_words(overrides) == [
        "paths.results=out", "arrivals.path=trace.csv", "config=best.yaml", "arrivals.columns.time='a b'",
        "balancer=random,prequal",
    ]  # fmt: skip
    asked = Asked(("balancer=random,prequal", "name='x'"), here / "conf", multirun=True)
    assert command_line(asked) == (
        "victor-sim run --multirun --config-dir conf balancer=random,prequal 'name='\"'\"'x'\"'\"''"
    )


def test_a_config_is_told_without_places(here: Path) -> None:
    (here / "trace.csv").write_text("time\n0\n1\n", encoding="utf-8")
    config = compose(["arrivals=trace", f"arrivals.path={here}/trace.csv", "paths.results=/elsewhere"])
    tree = portable(config)
    assert tree["arrivals"]["path"] == "trace.csv"
    assert {"name", "command", "paths", "launcher", "study", "baseline", "experiment"}.isdisjoint(tree)
    assert tree["fleet"]["nodes"] == 10
