"""MSER-5 on constructed series, and one cut over replications and points."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sim.errors import ConfigError
from sim.measure.warmup import BATCHES_MIN, Cut, common_cut, fixed_cut, largest_cut, mser5, point_cut
from sim.types.records import REJECTED, RunRecord
from tests.measure.chance import generator
from tests.measure.toy import NAN, attempts, mm1_run, nodes


def series_run(arrived_at: np.ndarray, sojourn_s: np.ndarray, *, terminating: bool = False) -> RunRecord:
    """A run whose answered requests have these sojourns."""
    table = attempts(arrived_at=arrived_at, finished_at=arrived_at + sojourn_s)
    return RunRecord(table, nodes(1), float(arrived_at[-1]), 1e9, len(table), terminating=terminating)


def naive_mser5(series: np.ndarray) -> int:
    """The definition, term by term."""
    count = len(series) // 5
    batches = [sum(series[5 * i : 5 * i + 5]) / 5 for i in range(count)]
    scores = []
    for d in range(count // 2 + 1):
        kept = batches[d:]
        mean = sum(kept) / len(kept)
        scores.append(sum((z - mean) ** 2 for z in kept) / len(kept) ** 2)
    return 5 * scores.index(min(scores))


def test_a_step_is_cut_where_it_ends() -> None:
    noise = generator(1).normal(0.0, 0.1, 1000)
    series = noise + np.where(np.arange(1000) < 100, 5.0, 1.0)
    assert mser5(series) == (100, True)
    assert mser5(series + 1e6) == (100, True)


def test_it_is_the_definition() -> None:
    for seed in range(20):
        rng = generator(seed)
        series = rng.normal(size=503) + 3.0 * np.exp(-np.arange(503) / rng.uniform(5.0, 80.0))
        assert mser5(series)[0] == naive_mser5(series), f"seed {seed}"


def test_a_constant_series_needs_no_cut_and_a_trend_has_not_enough_data() -> None:
    assert mser5(np.full(200, 3.0)) == (0, True)
    assert mser5(np.linspace(0.0, 1.0, 1000)) == (500, False)
    assert mser5(np.zeros(5 * BATCHES_MIN - 1)) == (0, False)
    assert mser5(np.zeros(5 * BATCHES_MIN)) == (0, True)


def test_the_cut_is_where_the_mean_over_replications_settles() -> None:
    rng = generator(3)
    records = []
    for count in (1000, 1010, 1003):  # as long as the shortest
        arrived_at = np.arange(count) * 0.5 + rng.uniform(0.0, 0.1)
        sojourn_s = rng.normal(2.0, 0.05, count) + np.where(np.arange(count) < 200, 3.0, 0.0)
        records.append(series_run(arrived_at, sojourn_s))
    cut = point_cut(iter(records))
    assert cut.enough
    assert cut.cut_s == pytest.approx(np.mean([r.attempts.arrived_at[200] for r in records]), rel=1e-12)
    late = [series_run(r.attempts.arrived_at * 2.0, r.attempts.finished_at - r.attempts.arrived_at) for r in records]
    assert common_cut([records, late]).cut_s == pytest.approx(2.0 * cut.cut_s, rel=1e-12)
    assert common_cut([records, late], "none") == Cut(0.0)
    assert common_cut([records, late], "12.5") == Cut(12.5)


def test_requests_without_an_answer_are_no_part_of_the_series() -> None:
    arrived_at = np.arange(400.0)
    record = series_run(arrived_at, np.where(arrived_at < 100.0, 9.0, 1.0))
    status = record.attempts.status.copy()
    status[:50] = REJECTED
    finished_at = record.attempts.finished_at.copy()
    finished_at[:50] = arrived_at[:50]
    refused = replace(record, attempts=replace(record.attempts, status=status, finished_at=finished_at))
    assert point_cut([refused]).cut_s == 100.0
    assert point_cut([record]).cut_s == 100.0


def test_terminating_runs_are_not_cut() -> None:
    step = np.where(np.arange(400) < 100, 9.0, 1.0)
    assert point_cut([series_run(np.arange(400.0), step, terminating=True)]) == Cut(0.0)
    assert point_cut([]) == Cut(0.0)
    assert largest_cut([]) == Cut(0.0)


def test_too_short_is_said() -> None:
    rising = [series_run(np.arange(400.0), np.arange(400.0))]
    flat = [series_run(np.arange(400.0), np.ones(400))]
    cut = common_cut([flat, rising])
    assert cut.cut_s == 199.5  # half of the horizon of 399 s
    assert not cut.enough
    assert cut.notes == (
        "the run is too short to tell where the warm-up ends (1 of 2 points): lengthen horizon_s",
        "the warm-up of 200 s is cut to half of the shortest horizon, 399 s",
    )
    short = series_run(np.arange(100.0), np.ones(100))
    late = series_run(np.arange(400.0), np.where(np.arange(400) < 100, 9.0, 1.0))
    assert common_cut([[short], [late]]).cut_s == 49.5


@pytest.mark.parametrize("warmup", ["maybe", "-1", "nan", "100", ""])
def test_a_bad_warmup_names_key_value_and_what_is_accepted(warmup: str) -> None:
    with pytest.raises(ConfigError) as error:
        fixed_cut(warmup, 100.0)
    assert str(error.value) == f"warmup={warmup}: accepted is auto, none or seconds from 0 to below the horizon"


def test_a_cold_start_of_mm1_is_cut_within_the_first_tenth() -> None:
    """The mean over 50 replications rises from 1 to 5 within a few relaxation times (90 s of 25,000 s)."""
    records = [mm1_run(seed, 0.8, 20_000) for seed in range(50)]
    cut = point_cut(records)
    assert cut.enough
    assert 0.0 < cut.cut_s < 2500.0, "seeds 0 to 49"
    assert not math.isnan(cut.cut_s)


def test_an_infinite_sojourn_cannot_come_from_a_missing_answer() -> None:
    table = attempts(arrived_at=[0.0, 1.0], finished_at=[1.0, NAN], status=[0, 5])
    assert point_cut([RunRecord(table, nodes(1), 2.0, 2.0, 2)]) == Cut(0.0, False, horizon_s=2.0)
