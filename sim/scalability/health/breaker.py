"""Circuit breaker of each node: stop sending to what keeps failing, try it with a few, go on when those succeed.

closed -> open after `failures_max` failures in a row; open -> half open after `open_s`; half open: at most `trials_max`
attempts under way at once, closed after `successes_min` successes, open again after one failure (Nygard 2007, "Release
It!"; SGLang's router: 10 failures, 60 s, 3 successes). A node is excluded (cause "breaker") while open and while its
trials are out. What was sent before it opened may be answered late: results count in no state but closed, and half open
as far as trials are out. `sent` and the three ways an attempt ends are called for every attempt, as closures over
columns by row; `dropped` is an end that says nothing of the node (cancelled).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

from sim.contracts import EventSink, Runtime
from sim.scalability.health.eligible import EligibleSet
from sim.scalability.health.params import BreakerParams
from sim.scalability.health.rows import NodeRows

CAUSE = "breaker"
CLOSED, OPEN, HALF_OPEN = range(3)


class Breaker:
    """Implements `contracts.Outcomes`; `slot_added` goes into `balancer.slot_listeners`."""

    ok: Callable[[int, float], None]
    failed: Callable[[int, float], None]
    sent: Callable[[int, float], None]
    dropped: Callable[[int, float], None]

    def __init__(
        self, params: BreakerParams, slots_max: int, eligible: EligibleSet, runtime: Runtime, events: EventSink
    ) -> None:
        self.params, self.eligible, self.runtime, self.events = params, eligible, runtime, events
        self._nodes = NodeRows(slots_max)
        self._state, self._streak, self._trials, self._passed, self._life = (
            array("q", [0]) * slots_max for _ in range(5)
        )
        self._hot()
        eligible.left_listeners.append(self._left)

    def state(self, node_id: str) -> str:
        """`closed`, `open` or `half_open`; raises KeyError for a node without a slot."""
        return ("closed", "open", "half_open")[self._state[self._nodes.rows[node_id]]]

    def _hot(self) -> None:
        row_of, state, streak = self._nodes.row_of, self._state, self._streak
        failures_max, trip, tried = self.params.failures_max, self._trip, self._tried

        def ok(slot: int, now: float) -> None:
            row = row_of[slot]
            streak[row] = 0
            if state[row] == HALF_OPEN:
                tried(row, now, 1)

        def failed(slot: int, now: float) -> None:
            row = row_of[slot]
            streak[row] += 1
            if state[row] == HALF_OPEN:
                tried(row, now, -1)
            elif streak[row] >= failures_max and state[row] == CLOSED:
                trip(row, now, f"{failures_max} failures in a row (failures_max)")

        def sent(slot: int, now: float) -> None:
            row = row_of[slot]
            if state[row] == HALF_OPEN:
                self._trial_sent(row)

        def dropped(slot: int, now: float) -> None:
            row = row_of[slot]
            if state[row] == HALF_OPEN:
                tried(row, now, 0)

        self.ok, self.failed, self.sent, self.dropped = ok, failed, sent, dropped

    @property
    def ok_columns(self) -> tuple[array[int], array[int], array[int]]:
        """What `ok` reads: row by slot, by row failures in a row and the state; where both are 0 it does nothing."""
        return self._nodes.row_of, self._streak, self._state

    def slot_added(self, slot: int, node_id: str, agent_type: str) -> None:
        """The balancer sends to the node by this slot from now on."""
        row = self._nodes.add(slot, node_id)
        if row is not None:
            self._enter(row, CLOSED)

    def _enter(self, row: int, state: int) -> None:
        self._state[row] = state
        self._streak[row] = self._trials[row] = self._passed[row] = 0
        self._life[row] += 1  # what was planned for an earlier state is void

    def _trip(self, row: int, now: float, reason: str) -> None:
        if not self._nodes.holds(row):
            return
        self._enter(row, OPEN)
        node_id = self._nodes.node_of[row]
        self.events.write(now, "breaker_opened", node_id, reason=reason)
        self.eligible.exclude(node_id, CAUSE, reason)
        self.runtime.spawn(self._half_open_later(row, self._life[row]), f"breaker {node_id}")

    async def _half_open_later(self, row: int, life: int) -> None:
        await self.runtime.sleep(self.params.open_s)
        if self._life[row] != life:
            return
        self._enter(row, HALF_OPEN)
        node_id = self._nodes.node_of[row]
        reason = f"open for {self.params.open_s:g} s (open_s)"
        self.events.write(self.runtime.now(), "breaker_half_open", node_id, reason=reason)
        self.eligible.include(node_id, CAUSE)

    def _trial_sent(self, row: int) -> None:
        self._trials[row] += 1
        if self._trials[row] == self.params.trials_max:
            self.eligible.exclude(self._nodes.node_of[row], CAUSE, "half open, its trials are out")

    def _tried(self, row: int, now: float, result: int) -> None:
        """A trial ended: 1 well, -1 badly, 0 without saying anything; nothing where no trial is out."""
        if not self._trials[row]:
            return
        node_id = self._nodes.node_of[row]
        if result < 0:
            self._trip(row, now, "a trial failed")
            return
        self._trials[row] -= 1
        self._passed[row] += result
        if self._passed[row] >= self.params.successes_min:
            self._enter(row, CLOSED)
            reason = f"{self.params.successes_min} trials succeeded (successes_min)"
            self.events.write(now, "breaker_closed", node_id, reason=reason)
        self.eligible.include(node_id, CAUSE)

    def _left(self, node_id: str) -> None:
        row = self._nodes.leave(node_id)
        if row is not None:
            self._enter(row, CLOSED)
