"""`victor-sim inspect FILE`: what is understood of a file of recorded load, and the command that uses it.

A file of two numbers a row is taken as CDF points, one of three or more numbers (or with columns `rate` and `cv`) as
bins, all else, or a file whose columns were named, as a request trace. Rows that cannot be read are counted and told,
not fatal; memory does not grow with the file (`streaming`).
"""

from __future__ import annotations

import math
import re
import shlex
from pathlib import Path

from sim.errors import InputError
from sim.world.params import ColumnParams
from sim.world.service.empirical import mean_of, read_points
from sim.world.traces import header
from sim.world.traces.bins import read_bins
from sim.world.traces.facts import REJECTED_KEPT_MAX, BinFacts, CdfFacts, Rejected, Sizes, TraceFacts
from sim.world.traces.fit import BurstFit, fit_bursts, fit_lengths
from sim.world.traces.lines import Lines
from sim.world.traces.reader import BACKWARD, TraceReader
from sim.world.traces.sources import EXAMPLE, missing
from sim.world.traces.streaming import Gaps, Sample, Windows

SIZED = ("prompt_tokens", "output_tokens", "service_s")
NO_COLUMNS = ColumnParams()
REQUESTS_MAX = 1_000_000  # of the run that is proposed for bins
FIT_ROWS_MIN = 1000  # fewer rows do not say how bursty a service is


AnyFacts = TraceFacts | BinFacts | CdfFacts


def inspect_trace(
    path: str, columns: ColumnParams = NO_COLUMNS, time_unit: str = "auto", shown: str | None = None
) -> AnyFacts:
    """The facts of a file, told as those of `shown` where it is the copy of another one.

    Raises `InputError` for a file that is not there or not understood, `ConfigError` for a named column that it does
    not have.
    """
    if not Path(path).is_file():
        raise InputError(path, None, None, missing(path), EXAMPLE)
    with Lines(path) as lines:
        first = next((line for line in lines if line.strip()), "")
    if columns == NO_COLUMNS and shown is None:
        numbers = _numbers(first)
        plain = {name.lower() for name in header.split(path, first)}
        if numbers == 2:
            return _cdf(path)
        if numbers > 2 or {"rate", "cv"} <= plain:
            return _bins(path)
    return _trace(path, columns, time_unit, shown or path)


def _numbers(line: str) -> int:
    """Cells of a line whose first three are numbers (as far as there are so many); 0 otherwise."""
    cells = line.replace(",", " ").split()
    try:
        [float(cell) for cell in cells[:3]]
    except ValueError:
        return 0
    return len(cells)


def _command(*overrides: str) -> str:
    return " ".join(["victor-sim run", *(shlex.quote(text) for text in overrides)])


def _value(text: str) -> str:
    """Text as the value of an override: plain, or quoted as Hydra wants it (backslashes count before a quote only)."""
    if re.fullmatch(r"[\w./~-]+", text):
        return text
    return "'" + re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text) + "'"


def _cdf(path: str) -> CdfFacts:
    values, levels = read_points(path)
    mean_s = mean_of(values, levels)
    pieces = zip(values, values[1:], levels, levels[1:], strict=False)
    squares = math.fsum((low * low + low * high + high * high) / 3.0 * (f2 - f1) for low, high, f1, f2 in pieces)
    squares += values[0] * values[0] * levels[0] + values[-1] * values[-1] * (1.0 - levels[-1])
    scv = squares / (mean_s * mean_s) - 1.0 if mean_s else math.nan
    return CdfFacts(
        path, len(values), mean_s, scv, levels[-1], _command("service=empirical", f"service.path={_value(path)}")
    )


def _bins(path: str) -> BinFacts:
    bins = read_bins(path)
    span_s = bins[-1].ends_at - bins[0].starts_at
    mass = math.fsum((b.ends_at - b.starts_at) * b.rate_per_s for b in bins)
    horizon_s = math.ceil(min(span_s, REQUESTS_MAX * span_s / mass)) if mass else math.ceil(span_s)
    return BinFacts(
        path=path,
        rows=len(bins),
        span_s=span_s,
        rate_per_s=mass / span_s,
        rate_max_per_s=max(b.rate_per_s for b in bins),
        cv_max=max(b.cv for b in bins),
        empty_count=sum(b.rate_per_s == 0.0 for b in bins),
        command=_command("arrivals=rates", f"arrivals.path={_value(path)}", f"horizon_s={horizon_s}"),
    )


