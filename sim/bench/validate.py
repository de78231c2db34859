"""The simulator against closed-form and published numbers, judged together: any seed passes but one in 1,000.

A row passes when |measured - known| is within the half-width of its two-sided t interval and that half-width is at most
2 % of the known value (5 % for tail quantiles and scv 20; five times that with `quick`). The half-width is meant in the
strictest way: that of the interval at the family level itself, .0009 over the number of rows, the known value's own
error in it; the remaining .0001 tests that the load's own means are what they should be. Too wide is `not decided` and
fails. Run lengths are planned from known variances; a row that comes out too wide gets half as many replications
more, at most twice: that looks at the width alone, which for normal values is independent of the mean. Short runs of a
queue are skewed: a low value comes with a small spread, and at these levels t misses (2 of 20 quick runs had a row with
.4 of the usual spread). With `quick` a relative spread is therefore never taken below the one that planned the case.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any

import joblib
import numpy as np
from scipy import stats

from sim.bench.assemble import run_replication
from sim.bench.compose import compose
from sim.bench.engine_choice import not_compiled
from sim.bench.ledger import Ledger
from sim.bench.schema import Config
from sim.bench.validate_case import Case, Row
from sim.bench.validate_cases import cases
from sim.bench.validate_inputs import INPUTS, SeenLoad, check_inputs
from sim.bench.validate_parts import Reduced, as_plain, from_plain
from sim.bench.validate_table import RowResult, ValidationTable
from sim.errors import ConfigError
from sim.measure.audits import audit, problems_of
from sim.measure.controls import control_values, controlled
from sim.measure.histogram import Sketch
from sim.measure.intervals import center_of
from sim.measure.metrics import QUANTILE_METRICS, measure
from sim.measure.occupancy import ready_s
from sim.measure.quantiles import quantile
from sim.measure.requests import requests_of
from sim.measure.summary import Floats
from sim.types.records import RunRecord

ROWS_ALPHA, INPUTS_ALPHA = 0.0009, 0.0001
QUICK_WIDENING = 5.0
QUICK_REPLICATIONS = 24
ENGINES = ("auto", "simpy", "compiled")
CASES_MAX = 1000  # every case has a seed of its own: on common random numbers cases would not be independent
ROUNDS_MAX = 3  # the planned one and two more where a row is too wide

Run = Callable[[Config, int], RunRecord]
Progress = Callable[[int, int], None]  # replications done, planned so far


@dataclass(slots=True)
class _Progressing:
    """A case with the replications it has so far."""

    case: Case
    config: Config
    wanted: int
    reduced: list[Any] = field(default_factory=list)  # of Reduced, None while one is running


def check_engine(engine: str) -> None:
    """Raises `ConfigError` for a name that is no engine's."""
    if engine not in ENGINES:
        raise ConfigError("engine", engine, " / ".join(ENGINES))


def run_on(engine: str) -> Run:
    """Runs of this engine (of SimPy where the compiled one does not run a case); raises `ConfigError`."""
    check_engine(engine)
    return partial(_run_on, engine)


def _run_on(engine: str, config: Config, replication: int) -> RunRecord:
    chosen = "auto" if engine == "compiled" and not_compiled(config) is not None else engine
    return run_replication(replace(config, engine=chosen), replication)


def run_validation(
    seed: int = 1,
    quick: bool = False,
    workers: int = 0,
    progress: Progress | None = None,
    chosen: Sequence[Case] | None = None,
    run: Run = run_replication,
    ledger: Ledger | None = None,
) -> ValidationTable:
    """Run and judge the cases (all unless `chosen`); `workers` processes, 0 for one a core.

    What stands in `ledger` is not run again; replications are written to it as they end. The table's `exit_code` is 0
    when every row and input passes and every audit held, else 1.
    """
    found = list(cases() if chosen is None else chosen)
    widening = QUICK_WIDENING if quick else 1.0
    rows_count = sum(len(case.rows) for case in found)
    going = []
    for number, case in enumerate(found):
        replications = QUICK_REPLICATIONS if quick else case.replications
        t = _t(ROWS_ALPHA / rows_count, replications - len(INPUTS) - 1)
        horizon_s = case.cut_s + case.window_s(t, widening, replications)
        own_seed = f"seed={seed * CASES_MAX + number}"
        config = compose([*case.overrides, "service.mean_s=1", f"horizon_s={horizon_s!r}", own_seed])
        going.append(_Progressing(case, config, replications))
    total = 0
    for _ in range(ROUNDS_MAX):
        total = _advance(going, workers, progress, total, run, ledger or Ledger(None))
        wide = [one for one in going if any(_too_wide(row) for row in _judge(one, rows_count, widening))]
        if not wide:
            break
        for one in wide:
            one.wanted += math.ceil(one.wanted / 2)
    return ValidationTable(
        rows=list(chain.from_iterable(_judge(one, rows_count, widening) for one in going)),
        inputs=check_inputs([_seen(one) for one in going], INPUTS_ALPHA),
        problems=[f"{one.case.rows[0].name}: {p}" for one in going for r in one.reduced for p in r.problems],
        seed=seed,
        quick=quick,
        requests_count=sum(r.requests_count for one in going for r in one.reduced),
        by_engine=_by_engine(going),
    )


def _by_engine(going: list[_Progressing]) -> dict[str, list[str]]:
    """Engine -> names of the rows that it ran."""
    found: dict[str, list[str]] = {}
    for one in going:
        for engine in sorted({reduced.engine for reduced in one.reduced}):
            found.setdefault(engine, []).extend(row.name for row in one.case.rows)
    return found


