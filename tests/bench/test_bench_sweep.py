"""What a second core gains and what the harness costs: the words of the sweeps, the arithmetic, what is claimed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from sim.bench.bench_sweep import Took, even_sweep, harness, keep, run_command, two_cores
from sim.bench.plan import make_plan
from sim.bench.streamed import expected_requests


class Machine:
    """Runs nothing: a point takes so long, a process so long besides."""

    def __init__(self, point_s: float, start_s: float, share: float = 1.0) -> None:
        self.point_s, self.start_s, self.share = point_s, start_s, share
        self.words: list[list[str]] = []

    def __call__(self, words: list[str]) -> Took:
        self.words.append(words)
        points = next(word for word in words if word.startswith("fleet.queue_max=")).count(",") + 1
        workers = int(next(word for word in words if word.startswith("launcher.workers=")).split("=")[1])
        work_s = points * self.point_s
        return Took(self.start_s + work_s / (1 + self.share * (workers - 1)), self.start_s + work_s)


def test_the_sweep_is_what_it_says() -> None:
    plan = make_plan(even_sweep(3, 1000.0, 5, 2, "compiled")[2:], multirun=True)
    assert len({point.key for point in plan.points}) == 3
    configs = [point.config for point in plan.points]
    assert [expected_requests(config) for config in configs] == pytest.approx([1000.0 * 108.0] * 3)
    assert {(one.seed, one.launcher.workers, one.stats.replications, one.engine) for one in configs} == {
        (5, 2, 1, "compiled")
    }


def test_two_cores_over_one() -> None:
    even = Machine(point_s=8.0, start_s=2.0)
    figure = two_cores(30_000_000, 1, even)
    assert figure.value == pytest.approx(162.0 / 82.0)
    assert figure.broken == ""
    assert figure.note.endswith(
        "4 points 1.89 times, each further point 2.00 times at 1.00 times the processor time; two workers' start took "
        "0.0 s of it"
    )
    assert len(even.words) == 5, "the first one compiles"
    assert two_cores(30_000_000, 1, Machine(8.0, 2.0, share=0.5)).broken == "two cores over one: 1.49, claimed 1.8"
    short = two_cores(1000, 1, Machine(1.0, 0.0))
    assert short.broken == "two cores over one: a point took 1.0 s, wanted 5; ask for more requests"


def test_the_harness_is_what_one_more_point_costs() -> None:
    figure = harness(1, Machine(point_s=0.25, start_s=3.0))
    assert figure.value == pytest.approx(0.25)
    assert figure.broken == ""
    assert harness(1, Machine(0.5, 3.0)).broken == "harness: 0.50 s a point, claimed below 0.4"


def test_figures_are_kept(tmp_path: Path) -> None:
    keep(tmp_path / "sweep.csv", [harness(1, Machine(0.25, 3.0))])
    (row,) = csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines())
    assert (row["what"], row["value"], row["claimed"]) == ("harness, a point", "0.2500", "below 0.4 s")


def test_a_command_that_fails_is_told() -> None:
    with pytest.raises(RuntimeError, match=r"victor-sim run color=blue: .*color"):
        run_command(["run", "color=blue"])