def _trace(path: str, columns: ColumnParams, time_unit: str, shown: str) -> TraceFacts:
    reader = TraceReader(path, columns, time_unit)
    gaps, seconds, minutes = Gaps(), Windows(1.0), Windows(60.0)
    samples = {field: Sample() for field in SIZED if field in reader.columns}
    rejected: list[Rejected] = []
    rows, rejected_count, before, span_s = 0, 0, reader.origin, 0.0
    for _, line, cells in reader.records():
        try:
            ticks, row = reader.parse(cells, line)
            if ticks < before:
                raise reader.refused(line, "time", cells[reader.columns["time"]], BACKWARD)
        except InputError as error:
            rejected_count += 1
            if len(rejected) < REJECTED_KEPT_MAX:
                rejected.append(Rejected(line, f"column {error.column!r}: {error.problem}"))
            continue
        before, span_s, rows = ticks, row.at, rows + 1
        gaps.add(row.at)
        seconds.add(row.at)
        minutes.add(row.at)
        for field, sample in samples.items():
            sample.add(getattr(row, field))
    rate_per_s = rows / span_s if span_s else math.nan
    sizes = {field: sample.sizes() for field, sample in samples.items()}
    rate_per_s = rows / span_s if span_s else math.nan
    peak_ratio = seconds.fullest / rate_per_s
    bursts = fit_bursts(rate_per_s, gaps.cv(), peak_ratio, span_s) if rows >= FIT_ROWS_MIN and span_s else None
    horizon = f"horizon_s={math.floor(span_s) + 1}"
    return TraceFacts(
        path=shown,
        rows=rows,
        span_s=span_s,
        rate_per_s=rate_per_s,
        interarrival_cv=gaps.cv(),
        peak_ratio=peak_ratio,
        busiest_minute_per_s=minutes.fullest / 60.0,
        sizes=sizes,
        columns=reader.understood(),
        time_unit=reader.time_unit,
        rejected=tuple(rejected),
        rejected_count=rejected_count,
        command=_command(*_uses(shown, columns, time_unit), *_served(sizes), horizon),
        stand_in="" if bursts is None else _command(*_stand_in(rate_per_s, bursts, sizes), horizon),
    )


def _uses(path: str, columns: ColumnParams, time_unit: str) -> list[str]:
    named = {field: getattr(columns, field) for field in header.USUAL}
    overrides = ["arrivals=trace", f"arrivals.path={_value(path)}"]
    overrides += [f"arrivals.columns.{field}={_value(name)}" for field, name in named.items() if name is not None]
    return overrides if time_unit == "auto" else [*overrides, f"arrivals.time_unit={time_unit}"]


def _served(sizes: dict[str, Sizes]) -> list[str]:
    if "service_s" in sizes:
        return ["service=trace"]
    return ["service=llm"] if {"prompt_tokens", "output_tokens"} <= sizes.keys() else []


def _stand_in(rate_per_s: float, bursts: BurstFit, sizes: dict[str, Sizes]) -> list[str]:
    """Overrides of synthetic load with the same figures; rounded so that all requests stay in bursts."""
    burst_s, ratio = float(f"{bursts.burst_s:.3g}"), float(f"{bursts.burst_ratio:.3g}")
    overrides = ["arrivals=mmpp", "arrivals.utilization_ratio=null", f"arrivals.rate_per_s={rate_per_s:.4g}"]
    overrides += [f"arrivals.burst_ratio={ratio:g}", f"arrivals.burst_s={burst_s:g}"]
    overrides.append(f"arrivals.calm_s={burst_s * (ratio - 1.0):.12g}")
    if _served(sizes) == ["service=llm"]:
        overrides.append("service=llm")
        for field in SIZED[:2]:
            fit = fit_lengths(sizes[field].p50, sizes[field].p90, sizes[field].p99)
            overrides += [f"service.{field}_median={fit.median:g}", f"service.{field}_sigma={fit.sigma:.3f}"]
            overrides += [] if fit.tokens_max is None else [f"service.{field}_max={fit.tokens_max}"]
    return overrides
