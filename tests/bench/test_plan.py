"""Sweeps become design points: Hydra's own splitting, an experiment's lists, and named sets of overrides."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench import forking, pool
from sim.bench.plan import make_plan
from sim.bench.runner import try_out
from sim.errors import ConfigError


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with an experiment that sweeps values, situations and a rule of its own."""
    path = tmp_path / "experiment" / "mine.yaml"
    path.parent.mkdir()
    path.write_text(
        """# @package _global_
baseline: random
fleet:
  nodes: 4
study:
  sweep:
    balancer: [round_robin, random]
    age: {fresh: [balancer.signal=local], old: [balancer.signal=polled, balancer.refresh_s=2]}
  situations:
    equal: []
    hetero: ["fleet.speeds=[0.5,1,2]", fleet.nodes=6]
""",
        encoding="utf-8",
    )
    return tmp_path


def test_nothing_swept_is_one_point_named_by_its_key() -> None:
    plan = make_plan(["fleet.nodes=2"])
    (point,) = plan.points
    assert (point.label, point.keys, plan.compared_key, plan.baseline) == ("run", {}, "", None)
    assert plan.name == f"run-{point.key[:10]}"
    assert make_plan(["fleet.nodes=2", "name=mine"]).name == "mine"


def test_a_sweep_is_hydras_own() -> None:
    overrides = ["balancer=random,power_of_d", "fleet.nodes=range(2,7,2)", "seed=7"]
    plan = make_plan(overrides, multirun=True)
    assert [point.label for point in plan.points] == [
        f"balancer={balancer} fleet.nodes={nodes}" for balancer in ("random", "power_of_d") for nodes in (2, 4, 6)
    ]
    assert [(p.config.balancer.kind, p.config.fleet.nodes, p.config.seed) for p in plan.points][4] == (
        "power_of_d",
        4,
        7,
    )
    assert (plan.compared_key, plan.baseline) == ("balancer", "random")
    assert len({point.key for point in plan.points}) == 6
    (listed,) = make_plan(["fleet.speeds=choice([1],[0.5,2])", "fleet.nodes=2"], multirun=True).points[1:]
    assert listed.config.fleet.speeds == [0.5, 2.0]
    assert listed.label == "fleet.speeds=[0.5,2]"


def test_a_sweep_needs_the_flag() -> None:
    with pytest.raises(ConfigError) as caught:
        make_plan(["balancer=random,power_of_d"])
    assert str(caught.value) == (
        "balancer=random,power_of_d: accepted is one value, or with --multirun a sweep (a list is [a,b])"
    )


def test_an_experiment_states_its_sweep(study: Path) -> None:
    plan = make_plan(["experiment=mine"], study)
    assert (plan.name, plan.compared_key, plan.baseline) == ("mine", "balancer", "random")
    assert [point.label for point in plan.points][:3] == [
        "balancer=round_robin age=fresh situation=equal",
        "balancer=round_robin age=fresh situation=hetero",
        "balancer=round_robin age=old situation=equal",
    ]
    old = plan.points[3].config
    assert (old.balancer.signal, old.balancer.refresh_s, old.fleet.speeds, old.fleet.nodes) == (
        "polled", 2.0, [0.5, 1.0, 2.0], 6,
    )  # fmt: skip
    assert plan.points[2].config.fleet.nodes == 4


