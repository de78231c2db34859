"""Circuit breaker of each node: stop sending to what keeps failing, try it with a few, go on when those succeed.

closed -> open after `failures_max` failures in a row; open -> half open after `open_s`; half open: at most `trials_max`
attempts under way at once, closed after `successes_min` successes, open again after one failure (Nygard 2007, "Release
It!"; SGLang's router: 10 failures, 60 s, 3 successes). A node is excluded (cause "breaker") while open and while its
trials are out. What was sent before it opened may be answered late: results count in no state but closed, and half open
as far as trials are out. `breaker_sent` and the three ways an attempt ends are called for every attempt, as plain
functions over columns by row; `dropped` is an end that says nothing of the node (cancelled).
"""

from __future__ import annotations

from array import array

from sim.contracts import EventSink, Runtime
from sim.scalability.health.eligible import EligibleSet
from sim.scalability.health.params import BreakerParams
from sim.scalability.health.rows import NodeRows

CAUSE = "breaker"
CLOSED, OPEN, HALF_OPEN = range(3)


class BreakerState:
    """`row_of` (slots,); by row the phase, failures in a row and trials that are out; `failures_max`."""

    __slots__ = ("failures_max", "phase", "row_of", "streak", "trials")

    def __init__(self, failures_max: int, row_of: array[int]) -> None:
        self.failures_max, self.row_of = failures_max, row_of
        self.phase, self.streak, self.trials = (array("q", [0]) * len(row_of) for _ in range(3))


def breaker_ok(state: BreakerState, slot: int) -> bool:
    """An attempt was answered; whether it was a trial."""
    row = state.row_of[slot]
    if state.streak[row] != 0:
        state.streak[row] = 0
    return state.trials[row] != 0


def breaker_failed(state: BreakerState, slot: int) -> bool:
    """An attempt failed; whether it was a trial, or one too many in a row."""
    row = state.row_of[slot]
    state.streak[row] += 1
    if state.phase[row] == CLOSED:
        return state.streak[row] >= state.failures_max
    return state.trials[row] != 0


def breaker_sent(state: BreakerState, slot: int) -> bool:
    """An attempt was dispatched; whether it is a trial."""
    return state.phase[state.row_of[slot]] == HALF_OPEN


def breaker_dropped(state: BreakerState, slot: int) -> bool:
    """An attempt ended without a word; whether it was a trial."""
    return state.trials[state.row_of[slot]] != 0


class Breaker:
    """Implements `contracts.Outcomes`; `slot_added` goes into `balancer.slot_listeners`."""

    def __init__(
        self, params: BreakerParams, slots_max: int, eligible: EligibleSet, runtime: Runtime, events: EventSink
    ) -> None:
        self.params, self.eligible, self.runtime, self.events = params, eligible, runtime, events
        self._nodes = NodeRows(slots_max)
        self.columns = BreakerState(params.failures_max, self._nodes.row_of)
        self._passed, self._life = (array("q", [0]) * slots_max for _ in range(2))
        eligible.left_listeners.append(self._left)

    def state(self, node_id: str) -> str:
        """`closed`, `open` or `half_open`; raises KeyError for a node without a slot."""
        return ("closed", "open", "half_open")[self.columns.phase[self._nodes.rows[node_id]]]

    def ok(self, slot: int, now: float) -> None:
        """An attempt was answered."""
        if breaker_ok(self.columns, slot):
            self.tried(slot, now, 1)

    def failed(self, slot: int, now: float) -> None:
        """An attempt failed."""
        if breaker_failed(self.columns, slot):
            self.fell(slot, now)

    def sent(self, slot: int, now: float) -> None:
        """An attempt was dispatched to the slot."""
        if breaker_sent(self.columns, slot):
            self.trial_sent(slot)

    def dropped(self, slot: int, now: float) -> None:
        """An attempt ended without saying anything of the node."""
        if breaker_dropped(self.columns, slot):
            self.tried(slot, now, 0)

    def slot_added(self, slot: int, node_id: str, agent_type: str) -> None:
        """The balancer sends to the node by this slot from now on."""
        row = self._nodes.add(slot, node_id)
        if row is not None:
            self._enter(row, CLOSED)

    def _enter(self, row: int, state: int) -> None:
        columns = self.columns
        columns.phase[row] = state
        columns.streak[row] = columns.trials[row] = self._passed[row] = 0
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

    # What the rules above ask for

    def trial_sent(self, slot: int) -> None:
        """One more trial is out."""
        row = self.columns.row_of[slot]
        self.columns.trials[row] += 1
        if self.columns.trials[row] >= self.params.trials_max:  # a panic sends more than these
            self.eligible.exclude(self._nodes.node_of[row], CAUSE, "half open, its trials are out")

    def fell(self, slot: int, now: float) -> None:
        """A trial failed, or one attempt too many in a row."""
        row = self.columns.row_of[slot]
        if self.columns.phase[row] == HALF_OPEN:
            self._trip(row, now, "a trial failed")
        else:
            self._trip(row, now, f"{self.params.failures_max} failures in a row (failures_max)")

    def tried(self, slot: int, now: float, passed: int) -> None:
        """A trial ended: 1 well, 0 without saying anything."""
        row = self.columns.row_of[slot]
        node_id = self._nodes.node_of[row]
        self.columns.trials[row] -= 1
        self._passed[row] += passed
        if self._passed[row] >= self.params.successes_min:
            self._enter(row, CLOSED)
            reason = f"{self.params.successes_min} trials succeeded (successes_min)"
            self.events.write(now, "breaker_closed", node_id, reason=reason)
        if self.columns.trials[row] < self.params.trials_max:
            self.eligible.include(node_id, CAUSE)

    def _left(self, node_id: str) -> None:
        row = self._nodes.leave(node_id)
        if row is not None:
            self._enter(row, CLOSED)
