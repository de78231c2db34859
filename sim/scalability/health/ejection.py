"""Passive outlier ejection: who answers badly is sent nothing for a while, whatever active checks say (Envoy).

- `failures_max` failures in a row eject at that very instant.
- A sweep every `interval_s` ejects who succeeds less than mean - factor x stdev over the nodes with at least
  `success_requests_min` attempts in the interval, where there are `success_nodes_min` of them (population stdev).
- Out for min(base_s x ejections so far, max_s) + jitter_s x u, until the first sweep after it, or until an active check
  passes (`check_passed`). The number of ejections falls by one at each sweep of an interval spent in service.
- At most max(1, floor(ejected_max_ratio x nodes in service)) at once, so that a bad request cannot empty the fleet; who
  is spared for that is an `ejection_held` event, one a node and interval.
Every attempt passes here: `ejection_ok` and `ejection_failed` are plain functions over columns by row (`health.rows`).
"""

from __future__ import annotations

import math
from array import array

from sim.contracts import Draws, EventSink, Runtime
from sim.runtime.draws import JITTER
from sim.scalability.health.eligible import EligibleSet
from sim.scalability.health.params import EjectionParams
from sim.scalability.health.rows import NodeRows

CAUSE = "ejection"
BIRTH_SHIFT = 24


class EjectionState:
    """`row_of` (slots,); by row failures in a row, successes and failures of the interval; `failures_max`."""

    __slots__ = ("fails", "failures_max", "oks", "row_of", "streak")

    def __init__(self, failures_max: int, row_of: array[int]) -> None:
        self.failures_max, self.row_of = failures_max, row_of
        self.streak, self.oks, self.fails = (array("q", [0]) * len(row_of) for _ in range(3))


def ejection_ok(state: EjectionState, slot: int) -> None:
    """An attempt was answered."""
    row = state.row_of[slot]
    state.oks[row] += 1
    if state.streak[row] != 0:
        state.streak[row] = 0


def ejection_failed(state: EjectionState, slot: int) -> bool:
    """An attempt failed; whether that is as many in a row as eject."""
    row = state.row_of[slot]
    state.fails[row] += 1
    state.streak[row] += 1
    return state.streak[row] >= state.failures_max


