"""Studies that grow: a precision, a race, a budget; what is stored decides, so that a second look changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.dry_run import dry_run
from sim.bench.outcome import finish
from sim.bench.plan import Plan, make_plan
from sim.bench.sequential import excess_of
from sim.bench.study import as_stored, run_missing, run_study, stored_count, summarize
from sim.errors import ConfigError
from tests.bench.small_study import TINY, no_report

SMALL = [*TINY, "horizon_s=150", "warmup=none", "arrivals.utilization_ratio=.8"]
FOUR = [*SMALL, "fleet.nodes=4", "fleet.agents_per_node=1"]
RACE = ["balancer=random,power_of_d,least_connections", *FOUR, "stats.select=best", "objective=sojourn_s_mean"]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def counts(plan: Plan) -> list[int]:
    return [point.config.stats.replications for point in plan.points]


def test_a_point_grows_until_it_is_as_precise_as_asked() -> None:
    plan = make_plan([*SMALL, "stats.precision_ratio=.4"])
    ended, failures = run_study(plan)
    assert not failures
    (summary,) = summarize(plan).points
    assert excess_of(summary, 0.4) <= 1.0
    assert counts(ended)[0] == len(summary.per_replication["sojourn_s_mean"]) > 3
    assert excess_of(summarize(make_plan(SMALL)).points[0], 0.4) > 1.0, "the first three are not precise enough"
    assert stored_count(ended) == counts(ended)[0]
    assert counts(as_stored(plan)) == counts(ended), "what is stored says the same"
    again, _ = run_study(plan)
    assert counts(again) == counts(ended)


def test_a_precision_that_is_not_reached_is_said() -> None:
    plan = make_plan([*SMALL, "stats.precision_ratio=.001", "stats.replications_max=4"])
    ended, _ = run_study(plan)
    assert counts(ended) == [4]
    (note,) = [note for note in summarize(plan).notes if "precision_ratio" in note]
    assert note.startswith("run: after 4 replications mean and p99 are known within ")
    assert note.endswith(" of their values, not within 0.001 as stats.precision_ratio=0.001 asks")


def test_one_replication_has_no_precision_and_grows() -> None:
    plan = make_plan([*SMALL, "stats.replications=1", "stats.precision_ratio=50", "stats.replications_max=3"])
    assert counts(run_study(plan)[0]) == [3], "2, and then 3: two leave a t quantile of 12.7"


def test_a_race_drops_who_is_worse_and_names_the_best() -> None:
    plan = make_plan([*RACE, "stats.replications=5", "stats.indifference_ratio=.1"], multirun=True)
    ended, failures = run_study(plan)
    assert not failures
    at = dict(zip(("random", "power_of_d", "least_connections"), counts(ended), strict=True))
    assert at == {"random": 10, "power_of_d": 5, "least_connections": 10}, "power of two is worse in every replication"
    summary = summarize(plan)
    (verdict,) = summary.verdicts
    assert verdict.best == "balancer=least_connections"
    assert "selected as the best with probability 0.95 where none is within" in verdict.text
    assert f"(KN, {sum(at.values())} replications in all)" in verdict.text
    (note,) = [note for note in summary.notes if note.startswith("race: out after ")]
    assert note == "race: out after 5 replications balancer=power_of_d; after 10 replications balancer=random"
    assert summary.valid
    assert {point.point for point in summary.points} == {point.label for point in plan.points}
    measured = {c.point for c in summary.comparisons}
    assert measured == {"balancer=power_of_d", "balancer=least_connections"}, "compared over what both have"


def test_a_race_that_is_cut_short_names_nobody() -> None:
    words = [*RACE, "stats.replications=3", "stats.indifference_ratio=.0001", "stats.replications_max=3"]
    plan = make_plan(words, multirun=True)
    run_study(plan)
    (verdict,) = summarize(plan).verdicts
    assert verdict.best == ""
    assert verdict.text.startswith("no best yet after 3 replications: still in the race for sojourn_s_mean are ")


def test_workers_and_interrupts_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [*RACE, "stats.replications=5", "stats.indifference_ratio=.1", "name=race"]
    from sim.report.page import write_report

    assert finish(make_plan(words, multirun=True), write_report) == 0
    one = Path("results/race/points.csv").read_bytes()
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    plan = make_plan(words, multirun=True)
    run_missing(plan)  # interrupted after the first look
    two = [word for word in words if not word.startswith("launcher.workers")]
    assert finish(make_plan([*two, "launcher.workers=2"], multirun=True), write_report) == 0
    assert Path("results/race/points.csv").read_bytes() == one


def test_an_unsuccessful_point_does_not_race() -> None:
    plan = make_plan(
        [
            "fleet.queue_max=0,1000",
            *SMALL,
            "arrivals.utilization_ratio=1.2",
            "stats.replications=5",
            "stats.select=best",
        ],
        multirun=True,
    )
    run_study(plan)
    (verdict,) = summarize(plan).verdicts
    assert verdict.best == "fleet.queue_max=1000"
    assert verdict.excluded == ["fleet.queue_max=0"]
    assert verdict.text.endswith("left out (success_ratio separably below the highest): 0")


def test_a_race_for_what_is_not_reported_names_nobody_and_says_so() -> None:
    """A p99 of so few requests stands in each replication, but has no interval over all of them."""
    words = [*RACE, "stats.replications=3", "stats.replications_max=3", "horizon_s=20", "objective=sojourn_s_p99"]
    plan = make_plan(words, multirun=True)
    run_study(plan)
    (verdict,) = summarize(plan).verdicts
    assert verdict.best == ""
    reason = "too few requests, a longer horizon_s or more stats.replications have them"
    assert f"left out (sojourn_s_p99 not reported: {reason}): random, power_of_d, least_connections" in verdict.text


def test_a_budget_goes_where_the_choice_is_hard() -> None:
    words = [*RACE, "stats.replications=4", "stats.select=budget", "stats.budget_replications=40"]
    plan = make_plan(words, multirun=True)
    ended, _ = run_study(plan)
    random, power, least = counts(ended)
    assert random + power + least == 40
    assert (random, power, least) == (4, 18, 18), "nobody doubts that random is worse"
    (verdict,) = summarize(plan).verdicts
    assert "; 40 replications split by OCBA; by the data none is better with probability " in verdict.text


def test_a_failure_ends_the_growth(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from sim.bench import assemble

    def broken(config: object, replication: int) -> object:
        raise RuntimeError("planted")

    monkeypatch.setattr(assemble, "run_replication", broken)
    plan = make_plan([*SMALL, "stats.precision_ratio=.01"])
    assert finish(plan, no_report) == 1
    assert "planted" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("word", "accepted"),
    [("stats.select=kn", "none"), ("stats.precision_ratio=0", "above 0"), ("stats.indifference_ratio=0", "above 0")],
)
def test_settings_out_of_range_are_refused(word: str, accepted: str) -> None:
    with pytest.raises(ConfigError, match=accepted):
        make_plan([*SMALL, word])


def test_a_race_needs_first_replications_and_a_budget_to_spend() -> None:
    with pytest.raises(ConfigError, match=r"stats.replications=2: accepted is 3 or more"):
        make_plan([*RACE, "stats.replications=2"], multirun=True)
    with pytest.raises(ConfigError, match=r"stats.budget_replications=0: accepted is"):
        make_plan([*RACE, "stats.select=budget"], multirun=True)
    with pytest.raises(ConfigError, match=r"stats.replications_max=2: accepted is"):
        make_plan([*SMALL, "stats.precision_ratio=.1", "stats.replications_max=2"])


def test_a_dry_run_says_that_more_may_come() -> None:
    assert "more as stats.select=best asks, at most 200 a point" in dry_run(make_plan(RACE, multirun=True))
