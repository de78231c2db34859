"""The request engine with attempts: deadlines, timeouts, retries, hedges, admission, nodes that are struck.

A request is one row or several (one an attempt). An attempt is open until its client has an answer, a failure, or gives
up; what the node still does afterwards is work nobody waits for. At every instant accepted = ended + in the system.
The first answer ends a request; attempts that it outran are released and, unless told otherwise, cancelled at their
nodes. What costs a request little stands here, what only some requests meet in `again`. Messages that call an attempt
off are not lost. Keys of equal instants: `engine_rules`, `timers`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.runtime.environment import OrderedEnvironment
from sim.runtime.order import ARRIVAL, FINISH
from sim.types.records import FAILED, OK, REJECTED, SHED, TRUNCATED
from sim.world.again import Again
from sim.world.attempts import Chances
from sim.world.columns import Columns
from sim.world.feed import Block
from sim.world.fragile import Fragile
from sim.world.line import Waiter
from sim.world.seam import LoadBalancer, Network, RequestRules

OPEN = TRUNCATED
NEVER = float("inf")


class ResilientEngine(Again):
    """Moves attempts between the source, the balancer and pools that may be struck."""

    def __init__(
        self, env: OrderedEnvironment, columns: Columns, balancer: LoadBalancer, queue_max: int, rules: RequestRules,
        network: Network, chances: Chances,
    ) -> None:  # fmt: skip
        super().__init__(env, columns, balancer, queue_max, rules, chances)
        self.network = network
        self._admission, self._draws_admission = rules.admission, bool(rules.admission and rules.admission.needs_draw)
        self._fresh = rules.budget.fresh if rules.budget.counts_fresh else None
        self._ok, self._sent = rules.outcomes.ok, rules.on_sent

    def send(self, block: Block, index: int, row: int, now: float) -> None:
        self.arrivals_count += 1
        self.in_system += 1
        columns = self.columns
        if self._admission is not None:
            draw = block.admissions[index] if block.admissions is not None else 0.0
            if not self._admission.admit(columns.priority[row], self.in_system - 1, draw, now):
                columns.finished_at[row] = now
                columns.status[row] = SHED
                self._end(row, SHED, now)
                return
        if self._fresh is not None:
            self._fresh()
        if self.deadlines is not None:
            self.deadlines.add(row, now)
        self._dispatch_row(row, block.picks[index], None if block.probes is None else block.probes[index], now)

    def _dispatch_row(self, row: int, picks: Sequence[float], probes: Sequence[float] | None, now: float) -> None:
        columns = self.columns
        dispatcher, view = columns.dispatcher[row], columns.view[row]
        slot = self._dispatch(dispatcher, view, picks, columns.key[row], now)
        if slot >= 0:
            self._place(row, slot, dispatcher, now)
            if probes is not None:
                self._probe(row, dispatcher, view, probes, now)
        else:
            self._wait(row, picks, probes, now)

    def _wait(self, row: int, picks: Sequence[float], probes: Sequence[float] | None, now: float) -> None:
        """At the balancer, until something may be picked; a full line sheds a lower priority, or refuses."""
        columns = self.columns
        priority = columns.priority[row]
        if self.waiting_count >= self.queue_max:
            victim = self.line.victim(priority)
            if victim is None:
                self._failed(row, REJECTED, now)
                return
            self._failed(victim.row, SHED, now)
        self._integrate_central(now)
        self.waiting_count += 1
        self.turns_count += 1
        place = (columns.dispatcher[row], columns.view[row], priority, columns.key[row])
        self.line.push(Waiter(self.turns_count, row, *place, picks, probes))
        if self._poke is not None:
            self._poke()

    def _place(self, row: int, slot: int, dispatcher: int, now: float) -> None:
        pool = self.pools[slot]
        columns = self.columns
        columns.node[row] = pool.node
        columns.slot[row] = slot
        if pool.agent_type:
            columns.pool_type[row] = pool.agent_type
        if not self._plain:
            columns.rif_at_arrival[row] = pool.present
        if self.timeouts is not None:
            self.timeouts.add(row, now)
        if self.hedges is not None and not columns.attempt[row] and not columns.single[row]:
            self.hedges.add(row, now)
        if self._sent is not None:
            self._sent(slot, now)
        if self.network.plain and not pool.down:
            if not pool.accept(row, now):
                self._failed(row, REJECTED, now)
        else:
            self._travel(row, pool, now)

    def _travel(self, row: int, pool: Fragile, now: float) -> None:
        """Over a network that is not well, or to a machine that is down: nobody hears of it there."""
        delay_s = self._delay_s(row, pool, True)
        if not delay_s:
            self._reach((row, pool))
        elif delay_s < NEVER:
            self.env.call_at(now + delay_s, ARRIVAL, self.columns.key_of(row), self._reach, (row, pool))

    def _delay_s(self, row: int, pool: Fragile, to_node: bool) -> float:
        if self.network.plain:
            return 0.0
        columns = self.columns
        return self.network.request_delay_s(pool.node, to_node, columns.request[row], columns.attempt[row])

    def _reach(self, travel: tuple[int, Fragile]) -> None:
        row, pool = travel
        if pool.down or self.columns.status[row] != OPEN:
            return
        if not pool.accept(row, self.env.now):
            self._say(row, pool, REJECTED)

    def answered(self, row: int, pool: Fragile, now: float) -> None:  # type: ignore[override]
        """A pool has served the attempt; whether its client hears of it is another matter."""
        struck = self.chances.any and self.chances.strikes(row, pool, now)
        if self.columns.status[row] != OPEN:
            self.late_count += 1
        elif self.network.plain and not struck:
            self._answer(row, pool.present, now)
        else:
            self._say(row, pool, FAILED if struck else OK)
        if self._poke is not None and not pool.present:
            self._poke()

    def _say(self, row: int, pool: Fragile, status: int) -> None:
        """The node's word on an attempt travels back."""
        delay_s = self._delay_s(row, pool, False)
        word = (row, status, pool.present)
        if not delay_s:
            self._heard(word)
        elif delay_s < NEVER:
            self.env.call_at(self.env.now + delay_s, FINISH, self.columns.key_of(row), self._heard, word)

    def _heard(self, word: tuple[int, int, int]) -> None:
        row, status, present = word
        if self.columns.status[row] != OPEN:
            self.late_count += 1
        elif status == OK:
            self._answer(row, present, self.env.now)
        else:
            self._failed(row, status, self.env.now)

    def _answer(self, row: int, present: int, now: float) -> None:
        """The client has its answer: the request ends."""
        columns, balancer = self.columns, self.balancer
        columns.finished_at[row] = now
        columns.status[row] = OK
        draw = columns.idle_draw[row] if balancer.needs_completion_draw else 0.0
        slot = columns.slot[row]
        sent_at = columns.arrived_at[row]
        if self._sent_at:
            sent_at = self._sent_at.pop(row, sent_at)
        self._complete(columns.dispatcher[row], slot, self.pools[slot].generation, now, now - sent_at, present, draw)
        if not self._plain:
            balancer.record_latency(slot, columns.rif_at_arrival[row], now - sent_at)
        self._ok(slot, now)
        root = row
        if self.several:
            root = self.root_of.pop(row, row)
            several = self.several.pop(root, None)
            if several is not None:
                self._outrun(several, row, now)
        self._end(root, OK, now)
