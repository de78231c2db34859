"""How fast tasks come and end: rate, outcomes and latency of the last minute, from a bounded ring of ended tasks.

Latency is from order to end, in seconds of the runtime's clock; quantiles are nearest-rank order statistics (the
smallest value with at least the share q of values at or below it). Past `PACE_MAX` tasks a minute the ring holds the
newest ones, and the window is as long as they reach.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

WINDOW_S = 60.0
PACE_MAX = 4_096


class TaskPace:
    """Counts ended tasks; `as_dict` is what a status says of them."""

    def __init__(self, pace_max: int = PACE_MAX) -> None:
        self._ended: deque[tuple[float, float, str]] = deque(maxlen=pace_max)
        self.counts: dict[str, int] = {}  # by state, ever

    def add(self, ended_at: float, spent_s: float, state: str) -> None:
        """A task has ended."""
        self._ended.append((ended_at, spent_s, state))
        self.counts[state] = self.counts.get(state, 0) + 1

    def as_dict(self, now: float, answered: str) -> dict[str, Any]:
        """The last minute: `latency_s_*` are of tasks in the state `answered`, None without one."""
        recent = [row for row in self._ended if row[0] > now - WINDOW_S]
        full = len(recent) == self._ended.maxlen
        window_s = max(1e-9, min(WINDOW_S, now - recent[0][0] if full else now))
        spent = sorted(spent_s for _, spent_s, state in recent if state == answered)
        return {
            "window_s": window_s,
            "ended_per_s": len(recent) / window_s,
            "failed_per_s": (len(recent) - len(spent)) / window_s,
            "latency_s_p50": quantile(spent, 0.5),
            "latency_s_p99": quantile(spent, 0.99),
            "counts": dict(sorted(self.counts.items())),
        }


def quantile(ordered: list[float], share: float) -> float | None:
    """The nearest-rank quantile of values in order, None without one."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