def reduce_replication(run: Run, config: Config, case: Case, replication: int) -> Reduced:
    """Run one replication and keep what the case needs of it."""
    record = run(config, replication)
    metrics, samples = measure(record, case.cut_s, None, 0.0, "")
    if any(row.metric == "loss_ratio" for row in case.rows):
        metrics["loss_ratio"] = 1.0 - metrics["success_ratio"]
    if any(row.metric == "slowdown_mean" for row in case.rows):
        metrics["slowdown_mean"] = _slowdown_mean(record, case.cut_s)
    if any(row.metric == "agents_up_mean" for row in case.rows):
        able_s = ready_s(record, case.cut_s, record.horizon_s)
        metrics["agents_up_mean"] = math.fsum(able_s.tolist()) / (record.horizon_s - case.cut_s)
    sojourn_s = samples["sojourn_s"]
    assert not isinstance(sojourn_s, Sketch), "a case is short enough to keep its requests"
    return Reduced(
        values=np.array([metrics[row.metric] for row in case.rows]),
        samples={row.metric: sojourn_s for row in case.rows if row.metric in QUANTILE_METRICS},
        controls=control_values(record, case.load, case.cut_s),
        requests_count=len(record.attempts),
        problems=[f"replication {replication}: {problem}" for problem in problems_of(audit(record))],
        engine=record.engine,
    )


def _slowdown_mean(record: RunRecord, cut_s: float) -> float:
    """Mean of sojourn over work of answered requests; under sharing its mean is the same for every size of request."""
    requests = requests_of(record.attempts)
    rows = np.flatnonzero(requests.ok & (requests.arrived_at >= cut_s))
    sojourn_s = requests.finished_at[rows] - requests.arrived_at[rows]
    return float(np.mean(sojourn_s / record.attempts.work_s[requests.answer[rows]]))


def _advance(
    going: list[_Progressing], workers: int, progress: Progress | None, done: int, run: Run, ledger: Ledger
) -> int:
    """Run the replications that are wanted and not there; gives the count of all done."""
    total = sum(each.wanted for each in going)
    tasks = []
    for one in going:
        for number in range(len(one.reduced), one.wanted):
            part = ledger.parts.get(_part_name(one, number))
            one.reduced.append(None if part is None else from_plain(part))
            done += part is not None
            if part is None:
                tasks.append((one, number))
    jobs = (joblib.delayed(partial(reduce_replication, run))(one.config, one.case, number) for one, number in tasks)
    parallel = joblib.Parallel(n_jobs=workers or joblib.cpu_count(), return_as="generator", batch_size=1)
    results: Iterator[Reduced] = parallel(jobs) if tasks else iter(())
    for (one, number), reduced in zip(tasks, results, strict=True):
        one.reduced[number] = reduced
        ledger.write(_part_name(one, number), as_plain(reduced))
        done += 1
        if progress is not None:
            progress(done, total)
    return done


def _part_name(one: _Progressing, number: int) -> str:
    """A replication by its case's own seed, which tells the case and the seed of the whole."""
    return f"{one.config.seed}-{one.config.horizon_s!r}-{number}"


def _judge(one: _Progressing, rows_count: int, widening: float) -> list[RowResult]:
    controls = np.stack([reduced.controls for reduced in one.reduced])
    results = []
    for index, row in enumerate(one.case.rows):
        values = np.array([reduced.values[index] for reduced in one.reduced])
        center = center_of(values)
        if row.metric in QUANTILE_METRICS:
            pooled = np.concatenate([reduced.samples[row.metric] for reduced in one.reduced])
            center = quantile(pooled, QUANTILE_METRICS[row.metric][1])
        floor = _planned_error(one, row) if widening > 1.0 else 0.0
        results.append(judge_row(row, center, values, controls, ROWS_ALPHA / rows_count, widening, floor))
    return results


def _planned_error(one: _Progressing, row: Row) -> float:
    """Standard error that the case was planned for, as a share of the known value."""
    requests = one.case.load.rate_per_s * (one.config.horizon_s - one.case.cut_s) * len(one.reduced)
    return math.sqrt(one.case.variance / requests) * row.known


def _seen(one: _Progressing) -> SeenLoad:
    """What the input checks need of a case."""
    return SeenLoad(
        case=one.case.rows[0].name,
        law=one.config.service.kind,
        expected_count=one.case.load.rate_per_s * (one.config.horizon_s - one.case.cut_s),
        controls=np.stack([reduced.controls for reduced in one.reduced]),
    )


def judge_row(
    row: Row, center: float, values: Floats, controls: Floats, alpha: float, widening: float, floor: float = 0.0
) -> RowResult:
    """Hold one row's values (R,) and controls (R, k) against what is known, at level `alpha`.

    `floor`: what the standard error is at least.
    """
    measured = controlled(center, values, controls)
    half = _t(alpha, measured.degrees) * math.hypot(max(measured.standard_error, floor), row.known_error)
    allowed = widening * row.bound_ratio * row.known
    status = "ok" if half <= allowed else "not decided"
    if abs(measured.center - row.known) > half:
        status = "FAILS"
    return RowResult(row.name, row.known, measured.center, half, allowed, len(values), status, row.source)


def _too_wide(row: RowResult) -> bool:
    return row.half_width > row.allowed


def _t(alpha: float, degrees: int) -> float:
    return float(stats.t.isf(alpha / 2.0, degrees))
