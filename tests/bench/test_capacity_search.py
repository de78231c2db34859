"""`capacity.key`: the edge that theory knows, found, judged, resumed and told; what could not end is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.bench import study as studies
from sim.bench.capacity_grid import grid_of
from sim.bench.capacity_search import point_at, with_points
from sim.bench.capacity_verdict import capacity_verdicts
from sim.bench.compose import Composed, compose
from sim.bench.dry_run import dry_run
from sim.bench.outcome import finish
from sim.bench.plan import Plan, make_plan
from sim.bench.study import as_stored, run_study, stored_count, summarize
from sim.errors import ConfigError
from sim.measure.summary import PointSummary
from sim.measure.theory import mmc_sojourn
from tests.bench.small_study import no_report
from tests.measure.points import point

# n nodes of one agent behind one queue, 2 requests/s of 1 s: M/M/n; mean sojourn 1.444 s at 3, 1.087 s at 4
QUEUE = [
    "fleet.agents_per_node=1", "balancer.queue=central", "service=exponential", "arrivals.rate_per_s=2",
    "horizon_s=550", "warmup='50'", "stats.replications=8", "launcher.workers=1", "name=edge",
    "objective=sojourn_s_mean", "slo.metric=sojourn_s_mean",
]  # fmt: skip
SHARED: Composed = {}
NODES = [*QUEUE, "capacity.key=fleet.nodes", "capacity.high=12", "slo.max=1.25"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def values(plan: Plan) -> list[str]:
    return [point.keys[plan.compared_key] for point in plan.points]


def test_the_smallest_fleet_is_the_one_that_theory_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert mmc_sojourn(4, 2.0 / 4) < 1.25 < mmc_sojourn(3, 2.0 / 3)
    plan = make_plan(NODES)
    assert values(plan) == ["1", "12"]
    assert "about 8 values a group" in dry_run(plan)
    assert finish(plan, no_report) == 0
    text, progress = capsys.readouterr()
    assert "edge fleet.nodes=6: 8/8, took" in progress, "which value is looked at"
    assert "4 nodes hold sojourn_s_mean within 1.25 s with 95 % confidence (1." in text
    assert "; 3 do not (1." in text
    assert "NOT MONOTONE" not in text
    ended = as_stored(plan)
    assert values(ended) == ["1", "2", "3", "4", "5", "6", "12"], "the ends, 6, 3, 4, and one beyond the edge each way"
    summary = summarize(plan)
    assert summary.verdicts[0].best == "fleet.nodes=4"
    assert any(note.startswith("search: fleet.nodes 1, 2, 3, 4, 5, 6, 12 were run on common") for note in summary.notes)
    arrived = {record.requests_count for record in summary.points}
    assert len(arrived) == 1, "every fleet met the same requests"
    best = Path("results/edge/best.yaml")
    (alone,) = make_plan([f"config={best}"]).points
    assert alone.config.fleet.nodes == 4
    assert alone.config.capacity.key is None, "a point of a search is no search"
    assert alone.key == next(p.key for p in ended.points if p.keys["fleet.nodes"] == "4"), "and is stored already"


def test_an_interrupted_search_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan([*NODES, "slo.max=3", "horizon_s=100", "warmup=none", "stats.replications=3"])
    asked: list[int] = []
    whole = studies.run_missing

    def counted(plan: Plan) -> Any:
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append(sum(p.config.stats.replications for p in plan.points) - stored_count(plan))
        return whole(plan)

    monkeypatch.setattr(studies, "run_missing", counted)
    with pytest.raises(KeyboardInterrupt):
        run_study(plan)
    assert asked == [6, 3, 3]
    assert "not finished, " in summarize(plan).verdicts[0].text
    asked.clear()
    with pytest.raises(KeyboardInterrupt):
        run_study(plan)
    assert asked == [0, 0, 0], "two looks are read back, and the third asked for what is stored, too"
    monkeypatch.setattr(studies, "run_missing", whole)
    ended, failures = run_study(plan)
    assert not failures
    assert len(ended.points) > 4
    assert ended == as_stored(plan)


def test_the_largest_load_and_one_answer_a_group() -> None:
    words = [*QUEUE, "fleet.nodes=3,4", "slo.max=1.3", "capacity.key=arrivals.rate_per_s", "capacity.wanted=largest"]
    plan = make_plan([*words, "capacity.low=1", "capacity.high=2.5", "capacity.step=.5"], multirun=True)
    assert len(plan.points) == 4
    finish(plan, no_report)
    verdicts = summarize(plan).verdicts
    for nodes, verdict in zip((3, 4), verdicts, strict=True):
        best = float(verdict.best.split("arrivals.rate_per_s=")[1].split()[0])
        assert verdict.text.startswith(f"fleet.nodes={nodes}: arrivals.rate_per_s={best:g} holds")
        assert mmc_sojourn(nodes, best / nodes) < 1.3 < mmc_sojourn(nodes, (best + 1.0) / nodes), "a step or less below"


def fake(plan: Plan, means: dict[int, float]) -> tuple[Plan, list[PointSummary]]:
    """The plan with these values of the key, and summaries of those means."""
    member, grid = plan.points[0], grid_of(plan.base)
    known = set(values(plan))
    plan = with_points(plan, [point_at(member, grid, grid.index(str(v))) for v in means if str(v) not in known])
    made = []
    for at in plan.points:
        rows = [means[int(at.keys["fleet.nodes"])] + off for off in (-0.01, 0.0, 0.01, 0.02)]
        found = point(at.label, at.keys, sojourn_s_mean=rows, success_ratio=[1.0] * 4, cost=[3.0] * 4)
        found.config = {"horizon_s": 1800.0}
        made.append(found)
    return plan, made


@pytest.mark.parametrize(
    ("means", "best", "said"),
    [
        ({1: 9.0, 12: 1.1, 6: 1.1, 3: 1.4, 4: 1.1, 5: 1.1}, "fleet.nodes=4", "4 nodes hold"),
        ({1: 9.0, 12: 1.3}, "", "no fleet up to 12 nodes is shown to hold"),
        ({1: 1.1, 12: 1.1, 2: 1.1}, "fleet.nodes=1", "1 node holds"),
        ({1: 9.0, 12: 1.1, 6: 1.1, 3: 1.1, 2: 1.1, 4: 1.7, 5: 1.2}, "fleet.nodes=5",
         ("NOT MONOTONE in fleet.nodes: 4 is not shown to hold though 3 is, "
          "sojourn_s_mean is separably higher at 4 than at 3")),
    ],
)  # fmt: skip
def test_the_verdict_says_what_the_values_say(means: dict[int, float], best: str, said: str) -> None:
    plan, made = fake(make_plan(NODES), means)
    ((verdict,), notes) = capacity_verdicts(plan, made, [])
    assert verdict.best == best
    assert said in verdict.text
    assert ("cost 6 an hour" in verdict.text) is True
    assert ("monotone as far as was run" in notes[0]) is ("NOT MONOTONE" not in verdict.text)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["capacity.key=fleet.node"], r"capacity.key=fleet.node: accepted is a known key, near it: fleet.nodes"),
        (["capacity.key=balancer.kind"], r"capacity.key=balancer.kind: accepted is a key that takes numbers"),
        (["capacity.key=fleet.nodes", "capacity.low=1.5"], r"capacity.low=1.5: accepted is a whole number"),
        (["capacity.key=fleet.nodes", "capacity.high=1"], r"capacity.high=1.0: accepted is a number above"),
        (["capacity.key=fleet.nodes", "capacity.step=5"], r"capacity.high=12.0: accepted is 1 plus a whole number"),
        (["capacity.key=fleet.nodes", "slo.max=null"], r"slo.max=None: accepted is a number above 0"),
        (["capacity.key=fleet.nodes", "slo.metric=success_ratio"], r"slo.metric=success_ratio: accepted is a metric"),
        (["capacity.key=fleet.nodes", "arrivals.rate_per_s=null", "arrivals.utilization_ratio=.5"],
         r"arrivals.utilization_ratio=0.5: accepted is null with capacity.key=fleet.nodes"),
        (["capacity.key=fleet.nodes", "stats.replications=1"], r"stats.replications=1: accepted is 2 or more"),
        (["capacity.key=fleet.nodes", "stats.select=best"], r"stats.select=best: accepted is none"),
        (["capacity.key=fleet.nodes", "stats.precision_ratio=.1"], r"stats.precision_ratio=0.1: accepted is null"),
    ],
)  # fmt: skip
def test_a_search_that_could_not_end_is_refused_before_anything_runs(words: list[str], message: str) -> None:
    base = [*QUEUE, "slo.max=1.25", "capacity.high=12"]
    with pytest.raises(ConfigError, match=message):
        compose([*base, *words], composed=SHARED)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["capacity.key=fleet.node"], r"capacity.key=fleet.node: accepted is a known key"),
        (["fleet.nodes=2,3"], r"capacity.key=fleet.nodes: accepted is a key that is not swept"),
        (["capacity.low=0"], r"fleet.nodes=0: accepted is a whole number from 1"),
        (["slo.max=null"], r"slo.max=None: accepted is a number above 0"),
    ],
)
def test_a_plan_refuses_it_before_anything_runs(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plan([*NODES, *words], multirun=True)
    assert not Path(".victor-sim").exists()


def test_arrivals_with_a_rate_of_their_own_need_no_word_about_the_preset_s_rate(tmp_path: Path) -> None:
    trace = tmp_path / "t.csv"
    trace.write_text("time,prompt_tokens,output_tokens\n" + "".join(f"{i},100,10\n" for i in range(50)), "utf-8")
    config = compose(["experiment=capacity", "arrivals=trace", f"arrivals.path={trace}"])
    assert config.arrivals.rate_per_s is None
    with pytest.raises(ConfigError, match=r"arrivals.rate_per_s"):
        compose(["experiment=capacity", "arrivals=trace", f"arrivals.path={trace}", "arrivals.rate_per_s=3"])
