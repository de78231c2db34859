"""How much better or worse than the baseline each strategy of a group is: a row each, for the forest and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.measure.summary import Comparison, StudySummary
from sim.report.groups import Group, against_baseline, label_of, mean_of, names_of
from sim.report.names import metric_name
from sim.report.numbers import decimals, fixed, signed
from sim.report.palette import Look, looks


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy against the baseline; differences as ratios of the baseline's value."""

    name: str
    difference: float
    low: float
    high: float
    p_adjusted: float
    separable: bool
    look: Look


@dataclass(frozen=True, slots=True)
class Forest:
    """Rows from best to worst."""

    baseline: str
    metric: str
    confidence_ratio: float
    smaller_is_better: bool
    rows: tuple[Row, ...]


def analyze(summary: StudySummary, group: Group) -> Forest | None:
    """The objective's differences from the baseline, in shares of the baseline's value."""
    pairs = against_baseline(summary, group, summary.objective)
    if group.baseline is None or not pairs:
        return None
    base = abs(mean_of(group.baseline, summary.objective))
    if not base > 0:
        return None
    confidence = group.verdict.confidence_ratio if group.verdict else _confidence(summary)
    chosen = looks(names_of(summary))
    smaller = metric_name(summary.objective).smaller_is_better
    rows = [_row(summary, pair, base, confidence, chosen) for pair in pairs]
    rows.sort(key=lambda row: row.difference if smaller else -row.difference)
    return Forest(label_of(summary, group.baseline.point), summary.objective, confidence, smaller, tuple(rows))


def _row(summary: StudySummary, pair: Comparison, base: float, confidence: float, chosen: dict[str, Look]) -> Row:
    name = label_of(summary, pair.point)
    separable = pair.p_adjusted <= 1 - confidence
    low, high = pair.ci_low / base, pair.ci_high / base
    return Row(name, pair.difference / base, low, high, pair.p_adjusted, separable, chosen[name])


def _confidence(summary: StudySummary) -> float:
    return float(summary.config.get("stats", {}).get("confidence_ratio", 0.95))


def effect_text(row: Row) -> str:
    """`−12.3 % [−14.1, −10.5]` with as many digits as the interval supports."""
    half_width = (row.high - row.low) / 2 * 100
    if not math.isfinite(half_width):
        return f"{signed(row.difference * 100, 1)} %"
    places = max(min(decimals(half_width), 3), 0) if half_width > 0 else 1
    return f"{signed(row.difference * 100, places)} % [{fixed(row.low * 100, places)}, {fixed(row.high * 100, places)}]"
