"""phi_accrual: suspicion on a scale, phi = -log10 P(a heartbeat comes later than this) (Hayashibara et al. 2004).

The times between the last `phi_samples_max` heartbeats of a node are taken as normal with their mean and standard
deviation, so that phi = -log10(erfc(z / sqrt 2) / 2), z = (silence - mean) / stdev; down while phi >= `phi_threshold`:
at a threshold of 8 a false alarm is as rare as one in 10^8 heartbeats, if they are normal. As in Akka: the deviation is
at least `phi_stdev_min_s`, a node begins as if it had sent two heartbeats heartbeat_s -+ heartbeat_s / 4 apart, and a
silence that made it down is no sample, unless it was at most `LATE_RATIO_MAX` heartbeat_s long: that was a false
alarm (after heartbeats that came in a bunch), and who never learned from one would give it again at every heartbeat.
Akka approximates the normal tail by a logistic function, here it is erfc.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from sim.registry import register
from sim.scalability.health.detector import Verdict
from sim.scalability.health.params import HealthParams

LATE_RATIO_MAX = 2.0  # of the expected distance of two heartbeats
ROOT_2 = math.sqrt(2.0)


@dataclass(slots=True)
class _Record:
    heard_at: float
    samples_s: deque[float] = field(default_factory=deque)
    sum_s: float = 0.0
    squares_s2: float = 0.0

    def add(self, sample_s: float, samples_max: int) -> None:
        if len(self.samples_s) == samples_max:
            oldest_s = self.samples_s.popleft()
            self.sum_s -= oldest_s
            self.squares_s2 -= oldest_s * oldest_s
        self.samples_s.append(sample_s)
        self.sum_s += sample_s
        self.squares_s2 += sample_s * sample_s


def phi_of(silence_s: float, mean_s: float, stdev_s: float) -> float:
    """Suspicion of a silence, 0.3 at the mean; infinite where the tail is below the smallest double."""
    tail = 0.5 * math.erfc((silence_s - mean_s) / (stdev_s * ROOT_2))
    return -math.log10(tail) if tail > 0.0 else math.inf


class PhiAccrual:
    """Implements `health.detector.Detector`; sums are kept up with the window, O(1) an observation."""

    uses_probes = False
    uses_heartbeats = True
    needs_every = True

    def __init__(self, threshold: float, samples_max: int, stdev_min_s: float, expected_s: float) -> None:
        self.threshold, self.samples_max = threshold, samples_max
        self.stdev_min_s, self.expected_s = stdev_min_s, expected_s
        self._records: dict[str, _Record] = {}

    def joined(self, node_id: str, now: float) -> None:
        """Joining is a heartbeat; the next ones are expected every `heartbeat_s`."""
        record = self._records[node_id] = _Record(now)
        for share in (0.75, 1.25):
            record.add(share * self.expected_s, self.samples_max)

    def heartbeat(self, node_id: str, now: float) -> None:
        """A heartbeat, and a sample unless a silence before it made the node down that was no false alarm."""
        record = self._records[node_id]
        silence_s = now - record.heard_at
        if silence_s <= LATE_RATIO_MAX * self.expected_s or self.phi(node_id, now) < self.threshold:
            record.add(silence_s, self.samples_max)
        record.heard_at = now

    def checked(self, node_id: str, now: float, ok: bool) -> None:
        """Not read."""

    def left(self, node_id: str) -> None:
        """Forget it."""
        self._records.pop(node_id, None)

    def phi(self, node_id: str, now: float) -> float:
        """Suspicion of a watched node."""
        record = self._records[node_id]
        count = len(record.samples_s)
        mean_s = record.sum_s / count
        variance_s2 = max(0.0, record.squares_s2 / count - mean_s * mean_s)
        return phi_of(now - record.heard_at, mean_s, max(math.sqrt(variance_s2), self.stdev_min_s))

    def down(self, node_id: str, now: float) -> bool:
        """While phi is at the threshold or above."""
        return self.phi(node_id, now) >= self.threshold

    def all_up(self, now: float) -> bool:
        """Each node is judged by itself."""
        return False

    def verdict(self, node_id: str, now: float) -> Verdict:
        """Down while phi is at the threshold or above."""
        phi = self.phi(node_id, now)
        silence_s = now - self._records[node_id].heard_at
        if phi >= self.threshold:
            return Verdict(True, f"phi={phi:.3g} after {silence_s:g} s, phi_threshold={self.threshold:g}")
        return Verdict(False, f"phi={phi:.3g} after {silence_s:g} s")


@register("detector", "phi_accrual")
def phi_accrual(params: HealthParams) -> PhiAccrual:
    """Reads `phi_threshold`, `phi_samples_max`, `phi_stdev_min_s` and `heartbeat_s` (expected at first)."""
    return PhiAccrual(params.phi_threshold, params.phi_samples_max, params.phi_stdev_min_s, params.expected_heartbeat_s)