def test_the_command_line_replaces_an_experiments_lists(study: Path) -> None:
    overrides = [
        "experiment=mine",
        "balancer=power_of_d,random",
        "situation=hetero",
        "age=fresh",
        "fleet.nodes=9",
        "seed=1,2",
    ]
    plan = make_plan([*overrides, "balancer.signal=local"], study)
    assert [point.label for point in plan.points] == [
        f"balancer={balancer} age=fresh situation=hetero seed={seed}"
        for balancer in ("power_of_d", "random")
        for seed in (1, 2)
    ]
    assert {point.config.fleet.nodes for point in plan.points} == {9}, "what is fixed by hand wins over a situation"
    assert plan.baseline == "random"
    one = make_plan(["experiment=mine", "balancer=power_of_d", "situation=equal"], study)
    assert (one.compared_key, one.baseline) == ("balancer", None), "the experiment's baseline is not there to compare"
    assert [point.keys["balancer"] for point in one.points] == ["power_of_d", "power_of_d"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("situation=far", "situation=far: accepted is one of equal, hetero"),
        ("age=1", "age=1: accepted is one of fresh, old"),
        ("agee=1", "agee=1: accepted is a known key, near it: age"),
        ("baseline=prequal", "baseline=prequal: accepted is a value of balancer: round_robin, random"),
        ("seed=range(1,20000)", "sweep=159992 points: accepted is 1 to 10,000 points"),
    ],
)
def test_what_an_experiment_does_not_have_is_refused(override: str, message: str, study: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        make_plan(["experiment=mine", override], study)
    assert str(caught.value) == message


def test_what_only_the_strategy_refuses_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match=r"^balancer\.signal=probed: accepted is local / polled with round_robin$"):
        make_plan(["balancer.signal=probed"])
    with pytest.raises(ConfigError, match=r"^baseline=random: accepted is null where nothing is swept$"):
        make_plan(["baseline=random"])


def test_a_server_tries_points_out_and_this_process_only_where_it_found_one_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []
    monkeypatch.setattr("sim.bench.plan.try_out", lambda config: (tried.append(config.balancer.kind), try_out(config)))
    pool.close_idle()
    forking.prepare("sim.bench.runner")
    make_plan(["balancer=random,round_robin", "launcher.workers=2"], multirun=True)
    assert not tried, "the server did"
    with pytest.raises(ConfigError, match=r"^balancer\.signal=probed: accepted is local / polled with random$"):
        make_plan(["balancer=random,round_robin", "balancer.signal=local,probed", "launcher.workers=2"], multirun=True)
    assert tried == ["random", "random"], "up to the one that is refused"
    make_plan(["balancer=prequal", "launcher.workers=1"])
    assert tried[2:] == ["prequal"], "it will run it itself"
    pool.close_idle()


EXPERIMENTS = {"balancers": (20, "balancer"), "load_sweep": (36, "balancer"), "stale_signals": (12, "rule")}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_plans(name: str) -> None:
    plan = make_plan([f"experiment={name}"])
    assert (len(plan.points), plan.compared_key) == EXPERIMENTS[name]
    assert plan.name == name
    assert plan.baseline in {point.keys[plan.compared_key] for point in plan.points}
    assert plan.base.study.question.endswith("?")


def test_the_main_job_is_ten_strategies_in_two_situations() -> None:
    plan = make_plan(["experiment=balancers"])
    points = {(point.keys["balancer"], point.keys["situation"]): point.config for point in plan.points}
    assert len({balancer for balancer, _ in points}) == 10
    equal, hetero = points["prequal", "equal"], points["prequal", "hetero"]
    assert (equal.fleet.speeds, equal.balancer.dispatchers) == ([1.0], 1)
    assert (hetero.fleet.speeds, hetero.balancer.dispatchers) == ([0.5, 1.0, 2.0], 8)
    assert {config.service.kind for config in points.values()} == {"llm"}


def test_the_trace_study_needs_its_file_and_sweeps_the_pace(data_file: object, here: Path) -> None:
    with pytest.raises(Exception, match=r"^data/azure_llm_2023_code\.csv: no such file; it is the Azure LLM"):
        make_plan(["experiment=trace"])
    assert callable(data_file)
    folder = data_file("azure_llm_2023_code.csv").parent
    plan = make_plan(["experiment=trace", f"paths.data={folder}"])
    assert len(plan.points) == 30
    assert {point.config.arrivals.resample for point in plan.points} == {"blocks"}
