"""A world from a recorded live run: the service law as it was measured, the overhead as a delay on the way.

Service: CDF points of the times on an agent, (k - 1/2) / n of the k-th smallest, thinned to `POINTS_MAX`. Overhead
(latency less waiting and running) is laid on the way to the node and back in equal parts, each a constant plus an
exponential: the sum has median 2 d + 1.678 j and 90th percentile 2 d + 3.890 j (Erlang of two), which gives d and j
without heed to the rare stalls of a machine. Seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim.errors import InputError
from sim.live.calibrate.rows import Row
from sim.measure.quantiles import quantiles

POINTS_MAX = 400
ROWS_MIN = 100
LONGER = "a longer horizon_s, or a higher arrivals.utilization_ratio"
ERLANG_P50, ERLANG_P90 = 1.67835, 3.88972  # of two exponentials of mean 1: 1 - (1 + x) exp(-x) = .5, .9


@dataclass(frozen=True, slots=True)
class Fit:
    """`values_s` at the levels of the service's CDF; the overhead's one-way constant and mean exponential."""

    values_s: tuple[float, ...]
    levels: tuple[float, ...]
    mean_s: float
    scv: float
    delay_s: float
    jitter_s: float
    overhead_p50_s: float
    overhead_p99_s: float


def fit_world(rows: Sequence[Row]) -> Fit:
    """Raises `InputError` with fewer than `ROWS_MIN` answered requests."""
    done = [row for row in rows if row.status == "done"]
    if len(done) < ROWS_MIN:
        raise InputError(
            "the recorded run", None, None, f"{len(done)} answered requests; {ROWS_MIN} are needed", LONGER
        )
    ran = np.sort(np.array([row.ran_s for row in done]))
    levels = (np.arange(len(ran)) + 0.5) / len(ran)
    kept = np.unique(np.linspace(0, len(ran) - 1, min(POINTS_MAX, len(ran))).round().astype(int))
    overhead = np.array([row.overhead_s for row in done])
    p50, p90, p99 = (float(one) for one in quantiles(overhead, (0.5, 0.9, 0.99)))
    jitter_s = max(0.0, (p90 - p50) / (ERLANG_P90 - ERLANG_P50))
    delay_s = max(0.0, 0.5 * (p50 - ERLANG_P50 * jitter_s))
    mean_s = float(np.mean(ran))
    return Fit(
        tuple(float(value) for value in ran[kept]), tuple(float(level) for level in levels[kept]), mean_s,
        float(np.var(ran)) / mean_s**2, delay_s, jitter_s, p50, p99,
    )  # fmt: skip


def write_points(path: Path, fit: Fit) -> None:
    """The file that `service=empirical` reads."""
    lines = (f"{value:.6f} {level:.6f}\n" for value, level in zip(fit.values_s, fit.levels, strict=True))
    path.write_text("".join(lines), encoding="utf-8")


def world_keys(fit: Fit, points: Path) -> dict[str, dict[str, object]]:
    """Groups and keys of a config in which the fitted world stands."""
    return {
        "service": {"kind": "empirical", "path": points.as_posix()},
        "faults": {
            "packet_loss": {
                "enabled": True, "at_s": [0.0], "for_s": 1.0e9, "loss_prob": 0.0, "retransmit_s": 0.2,
                "delay_s": round(fit.delay_s, 7), "delay_jitter_s": round(fit.jitter_s, 7),
            }
        },
        "retry": {"attempt_timeout_s": 3600.0},
    }  # fmt: skip