class Ejection:
    """Implements `contracts.Outcomes`; `slot_added` goes into `balancer.slot_listeners`, `run` is its loop."""

    def __init__(
        self,
        params: EjectionParams,
        slots_max: int,
        eligible: EligibleSet,
        runtime: Runtime,
        events: EventSink,
        draws: Draws,
    ) -> None:
        self.params, self.eligible, self.runtime, self.events, self.draws = params, eligible, runtime, events, draws
        self.ejected: dict[int, float] = {}  # row -> until, s; in order of ejection
        self.ejections_count = 0  # ever
        self._nodes = NodeRows(slots_max)
        self.state = EjectionState(params.failures_max, self._nodes.row_of)
        self._streak, self._oks, self._fails = self.state.streak, self.state.oks, self.state.fails
        self._ejections, self._drawn, self._clean, self._held = (array("q", [0]) * slots_max for _ in range(4))
        self._zeros, self._ones = array("q", [0]) * slots_max, array("q", [1]) * slots_max
        eligible.left_listeners.append(self._left)

    def ok(self, slot: int, now: float) -> None:
        """An attempt was answered."""
        ejection_ok(self.state, slot)

    def failed(self, slot: int, now: float) -> None:
        """An attempt failed."""
        if ejection_failed(self.state, slot):
            self.strike(slot, now)

    def slot_added(self, slot: int, node_id: str, agent_type: str) -> None:
        """The balancer sends to the node by this slot from now on."""
        row = self._nodes.add(slot, node_id)
        if row is not None:
            for column in (self._streak, self._oks, self._fails, self._ejections, self._drawn, self._clean, self._held):
                column[row] = 0

    def check_passed(self, node_id: str, now: float) -> None:
        """An active check of the node passed: it is taken back at once."""
        row = self._nodes.rows.get(node_id)
        if row in self.ejected:
            self._readmit(row, now, "an active check passed")

    async def run(self) -> None:
        """Sweep at start + k interval_s, for good."""
        started_at, number = self.runtime.now(), 0
        while True:
            number += 1
            await self.runtime.sleep_until(started_at + number * self.params.interval_s)
            self.sweep(self.runtime.now())

    def sweep(self, now: float) -> None:
        """Take back whose time is over, let old ejections fade, eject who succeeds too rarely."""
        if self.ejected or any(self._ejections):
            for row in list(self._nodes.rows.values()):
                if row in self.ejected:
                    if now >= self.ejected[row]:
                        self._readmit(row, now, "its time is over")
                elif self._clean[row]:
                    self._ejections[row] = max(0, self._ejections[row] - 1)
        self._clean[:] = self._ones  # a row that is nobody's begins anew when it is somebody's
        for row in self.ejected:
            self._clean[row] = 0
        self._held[:] = self._zeros
        self._judge_rates(now)
        self._oks[:] = self._fails[:] = self._zeros

    def _judge_rates(self, now: float) -> None:
        params = self.params
        if not any(self._fails):  # who succeeds always is as good as the mean
            return
        rates: list[tuple[int, float]] = []
        least, oks, fails, ejected = params.success_requests_min, self._oks, self._fails, self.ejected
        for row in self._nodes.rows.values():
            total = oks[row] + fails[row]
            if total >= least and row not in ejected:
                rates.append((row, oks[row] / total))
        if not rates or len(rates) < params.success_nodes_min:
            return
        mean = math.fsum(rate for _, rate in rates) / len(rates)
        variance = math.fsum((rate - mean) * (rate - mean) for _, rate in rates) / len(rates)
        bound = mean - params.success_stdev_factor * math.sqrt(variance)
        for row, rate in rates:
            if rate < bound:
                self._eject(row, now, f"success ratio {rate:.4g} of its requests, below {bound:.4g} of the fleet")

    def strike(self, slot: int, now: float) -> None:
        """What `ejection_failed` asks for: the node of the slot has failed too often in a row."""
        row = self.state.row_of[slot]
        self._streak[row] = 0
        if row in self.ejected or not self._nodes.holds(row):
            return
        if self.eligible.has(self._nodes.node_of[row]):  # one that leaves drops its attempts before it is told of here
            self._eject(row, now, f"{self.params.failures_max} failures in a row (failures_max)")

    def _eject(self, row: int, now: float, reason: str) -> None:
        params, node_id = self.params, self._nodes.node_of[row]
        limit = max(1, int(params.ejected_max_ratio * self.eligible.in_service_count + 1e-9))
        if len(self.ejected) >= limit:
            if not self._held[row]:
                self._held[row] = 1
                self.events.write(now, "ejection_held", node_id, reason=f"{reason}; {limit} are out, the most at once")
            return
        self._ejections[row] += 1
        self._drawn[row] += 1
        for_s = min(params.base_s * self._ejections[row], params.max_s)
        if params.jitter_s:
            entity = self.eligible.birth(node_id) << BIRTH_SHIFT | self._drawn[row]
            for_s += params.jitter_s * self.draws.uniform(JITTER, entity)
        self._clean[row] = 0
        self.ejected[row] = now + for_s
        self.ejections_count += 1
        self.events.write(now, "node_ejected", node_id, reason=reason, for_s=for_s)
        self.eligible.exclude(node_id, CAUSE, reason)

    def _readmit(self, row: int, now: float, reason: str) -> None:
        del self.ejected[row]
        self._streak[row] = self._oks[row] = self._fails[row] = 0
        node_id = self._nodes.node_of[row]
        self.events.write(now, "node_readmitted", node_id, reason=reason)
        self.eligible.include(node_id, CAUSE)

    def _left(self, node_id: str) -> None:
        row = self._nodes.leave(node_id)
        if row is not None:
            self.ejected.pop(row, None)
