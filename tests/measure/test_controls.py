"""Control variates: exact on linear data, no bias on curved data, known means on the load they are meant for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sim.measure.controls import (
    Load,
    control_values,
    controlled,
    smoothed_product,
    surplus_by_order,
    surplus_by_time,
)
from sim.measure.theory import mm1_relaxation
from sim.types.records import RunRecord
from tests.measure.chance import generator
from tests.measure.toy import attempts, mm1_run, nodes, single_server_run


def test_what_the_controls_explain_is_taken_out() -> None:
    controls = generator(1).normal(size=(12, 2))
    values = 7.0 + controls @ np.array([2.0, -3.0])
    found = controlled(float(values.mean()), values, controls)
    assert found.center == pytest.approx(7.0, rel=1e-12)
    assert found.standard_error < 1e-12
    assert found.degrees == 12 - 2 - 1


def test_a_control_that_never_varies_is_left_out() -> None:
    controls = np.column_stack((generator(2).normal(size=10), np.zeros(10)))
    values = generator(3).normal(size=10)
    assert controlled(float(values.mean()), values, controls) == controlled(
        float(values.mean()), values, controls[:, :1]
    )
    assert controlled(float(values.mean()), values, controls).degrees == 8
    with pytest.raises(ValueError, match="4 replications are too few for 2 controls"):
        controlled(0.0, np.zeros(4), np.arange(8.0).reshape(4, 2) ** 2)


def test_without_explaining_controls_it_is_the_plain_standard_error() -> None:
    values = generator(4).normal(5.0, 1.0, 9)
    found = controlled(float(values.mean()), values, np.zeros((9, 1)))
    assert found.center == float(values.mean())
    assert found.standard_error == pytest.approx(float(stats.sem(values)), rel=1e-12)
    pooled = controlled(float(values.mean()) + 0.3, values, np.zeros((9, 1)))
    assert pooled.center == pytest.approx(float(values.mean()) + 0.3)
    expected = math.sqrt(float(np.sum((values - pooled.center) ** 2)) / 8 / 9)  # sectioning about the pooled value
    assert pooled.standard_error == pytest.approx(expected, rel=1e-9)


def test_curvature_gives_no_bias_and_intervals_cover() -> None:
    """A value curved in the control: plain regression is biased by -2 b / R, this is not."""
    rng = generator(5)
    runs, hits, centers = 1000, 0, []
    for _ in range(runs):
        x = rng.normal(size=(24, 1))
        y = 10.0 + 2.0 * x[:, 0] + 1.0 * (x[:, 0] ** 2 - 1.0) + rng.normal(0.0, 0.5, 24)
        found = controlled(float(y.mean()), y, x)
        centers.append(found.center)
        hits += abs(found.center - 10.0) <= float(stats.t.ppf(0.975, found.degrees)) * found.standard_error
    error = np.std(centers, ddof=1) / math.sqrt(runs)
    assert abs(float(np.mean(centers)) - 10.0) < 5.0 * error, "seed 5"
    assert 5.0 * error < 2.0 / 24.0  # the bias of plain regression would have shown
    assert hits >= stats.binom.ppf(1e-6, runs, 0.93), "seed 5"  # skewed values cost a little


def test_the_smoothed_product_by_hand() -> None:
    # past: 1, 2 + .5 = 2.5, 3 + 1.25 = 4.25; products 2 x 1, 3 x 2.5, 4 x 4.25
    assert smoothed_product(np.array([[1.0, 2.0, 3.0, 4.0]]), 0.5) == pytest.approx((2.0 + 7.5 + 17.0) / 3.0)
    assert smoothed_product(np.array([[1.0]]), 0.5) == 0.0


def test_surplus_is_the_work_that_came_less_its_mean() -> None:
    at, work, node = np.array([0.1, 0.4, 0.6, 0.9]), np.array([2.0, 1.0, 3.0, 5.0]), np.array([0, 1, 0, 1])
    load = Load(rate_per_s=0.4, mean_work_s=1.5, relaxation_s=250.0)  # 10 s: 2 bins, 2 requests a bin expected
    assert surplus_by_time(at, work, np.zeros(4, dtype=np.int64), 1, load, 10.0).tolist() == [[0.0, 5.0]]
    assert surplus_by_time(at, work, node, 2, load, 10.0).tolist() == [[0.5, 1.5], [-0.5, 3.5]]
    turns = surplus_by_time(at, work, node, 2, replace(load, in_turn=True), 10.0)
    assert turns.tolist() == [[0.5, 1.5], [-0.5, 3.5]]  # one each a bin, as many as expected
    late = surplus_by_time(np.array([0.1, 0.4, 0.45, 0.9]), work, node, 2, replace(load, in_turn=True), 10.0)
    # bin 1 has 3 of 2 expected: half a request more a node; node 0 got 2 demands of 5 in all
    assert late.tolist() == [[5.0 - 3.0 + 0.75, 0.0 - 0.75], [1.0 - 1.5 + 0.75, 5.0 - 1.5 - 0.75]]
    by_order = surplus_by_order(np.array([1.0, 2.0, 4.0, 8.0, 9.0]), Load(1.0, 2.0, 100.0, poisson=False))
    assert by_order.tolist() == [[-1.0, 8.0]]  # two requests a bin, the last is left over


@pytest.mark.parametrize("poisson", [True, False])
def test_controls_have_mean_zero_on_their_load(poisson: bool) -> None:
    rho, count, runs = 0.8, 4000, 60
    load = Load(rho, 1.0, mm1_relaxation(rho), poisson=poisson)
    rows = []
    for seed in range(runs):
        record = mm1_run(seed, rho, count)
        if not poisson:
            record = single_server_run(np.full(count, 1.0 / rho), record.attempts.work_s)
        record = replace(record, horizon_s=0.95 * count / rho)  # a window fixed in time
        rows.append(control_values(record, load, 200.0))
    columns = np.array(rows)
    assert columns.shape == (runs, 5)
    if not poisson:
        assert bool(np.all(columns[:, 0] == 0.0))
    varying = columns[:, np.ptp(columns, axis=0) > 0.0]
    t = varying.mean(axis=0) / (varying.std(axis=0, ddof=1) / math.sqrt(runs))
    assert float(np.max(np.abs(t))) < float(stats.t.isf(1e-6, runs - 1)), f"seeds 0 to {runs - 1}"


def test_controls_explain_most_of_a_queue() -> None:
    rho, runs = 0.8, 60
    load = Load(rho, 1.0, mm1_relaxation(rho))
    records = [replace(mm1_run(seed, rho, 20_000), horizon_s=24_000.0) for seed in range(runs)]
    values = np.array([float(np.mean(r.attempts.finished_at[1000:] - r.attempts.arrived_at[1000:])) for r in records])
    controls = np.stack([control_values(record, load, 500.0) for record in records])
    plain = float(stats.sem(values))
    found = controlled(float(values.mean()), values, controls)
    # three quarters of the variance: the ratio of variances of 60 runs stays below its F quantile times 1/4
    assert (found.standard_error / plain) ** 2 < 0.25 * float(stats.f.isf(1e-4, 54, 59)), f"seeds 0 to {runs - 1}"
    assert abs(found.center - 5.0) < float(stats.t.isf(1e-6, found.degrees)) * found.standard_error


def test_nodes_are_told_apart_only_where_the_split_is_blind() -> None:
    table = attempts(arrived_at=[1.0, 2.0, 6.0], finished_at=[2.0, 3.0, 7.0], node=[0, 1, 1], work_s=[1.0, 1.0, 1.0])
    record = RunRecord(table, nodes(2), 10.0, 10.0, 3)
    load = Load(0.3, 1.0, 250.0)
    one, apart = control_values(record, load, 0.0), control_values(record, replace(load, by_node=True), 0.0)
    assert one[0] == pytest.approx(0.0)
    assert one[1] == 0.0
    # bins [2, 1] less 1.5; nodes [1, 0] and [1, 1] less .75
    assert one[2] == pytest.approx(0.5 * -0.5)
    assert apart[2] == pytest.approx((0.25 * -0.75 + 0.25 * 0.25) / 2.0)
    empty = RunRecord(attempts(arrived_at=[], finished_at=[]), nodes(1), 10.0, 10.0, 0)
    assert control_values(empty, load, 0.0)[:2].tolist() == [-1.0, 0.0]


def test_further_attempts_are_not_the_load() -> None:
    columns = {"arrived_at": [0.0, 1.0, 2.0, 3.0], "finished_at": [1.0, 2.0, 3.0, 4.0], "work_s": [1.0, 1.0, 2.0, 3.0]}
    load = Load(0.2, 1.0, 1.0)
    plain = RunRecord(attempts(**columns), nodes(1), 10.0, 10.0, 4)
    retried = RunRecord(attempts(**columns, request=[0, 1, 1, 0], attempt=[0, 0, 1, 2]), nodes(1), 10.0, 10.0, 2)
    assert control_values(plain, load, 0.0)[:2].tolist() == [1.0, 0.75]
    assert control_values(retried, load, 0.0)[:2].tolist() == [0.0, 0.0]
