"""The request engine with attempts: deadlines, timeouts, retries, hedges, admission, nodes that are struck.

A request is one row or several (one an attempt). An attempt is open until its client has an answer, a failure, or gives
up; what the node still does afterwards is work nobody waits for. At every instant accepted = ended + in the system.
The first answer ends a request; attempts that it outran are released and, unless told otherwise, cancelled at their
nodes. What costs a request little stands here, what only some requests meet in `again` and `struck`. Messages that call
an attempt off are not lost. Keys of equal instants: `engine_rules`, `timers`.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.runtime.environment import OrderedEnvironment
from sim.runtime.order import ARRIVAL, FINISH
from sim.types.records import FAILED, OK, REJECTED, SHED, TRUNCATED
from sim.world.attempts import Chances
from sim.world.columns import Columns
from sim.world.fragile import Fragile
from sim.world.hot import make_answer, make_answered, make_send
from sim.world.line import Waiter
from sim.world.seam import LoadBalancer, Network, RequestRules
from sim.world.struck import Struck

OPEN = TRUNCATED
NEVER = float("inf")


class ResilientEngine(Struck):
    """Moves attempts between the source, the balancer and pools that may be struck."""

    def __init__(
        self, env: OrderedEnvironment, columns: Columns, balancer: LoadBalancer, queue_max: int, rules: RequestRules,
        network: Network, chances: Chances,
    ) -> None:  # fmt: skip
        super().__init__(env, columns, balancer, queue_max, rules, chances)
        self.network = network
        self._sent = rules.on_sent
        self.answer = make_answer(self, rules)
        self.answered = make_answered(self, self.answer)  # type: ignore[method-assign, assignment]
        self.send = make_send(self, rules)  # type: ignore[method-assign, assignment]

    def _dispatch_row(self, row: int, picks: Sequence[float], probes: Sequence[float] | None, now: float) -> None:
        """Send a further attempt, or a request that no cursor watches."""
        columns = self.columns
        dispatcher, view = columns.dispatcher[row], columns.view[row]
        slot = self._dispatch(dispatcher, view, picks, columns.key[row], now)
        if slot < 0:
            self._wait(row, picks, probes, now)
            return
        self._watch(row, now)
        self._place(row, slot, dispatcher, now)
        if probes is not None:
            self._probe(row, dispatcher, view, probes, now)

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
        if self.columns.status[row] != OPEN:
            return
        if pool.down:
            if pool.refuses:
                self._say(row, pool, FAILED)
        elif not pool.accept(row, self.env.now):
            self._say(row, pool, REJECTED)

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
            self.answer(row, present, self.env.now)
        else:
            self._failed(row, status, self.env.now)
