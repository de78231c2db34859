"""points, comparisons, replications, effects and pairs as CSV: full precision, columns as the contract names them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence

from sim.measure.summary import StudySummary, Sweep
from sim.report.groups import swept_keys

COMPARISON_COLUMNS = ("point", "baseline", "metric", "difference", "ci_low", "ci_high", "p_adjusted")


def points_csv(summary: StudySummary) -> str:
    """One row a design point and metric, with one column for each swept key."""
    keys = swept_keys(summary)
    head = ["point", *keys, "metric", "unit", "mean", "ci_low", "ci_high", "replications"]
    rows = (
        [
            point.point,
            *(point.keys.get(key, "") for key in keys),
            metric,
            estimate.unit,
            _number(estimate.mean),
            _number(estimate.ci_low),
            _number(estimate.ci_high),
            str(estimate.replications),
        ]
        for point in summary.points
        for metric, estimate in point.estimates.items()
    )
    return _text(head, rows)


def comparisons_csv(summary: StudySummary) -> str:
    """One row a pair and metric; `difference` is point minus baseline, in the metric's unit."""
    rows = (
        [c.point, c.baseline, c.metric, *(_number(v) for v in (c.difference, c.ci_low, c.ci_high, c.p_adjusted))]
        for c in summary.comparisons
    )
    return _text(COMPARISON_COLUMNS, rows)


def replications_csv(summary: StudySummary) -> str:
    """One row a design point and metric, one column a replication: what paired differences are taken of."""
    most = max((len(values) for point in summary.points for values in point.per_replication.values()), default=0)
    rows = (
        [point.point, metric, *map(_number, values.tolist()), *([""] * (most - len(values)))]
        for point in summary.points
        for metric, values in point.per_replication.items()
    )
    return _text(["point", "metric", *(f"r{number}" for number in range(most))], rows)


def effects_csv(sweep: Sweep) -> str:
    """One row an effect: swept key and value, of an interaction two of each; in the metric's unit."""
    head = ["metric", "key", "value", "key_2", "value_2", "effect", "ci_low", "ci_high", "p_value", "p_adjusted"]
    rows = (
        [
            e.metric,
            *(text for level in (*e.levels, ("", ""))[:2] for text in level),
            *map(_number, (e.effect, e.ci_low, e.ci_high, e.p_value, e.p_adjusted)),
        ]
        for e in sweep.effects
    )
    return _text(head, rows)


def pairs_csv(sweep: Sweep) -> str:
    """One row a pair of points and metric: `point` minus `other`; `p_adjusted` by Holm over all rows."""
    head = ["point", "other", "metric", "difference", "ci_low", "ci_high", "p_value", "p_adjusted"]
    rows = (
        [c.point, c.baseline, c.metric, *map(_number, (c.difference, c.ci_low, c.ci_high, c.p_value, c.p_adjusted))]
        for c in sweep.pairs
    )
    return _text(head, rows)


def _number(value: float) -> str:
    """The shortest text that reads back as the same float; empty where there is no number."""
    return repr(float(value)) if math.isfinite(value) else ""


def _text(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return buffer.getvalue()
