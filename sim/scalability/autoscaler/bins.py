"""Samples become bins: arrivals and busy time of equal stretches of time, and the work that an arrival brings.

Arrivals are a cumulative count; at the edge of a bin it is interpolated between the samples around. Busy agents
are averaged over the samples of a bin. The work of an arrival (agent seconds) is busy time over arrivals, smoothed over
bins in which the fleet was never full and nobody waited at the balancer: a full fleet hides its load.
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.contracts import FleetSample
from sim.scalability.autoscaler.policy import usable

FULL_RATIO = 0.95  # utilization from which on a bin says nothing of the work an arrival brings
WORK_WEIGHT = 0.2  # of a new bin in the smoothed work


class Bins:
    """Arrivals per bin of `bin_s`; bin k covers [k bin_s, (k + 1) bin_s)."""

    def __init__(self, bin_s: float) -> None:
        self.bin_s = bin_s
        self.work_s: float | None = None  # agent seconds an arrival brings; None: not known yet
        self._at: float | None = None  # of the last sample
        self._count = 0.0
        self._edge = 0  # serial of the edge that comes next
        self._edge_count = 0.0  # cumulative arrivals at the edge before
        self._busy: list[float] = []  # agents that were busy at the samples of this bin
        self._hidden = False  # a sample of this bin says nothing of the work

    def add(self, sample: FleetSample) -> Iterator[float]:
        """Take a sample in; gives the arrivals of each bin that ended with it."""
        at, count = sample.at, float(sample.arrivals_count)
        if not usable(count) or count < self._count:
            self._hidden = True
            return
        if self._at is None:
            self._begin(at, count)
            return
        self._note(sample)
        while at >= self._edge * self.bin_s:
            share = (self._edge * self.bin_s - self._at) / (at - self._at)
            edge_count = self._count + share * (count - self._count)
            if self._edge_count >= 0.0:
                yield self._close(edge_count - self._edge_count)
            self._edge_count = edge_count
            self._edge += 1
        self._at, self._count = at, count

    def _begin(self, at: float, count: float) -> None:
        self._at, self._count = at, count
        self._edge = int(at / self.bin_s) + 1
        whole = at == (self._edge - 1) * self.bin_s
        self._edge_count = count if whole else -1.0  # -1: the bin under way began before

    def _note(self, sample: FleetSample) -> None:
        utilization, agents = sample.utilization_ratio, sample.agents_ready
        if usable(utilization, agents, sample.waiting) and utilization < FULL_RATIO and not sample.waiting:
            self._busy.append(utilization * agents)
        else:
            self._hidden = True

    def _close(self, arrivals: float) -> float:
        if self._busy and not self._hidden and arrivals > 0.0:
            work_s = sum(self._busy) / len(self._busy) * self.bin_s / arrivals
            self.work_s = work_s if self.work_s is None else self.work_s + WORK_WEIGHT * (work_s - self.work_s)
        self._busy, self._hidden = [], False
        return arrivals
