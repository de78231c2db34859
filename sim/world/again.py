"""What only some requests meet: an attempt that fails or times out, a deadline, another attempt.

A request ends as its last attempt did (by number), unless one was answered. A retry waits for its backoff and needs a
token of the budget and time before the deadline; what must not run twice is tried again only where it was refused.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any

from sim.runtime.environment import OrderedEnvironment
from sim.runtime.order import DEADLINE, RETRY
from sim.types.records import REJECTED, SHED, STATUSES, TIMED_OUT, TRUNCATED
from sim.world.attempts import Chances, Several
from sim.world.columns import OUTRUN, Columns
from sim.world.engine import Engine
from sim.world.feed import Block
from sim.world.fragile import Fragile
from sim.world.line import PriorityLine
from sim.world.seam import LoadBalancer, RequestRules
from sim.world.timers import Expiry, ExpiryQueue, RowCursor

OPEN = TRUNCATED


class Again(Engine):
    """The books of attempts, and every way in which one ends without an answer."""

    pools: list[Fragile]  # type: ignore[assignment]
    _dispatch_row: Callable[..., None]
    _hedge: Callable[[int], None]
    fenced: Callable[[int], None]

    def __init__(
        self, env: OrderedEnvironment, columns: Columns, balancer: LoadBalancer, queue_max: int, rules: RequestRules,
        chances: Chances,
    ) -> None:  # fmt: skip
        super().__init__(env, columns, balancer, queue_max)
        self.rules, self.chances = rules, chances
        self.ended_counts = [0] * len(STATUSES)
        self.late_count = 0  # answers that nobody waited for any more
        self.hedges_count = self.retries_count = self.turns_count = 0
        self.several: dict[int, Several] = self._marked()  # by the first row of a request that is in the system
        self.root_of: dict[int, int] = self._marked()  # first row of the request, of open rows of further attempts
        self.line = PriorityLine()
        self._budget, self._bad, self._poke = rules.budget, rules.outcomes.failed, rules.on_demand
        self._pulling = False
        admission = rules.admission
        self._learns = admission.ended if admission is not None and admission.learns else None
        deadlines = self._timer(rules.deadline_s, (DEADLINE, 2), self._deadline, self.several)
        timeouts = self._timer(rules.attempt_timeout_s, (DEADLINE, 0), self._timed_out)
        hedges = self._timer(rules.hedge_after_s, (RETRY, 0), self._hedge)
        self.cursors: list[Any] = [RowCursor(one.expiry) for one in (deadlines, timeouts, hedges) if one is not None]
        for one in (timeouts, hedges):
            if one is not None:  # these two count from when a request was sent
                one.expiry.elsewhere = [self.line, self._sent_at]
        self.deadlines, self.timeouts, self.hedges = deadlines, timeouts, hedges
        balancer.fence_listeners.append(self.fenced)

    def _marked(self) -> dict[int, Any]:
        """Empty books of rows that are not plain any more; a compiled engine marks them in its columns."""
        return {}

    def _timer(
        self, delay_s: float | None, order: tuple[int, int], expire: Callable[[int], None],
        unended: Container[int] = (),
    ) -> ExpiryQueue | None:  # fmt: skip
        if delay_s is None:
            return None
        return ExpiryQueue(Expiry(self.env, self.columns, delay_s, order, expire, unended))

    def feed_open(self, blocks: Iterator[Block]) -> None:
        super().feed_open(blocks)
        self._start_timers()

    def _start_timers(self) -> None:
        for cursor in self.cursors:
            cursor.start()

    def _watch(self, row: int, now: float) -> None:
        """Start the timers of an attempt that is sent now and that no cursor watches."""
        columns = self.columns
        if self.timeouts is not None:
            self.timeouts.add(row, now)
        if self.hedges is not None and not columns.attempt[row]:
            self.hedges.add(row, now)

    # An attempt ends

    def _failed(self, row: int, status: int, now: float, counted: bool = True) -> None:
        """An open attempt was refused, failed, shed or timed out: try again, or end the request."""
        root = self.root_of.get(row, row) if self.root_of else row
        slot = self._give_up(row, status, now, counted)
        if not counted:
            self._drop(slot, now)
        elif slot >= 0:
            self._bad(slot, now)
        several = self.several.get(root)
        if several is not None:
            self._forget(several, row)
            if several.open_rows or several.pending:
                if self.waiting_count:
                    self.pull(now)
                return
        if not self._tries_again(root, several, status, now):
            self._over(root, several, status, now)
        elif self.waiting_count:
            self.pull(now)

    def _give_up(self, row: int, status: int, now: float, counted: bool = True) -> int:
        """Nobody waits for an open attempt any more; gives its slot, -1 if it was never sent.

        `counted`: the balancer still counts it.
        """
        columns = self.columns
        columns.status[row] = status
        if status != OUTRUN:
            columns.finished_at[row] = now
        self.root_of.pop(row, None)
        slot = columns.slot[row]
        if slot < 0:
            if self.line.remove(row):
                self._integrate_central(now)
                self.waiting_count -= 1
                if self._poke is not None:
                    self._poke()
            return slot
        self._sent_at.pop(row, None)
        pool = self.pools[slot]
        if status == OUTRUN:
            self._drop(slot, now)
        if counted:
            self.balancer.refused(columns.dispatcher[row], slot, pool.generation, now)
        cancels = self.rules.cancel_outrun if status == OUTRUN else self.rules.kills
        if cancels and columns.placed_at[row] <= now and columns.left_at[row] != columns.left_at[row]:
            pool.cancel(row, now)
            if self._poke is not None and not pool.present:
                self._poke()
        return slot

    def _drop(self, slot: int, now: float) -> None:
        """An attempt that was sent ended without a word on its node."""
        if slot >= 0 and self.rules.on_dropped is not None:
            self.rules.on_dropped(slot, now)

    def _forget(self, several: Several, row: int) -> None:
        if several.forget(row):
            self._budget.ended()

    def _over(self, root: int, several: Several | None, status: int, now: float) -> None:
        """The request ends without an answer."""
        if several is not None:
            del self.several[root]
            status = self.columns.status[several.last_row]
        self._end(root, status, now)

    def _end(self, root: int, status: int, now: float) -> None:
        self.ended_counts[status] += 1
        if self._learns is not None and status != SHED:
            self._learns(False, now)
        if self.waiting_count:
            self.pull(now)
        self._left(root, now)

    def _outrun(self, several: Several, winner: int, now: float) -> None:
        """The other attempts of an answered request are not waited for any more."""
        self._forget(several, winner)
        for row in list(several.open_rows):
            self._give_up(row, OUTRUN, now)
            self._forget(several, row)

    # Timers

    def _timed_out(self, row: int) -> None:
        self._failed(row, TIMED_OUT, self.env.now)

    def _deadline(self, root: int) -> None:
        """The client of a request gives up altogether."""
        now = self.env.now
        several = self.several.get(root)
        assert several is None or not several.pending, "a retry that would come too late is not planned"
        for row in [root] if several is None else list(several.open_rows):
            slot = self._give_up(row, TIMED_OUT, now)
            if slot >= 0:
                self._bad(slot, now)
            if several is not None:
                self._forget(several, row)
        self._over(root, several, TIMED_OUT, now)

    # Another attempt

    def _tries_again(self, root: int, several: Several | None, status: int, now: float) -> bool:
        rules, columns = self.rules, self.columns
        retry = 1 if several is None else several.retries + 1
        if status == SHED or retry >= rules.attempts_max or (columns.single[root] and status != REJECTED):
            return False
        attempt = 1 if several is None else several.attempts
        at = now + rules.backoff_s(retry, self.chances.backoff(root, attempt))
        if rules.deadline_s is not None and at >= columns.arrived_at[root] + rules.deadline_s:
            return False
        if not self._budget.take(self.in_system):
            return False
        if several is None:
            several = self.several[root] = Several(root, False)
        several.retries, several.pending = retry, True
        self.env.call_at(at, RETRY, columns.request[root] << 16 | attempt, self._retry, several)
        return True

    def _retry(self, several: Several) -> None:
        assert several.pending
        several.pending = False
        self.retries_count += 1
        row = self._add(several, self.env.now)
        several.retry_rows.append(row)
        self._dispatch_again(several, row, self.env.now)

    def _add(self, several: Several, now: float) -> int:
        row = self.columns.add_attempt(several.root, several.attempts, now)
        if self.rules.redraw is not None:
            self.rules.redraw(row)
        several.add(row)
        self.root_of[row] = several.root
        return row

    def _dispatch_again(self, several: Several, row: int, now: float) -> None:
        attempt, chances = self.columns.attempt[row], self.chances
        picks = chances.picks(several.root, attempt, self.balancer.draws_count)
        width = self.balancer.probes_count
        self._dispatch_row(row, picks, chances.probes(several.root, attempt, width) if width else None, now)
