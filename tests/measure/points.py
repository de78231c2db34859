"""Design points made of given values, without runs behind them."""

from __future__ import annotations

import numpy as np

from sim.measure.intervals import sectioning, t_interval
from sim.measure.metrics import QUANTILE_METRICS
from sim.measure.summary import Estimate, PointSummary, unit_of


def point(
    label: str,
    keys: dict[str, str] | None = None,
    *,
    valid: bool = True,
    pooled: dict[str, float] | None = None,
    **metrics: list[float],
) -> PointSummary:
    """A point with these values per replication; quantiles are centered at `pooled` (default: the mean)."""
    values = {name: np.array(column) for name, column in metrics.items()}
    estimates = {}
    for name, column in values.items():
        interval = t_interval(column, 0.95)
        if name in QUANTILE_METRICS:
            interval = sectioning((pooled or {}).get(name, float(column.mean())), column, 0.95)
        estimates[name] = Estimate(interval.center, interval.low, interval.high, len(column), unit_of(name))
    return PointSummary(
        point=label, keys=keys or {"balancer": label}, estimates=estimates, per_replication=values, tail=None,
        heat=None, valid=valid, problems=[] if valid else ["Little's law"], cut_s=0.0, terminating=False,
        requests_count=0, losses={}, config={}, engine="simpy",
    )  # fmt: skip
