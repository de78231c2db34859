"""`validate`: rows judged together, too wide is not decided, a wrong world or a wrong load is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sim.bench.check import check
from sim.bench.compose import compose
from sim.bench.rules import is_under_fire
from sim.bench.schema import Config
from sim.bench.validate import (
    INPUTS_ALPHA,
    QUICK_REPLICATIONS,
    ROWS_ALPHA,
    judge_row,
    reduce_replication,
    run_on,
    run_validation,
)
from sim.bench.validate_case import Row
from sim.bench.validate_cases import cases
from sim.bench.validate_fire_cases import fire_cases
from sim.bench.validate_inputs import INPUTS, SeenLoad, check_inputs
from sim.bench.validate_table import InputCheck, RowResult, ValidationTable
from sim.types.records import AgentSteps, RunRecord
from tests.measure.chance import generator
from tests.measure.validation_rig import case_named, single_server, slower_server


def test_every_family_is_there_and_every_case_composes() -> None:
    found = cases()
    rows = [row for case in found for row in case.rows]
    assert len({row.name for row in rows}) == len(rows) == 41
    known = {row.name: row.known for row in rows}
    spots = {
        "M/M/1 at 0.5": 2.0, "M/M/1 at 0.8": 5.0, "M/M/1 at 0.9": 10.0, "M/M/4 at 0.8": 1.7455,
        "M/M/4 at 0.9": 2.9694, "M/M/10 at 0.9": 1.6687, "M/M/10 p50 at 0.9": 1.3291, "M/M/10 p95 at 0.9": 4.3609,
        "M/M/10 p99 at 0.9": 6.2499, "M/M/100 at 0.95": 1.1013, "M/G/1 scv 0 at 0.8": 3.0, "M/G/1 scv 4 at 0.8": 11.0,
        "M/G/1 scv 20 at 0.8": 43.0, "M/G/1-PS scv 4 at 0.8": 5.0, "M/M/10/10 loss at 0.9": 0.16796,
        "M/M/50/50 loss at 0.9": 0.0541, "round robin over 2 at 0.8": 3.844, "round robin over 10 at 0.9": 5.6603,
        "D/M/1 at 0.9": 5.1787, "random split over 10 at 0.8": 5.0, "power of 2 over 100 at 0.9": 2.645,
    }  # fmt: skip
    for name, value in spots.items():
        assert known[name] == pytest.approx(value, abs=6e-5), name
    for case in found:
        config = compose([*case.overrides, "service.mean_s=1"])
        servers = config.fleet.nodes * config.fleet.agents_per_node
        assert config.arrivals.utilization_ratio is not None
        assert case.load.rate_per_s == pytest.approx(config.arrivals.utilization_ratio * servers)
        assert case.load.poisson == (config.arrivals.kind == "poisson")
        assert case.cut_s >= 5.0 * case.load.relaxation_s
        assert {row.bound_ratio for row in case.rows} <= {0.02, 0.05}


def test_cases_under_fire_compose_and_know_their_values() -> None:
    found = fire_cases()
    known = {row.name: row.known for case in found for row in case.rows}
    spots = {
        "M/M/1 with breakdowns 0.01, 0.1 at 0.5": 4.4646, "M/M/1 with breakdowns 0.1, 1 at 0.7": 5.1779,
        "nodes up of 10 with 1 repairer(s)": 7.8542, "nodes up of 10 with 2 repairer(s)": 8.9614,
        "M/M/1/setup 5 at 0.5": 7.0, "M/M/4/setup 1 at 0.5": 1.6293, "M/M/4/setup 10 at 0.5": 4.4621,
        "attempts, 3 at most, half fail": 1.75, "answered within 3 attempts, half fail": 0.875,
        "hedged p99.9": 4.9517, "hedged p99": 3.8005, "attempts, hedged at p95": 1.05,
        "detection, 3 misses of 10 s": 30.0,
    }  # fmt: skip
    assert known == pytest.approx(spots, abs=6e-5)
    assert set(known) < {row.name for case in cases() for row in case.rows}
    for case in found:
        config = compose([*case.overrides, "service.mean_s=1"])
        check(config)
        assert is_under_fire(config), case.rows[0].name
        servers = config.fleet.nodes * config.fleet.agents_per_node
        assert config.arrivals.utilization_ratio is not None
        assert case.load.rate_per_s == pytest.approx(config.arrivals.utilization_ratio * servers)


def test_agents_that_can_serve_are_counted_over_the_window() -> None:
    case = next(case for case in fire_cases() if case.rows[0].metric == "agents_up_mean")

    def run(config: Config, replication: int) -> RunRecord:
        steps = AgentSteps(np.array([0, 0, 0]), np.array([0.0, 300.0, 400.0]), np.array([8, -4, 4], dtype=np.int32))
        return replace(single_server(config, replication), agent_steps=steps)

    config = compose([*case.overrides, "service.mean_s=1", "horizon_s=1250"])
    assert case.cut_s == 250.0
    assert reduce_replication(run, config, case, 0).values.tolist() == [8.0 - 4.0 * 100.0 / 1000.0]


def test_a_row_passes_only_when_it_is_right_and_narrow() -> None:
    row = Row("m", "sojourn_s_mean", 10.0, "a book")
    pattern = np.tile([1.0, -1.0], 10)
    none = np.zeros((20, 1))

    def judged(mean: float, spread: float, one: Row = row, widening: float = 1.0) -> RowResult:
        return judge_row(one, mean, mean + spread * pattern, none, 0.001, widening)

    half = float(stats.t.isf(0.0005, 19)) * float(stats.sem(0.1 * pattern))
    result = judged(10.05, 0.1)
    assert result.half_width == pytest.approx(half)
    assert (result.status, result.allowed, result.replications) == ("ok", pytest.approx(0.2), 20)
    assert judged(10.0 + 1.01 * half, 0.1).status == "FAILS"
    assert judged(10.05, 1.0).status == "not decided"
    assert judged(10.05, 1.0, widening=5.0).status == "ok"
    assert judged(15.0, 1.0).status == "FAILS"  # wide and wrong is wrong
    unsure = replace(row, known_error=0.03)
    assert judged(10.0 + 1.01 * half, 0.1, unsure).status == "ok"
    expected = float(stats.t.isf(0.0005, 19)) * np.hypot(float(stats.sem(0.1 * pattern)), 0.03)
    assert judged(10.0, 0.1, unsure).half_width == pytest.approx(expected)


def test_a_spread_below_the_floor_counts_as_the_floor() -> None:
    row = Row("m", "sojourn_s_mean", 10.0, "a book")
    values, none = 9.97 + 0.001 * np.tile([1.0, -1.0], 10), np.zeros((20, 1))
    t = float(stats.t.isf(0.0005, 19))
    assert judge_row(row, 9.97, values, none, 0.001, 5.0).status == "FAILS"
    floored = judge_row(row, 9.97, values, none, 0.001, 5.0, 0.01)
    assert floored.half_width == pytest.approx(0.01 * t)
    assert floored.status == "ok"
    assert judge_row(replace(row, known=10.1), 9.97, values, none, 0.001, 5.0, 0.01).status == "FAILS"


def test_a_right_world_passes_and_the_seed_decides_everything() -> None:
    seen: list[tuple[int, int]] = []
    chosen = [case_named("M/M/1 at 0.5"), case_named("M/M/1 at 0.8")]
    table = run_validation(3, True, 1, lambda done, planned: seen.append((done, planned)), chosen, single_server)
    assert table.passed, table.as_text()
    assert table.exit_code == 0
    assert [row.name for row in table.rows] == ["M/M/1 at 0.5", "M/M/1 at 0.8", "M/M/1 p99 at 0.8"]
    assert all(row.replications >= QUICK_REPLICATIONS for row in table.rows)
    assert len(table.inputs) == 2 * len(INPUTS) + 2
    assert seen[0] == (1, 2 * QUICK_REPLICATIONS)
    assert seen[-1][0] == seen[-1][1] == len(seen)
    assert run_validation(3, True, 1, None, chosen, single_server) == table
    assert run_validation(4, True, 1, None, chosen, single_server).rows != table.rows


def test_a_slow_world_fails_and_its_load_is_named() -> None:
    def slow(config: Config, replication: int) -> RunRecord:
        return slower_server(config, replication, 1.02)

    table = run_validation(3, True, 1, None, [case_named("M/M/1 at 0.5"), case_named("M/M/1 at 0.9")], slow)
    assert not table.passed
    assert table.exit_code == 1
    off = [(check.case, check.name) for check in table.inputs if not check.passed]
    assert ("M/M/1 at 0.9", "mean demand") in off
    assert ("all of exponential demand", "mean demand") in off
    assert "arrivals" not in [name for _, name in off]
    assert "load of all of exponential demand: mean demand is off by " in table.as_text()


def test_a_wrong_answer_under_the_right_load_fails() -> None:
    def hasty(config: Config, replication: int) -> RunRecord:
        record = single_server(config, replication)
        table = record.attempts
        sooner = table.started_at + 0.8 * (table.finished_at - table.started_at)
        return replace(record, attempts=replace(table, finished_at=sooner))

    table = run_validation(3, True, 1, None, [case_named("M/M/1 at 0.5")], hasty)
    assert table.rows[0].status == "FAILS"
    assert all(check.passed for check in table.inputs)
    assert table.problems[0].startswith("M/M/1 at 0.5: replication 0: Little's law: integral")
    assert "INVALID: M/M/1 at 0.5: replication 0: Little's law" in table.as_text()


def test_too_wide_gets_more_replications_a_bounded_number_of_times() -> None:
    short = replace(case_named("M/M/1 at 0.8"), variance=0.01)
    # the shortest window is 20 relaxation times: allow only what it cannot reach
    rows = tuple(replace(row, bound_ratio=0.004) for row in short.rows)
    table = run_validation(1, True, 1, None, [replace(short, rows=rows)], single_server)
    assert [row.status for row in table.rows] == ["not decided", "not decided"]
    assert table.rows[0].replications == 24 + 12 + 18
    assert not table.passed


def test_what_is_reduced_of_a_replication() -> None:
    case = case_named("M/M/10/10 loss at 0.9")
    config = compose([*case.overrides, "horizon_s=2000", "seed=1"])
    one = compose(["arrivals.utilization_ratio=0.5", "horizon_s=2000"])

    def run(_: Config, replication: int) -> RunRecord:
        return single_server(one, replication)

    assert reduce_replication(run, config, case, 0).values.tolist() == [0.0]
    sharing = case_named("M/G/1-PS scv 1 at 0.8")
    reduced = reduce_replication(run, config, sharing, 0)
    record = run(config, 0)
    late = record.attempts.arrived_at >= sharing.cut_s
    sojourn_s = (record.attempts.finished_at - record.attempts.arrived_at)[late]
    assert reduced.values.tolist() == pytest.approx(
        [float(np.mean(sojourn_s)), float(np.mean(sojourn_s / record.attempts.work_s[late]))]
    )
    assert reduced.samples == {}
    assert reduced.requests_count == len(record.attempts)


def test_the_text_tells_every_row_and_ends_with_the_verdict() -> None:
    rows = [
        RowResult("M/M/1 at 0.5", 2.0, 2.01, 0.03, 0.04, 64, "ok", "a book"),
        RowResult("loss", 0.168, 0.2, 0.003, 0.00336, 32, "FAILS", "a book"),
    ]
    inputs = [InputCheck("loss", "arrivals", 0.01, 0.002, False), InputCheck("loss", "mean demand", 0.0, 0.1, True)]
    table = ValidationTable(rows, inputs, [], 7, False, 1_234_567)
    assert table.as_text().splitlines() == [
        "known value       known   measured       +/-   allowed",
        "M/M/1 at 0.5     2.0000     2.0100    0.0300    0.0400  ok",
        "loss             0.1680     0.2000    0.0030    0.0034  FAILS",
        "load of loss: arrivals is off by 1.00e-02, 2.00e-03 at most by chance",
        "validate FAILED: 1 of 2 rows, family level .001, half-width at most 2 % and 5 %, 1,234,567 requests, seed 7",
    ]
    good = ValidationTable(rows[:1], inputs[1:], [], 7, True, 10)
    assert good.as_text().splitlines()[-1] == (
        "validate passed: 1 of 1 rows, family level .001, wider bounds (quick): 10 % and 25 %, 10 requests, seed 7"
    )


def test_the_text_tells_which_engine_ran_what() -> None:
    rows = [RowResult(f"row {n}", 2.0, 2.01, 0.03, 0.04, 64, "ok", "a book") for n in range(3)]
    by_engine = {"compiled": ["row 0", "row 1"], "simpy": ["row 2"]}
    table = ValidationTable(rows, [], [], 7, True, 10, by_engine)
    assert table.as_text().splitlines()[4:6] == ["compiled ran 2 of 3 rows", "simpy ran 1 of 3 rows: row 2"]
    assert "ran" not in ValidationTable(rows, [], [], 7, True, 10, {"simpy": ["row 0"]}).as_text()


@pytest.mark.parametrize("name", ["M/M/10 at 0.9", "attempts, 3 at most, half fail"])
def test_an_engine_is_taken_through_to_the_rows(name: str) -> None:
    case = case_named(name)
    config = compose([*case.overrides, "service.mean_s=1", f"horizon_s={case.cut_s + 100.0}"])
    reduced = {engine: reduce_replication(run_on(engine), config, case, 0) for engine in ("simpy", "compiled")}
    assert reduced["simpy"].engine == "simpy"
    assert reduced["compiled"].engine == "compiled"
    assert reduced["compiled"].values.tolist() == reduced["simpy"].values.tolist()


def test_levels_add_up_to_the_family() -> None:
    assert pytest.approx(0.001) == ROWS_ALPHA + INPUTS_ALPHA


def test_inputs_are_tested_apart_and_together() -> None:
    rng = generator(9)
    right = rng.normal(0.0, 0.01, (30, 5))
    right[:, 0] = 0.0  # evenly spaced arrivals hold no chance
    loads = [SeenLoad("a", "exponential", 100.0, right), SeenLoad("b", "exponential", 300.0, right[::-1])]
    checks = check_inputs(loads, 1e-4)
    assert len(checks) == 2 * 5 + 1 + 1
    assert all(check.passed for check in checks)
    assert checks[-1].mean == pytest.approx(float(right[:, 1].mean()))
    spread = float(np.std(right[:, 1], ddof=1)) * np.sqrt((0.25**2 + 0.75**2) / 30)
    assert checks[-1].limit == pytest.approx(float(stats.t.isf(1e-4 / 12 / 2, 29)) * spread)
    off = right.copy()
    off[:, 0] = 1e-6
    wrong = check_inputs([SeenLoad("a", "exponential", 100.0, off)], 1e-4)
    assert [(check.case, check.name) for check in wrong if not check.passed] == [
        ("a", "arrivals"), ("all cases", "arrivals"),
    ]  # fmt: skip
