"""success_rate: down while fewer than `success_min_ratio` of the last `success_window` checks passed.

After Finagle's success-rate failure accrual (Twitter; .8 by default). A node fails slowly where links are lossy, and no
run of failures need ever be long. Checks before a node joined count as passed, so that a silent death is found after
the m-th failed check, m the least with 1 - m / success_window < success_min_ratio (3 of 10 at .8). It is up again after
`rises_min` passed checks in a row, and then its window begins anew, since the failures of an outage that is over would
keep it out for most of a window more.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from sim.registry import register
from sim.scalability.health.detector import Verdict
from sim.scalability.health.params import HealthParams


@dataclass(slots=True)
class _Record:
    failed: deque[bool]  # of the newest checks, at most success_window
    failed_count: int = 0
    down: bool = False
    passed: int = 0  # in a row while down


class SuccessRate:
    """Implements `health.detector.Detector`."""

    uses_probes = True
    uses_heartbeats = needs_every = False

    def __init__(self, min_ratio: float, window: int, rises_min: int) -> None:
        self.min_ratio, self.window, self.rises_min = min_ratio, window, rises_min
        self._records: dict[str, _Record] = {}

    def joined(self, node_id: str, now: float) -> None:
        """Up, with a window of passed checks."""
        self._records[node_id] = _Record(deque(maxlen=self.window))

    def heartbeat(self, node_id: str, now: float) -> None:
        """Not read."""

    def checked(self, node_id: str, now: float, ok: bool) -> None:
        """Count a check; a watched node only."""
        record = self._records[node_id]
        if record.down:
            record.passed = record.passed + 1 if ok else 0
            if record.passed == self.rises_min:
                self._records[node_id] = _Record(deque(maxlen=self.window))
            return
        if len(record.failed) == self.window:
            record.failed_count -= record.failed[0]
        record.failed.append(not ok)
        record.failed_count += not ok
        record.down = 1.0 - record.failed_count / self.window < self.min_ratio

    def left(self, node_id: str) -> None:
        """Forget it."""
        self._records.pop(node_id, None)

    def down(self, node_id: str, now: float) -> bool:
        """From the check that left too few passed ones to the last of `rises_min` passes."""
        return self._records[node_id].down

    def all_up(self, now: float) -> bool:
        """Each node is judged by itself."""
        return False

    def verdict(self, node_id: str, now: float) -> Verdict:
        """Down from the check that left too few passed ones to the last of `rises_min` passes."""
        record = self._records[node_id]
        if record.down:
            passed = f"{self.window - record.failed_count} of the last {self.window} checks passed"
            return Verdict(True, f"{passed}, below success_min_ratio={self.min_ratio:g}")
        return Verdict(False, f"{self.rises_min} checks passed in a row (rises_min)")


@register("detector", "success_rate")
def success_rate(params: HealthParams) -> SuccessRate:
    """Reads `success_min_ratio`, `success_window` and `rises_min`."""
    return SuccessRate(params.success_min_ratio, params.success_window, params.rises_min)
