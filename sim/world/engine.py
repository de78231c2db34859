"""The request engine under SimPy: callbacks at absolute instants instead of a process a request.

One request: arrival -> dispatcher -> `balancer.dispatch` -> pool -> `balancer.complete`. When nothing is eligible (or
every agent is busy and the queue stands at the balancer) it waits here, at most `queue_max` of them: one line a view
(agent type), so that a busy type does not hold up another, and the first to have come goes first where two lines can.
Equal instants follow (time, rank, key) with key = request << 16 (`engine_rules`); a request known ahead but past the
horizon is not counted. Instants in virtual seconds from the start of load.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence

from sim.runtime.order import ARRIVAL, CONTROL, PROBE, RETRY
from sim.runtime.virtual import OrderedEnvironment
from sim.types.records import REJECTED
from sim.world.columns import Columns
from sim.world.feed import Block
from sim.world.pool import Pool
from sim.world.seam import LoadBalancer

Waiting = tuple[int, int, int, int, Sequence[float], int, "Sequence[float] | None"]


class Engine:
    """Moves requests between the source, the balancer and the pools; `pools[slot]` is kept by the world."""

    def __init__(self, env: OrderedEnvironment, columns: Columns, balancer: LoadBalancer, queue_max: int) -> None:
        self.env, self.columns, self.balancer = env, columns, balancer
        self.queue_max = queue_max
        self.pools: list[Pool] = []  # by slot
        self.lines: defaultdict[int, deque[Waiting]] = defaultdict(deque)  # by view; in all at most queue_max
        self.waiting_count = 0
        self.arrivals_count = 0
        self.in_system = 0
        self.closed = False  # no more arrivals
        self.done = env.event()
        self.central_area_s = 0.0
        self._central_at = 0.0
        self.on_left: Callable[[int, float], None] | None = None  # closed clients
        self._blocks: Iterator[Block] = iter(())
        self._block: Block | None = None
        self._dispatch = balancer.dispatch
        self._complete = balancer.complete
        self._plain = balancer.probes_count == 0
        self._pull_due = False
        self._sent_at = self._by_row()  # rows in flight that waited here -> when they were sent on

    def _by_row(self) -> dict[int, float]:
        """Empty books of rows; a compiled engine keeps them in its columns."""
        return {}

    def feed_open(self, blocks: Iterator[Block]) -> None:
        """Take requests from an open source."""
        self._blocks = blocks
        self._next_block()

    def start(self, horizon_s: float, drain_s: float) -> None:
        """Arm the end of arrivals, the end of draining, and the polls."""
        call_at = self.env.call_at
        call_at(horizon_s, CONTROL, 0, self._close_arrivals, None)
        call_at(horizon_s + drain_s, CONTROL, 1, self._stop, None)
        if self.balancer.refresh_s is not None:
            call_at(0.0, PROBE, 0, self._poll, 0)

    def _next_block(self) -> None:
        block = next(self._blocks, None)
        self._block = block
        if block is not None:
            self.env.call_at(block.at[0], ARRIVAL, self.columns.request[block.row] << 16, self._arrive, 0)

    def _arrive(self, index: int) -> None:
        block = self._block
        assert block is not None
        row = block.row + index
        following = index + 1
        if following < len(block.at):
            key = self.columns.request[row + 1] << 16
            self.env.call_at(block.at[following], ARRIVAL, key, self._arrive, following)
        else:
            self._next_block()
        self.send(block, index, row, self.env.now)

    def send(self, block: Block, index: int, row: int, now: float) -> None:
        """Route request `index` of the block, whose row is `row`."""
        self.arrivals_count += 1
        self.in_system += 1
        dispatcher = 0 if block.dispatchers is None else block.dispatchers[index]
        view = 0 if block.views is None else block.views[index]
        picks = block.picks[index]
        key = block.keys[index]
        slot = self._dispatch(dispatcher, view, picks, key, now)
        if slot >= 0:
            self._place(row, slot, dispatcher, now)
            if block.probes is not None:
                self._probe(row, dispatcher, view, block.probes[index], now)
        elif self.waiting_count < self.queue_max:
            self._integrate_central(now)
            self.waiting_count += 1
            probes = None if block.probes is None else block.probes[index]
            self.lines[view].append((self.arrivals_count, row, dispatcher, view, picks, key, probes))
        else:
            self.columns.finished_at[row] = now
            self.columns.status[row] = REJECTED
            self._left(row, now)

    def _place(self, row: int, slot: int, dispatcher: int, now: float) -> None:
        pool = self.pools[slot]
        self.columns.node[row] = pool.node
        if pool.agent_type:
            self.columns.pool_type[row] = pool.agent_type
        if not self._plain:
            self.columns.rif_at_arrival[row] = pool.present
        if not pool.accept(row, now):
            self.balancer.refused(dispatcher, slot, pool.generation, now)
            self._sent_at.pop(row, None)
            self._left(row, now)

    def answered(self, row: int, pool: Pool, now: float) -> None:
        """A pool finished the attempt: tell the balancer, then whoever waits for it."""
        columns = self.columns
        draw = 0.0
        balancer = self.balancer
        if balancer.needs_completion_draw:
            draw = columns.idle_draw[row]
        sent_at = columns.arrived_at[row]
        if self._sent_at:
            sent_at = self._sent_at.pop(row, sent_at)
        self._complete(columns.dispatcher[row], pool.slot, pool.generation, now, now - sent_at, pool.present, draw)
        if not self._plain:
            balancer.record_latency(pool.slot, columns.rif_at_arrival[row], now - sent_at)
        if self.waiting_count:
            self.pull(now)
        self._left(row, now)

    def membership_changed(self) -> None:
        """A slot may have come up: what waits here is sent on once all changes of this instant are known."""
        if self.waiting_count and not self._pull_due:
            self._pull_due = True
            self.env.call_at(self.env.now, RETRY, 0, self._pull_now, None)

    def _pull_now(self, _: None) -> None:
        self._pull_due = False
        self.pull(self.env.now)

    def pull(self, now: float) -> None:
        """Send waiting requests on until the first of no line finds a slot."""
        while self.waiting_count and self._send_first(now):
            pass

    def _send_first(self, now: float) -> bool:
        for head in sorted(line[0] for line in self.lines.values() if line):  # by arrival
            _, row, dispatcher, view, picks, key, probes = head
            slot = self._dispatch(dispatcher, view, picks, key, now)
            if slot >= 0:
                self._integrate_central(now)
                self.waiting_count -= 1
                self.lines[view].popleft()
                self._sent_at[row] = now
                self._place(row, slot, dispatcher, now)
                if probes is not None:
                    self._probe(row, dispatcher, view, probes, now)
                return True
        return False

    def _left(self, row: int, now: float) -> None:
        self.in_system -= 1
        if self.on_left is not None:
            self.on_left(row, now)
        if self.closed and not self.in_system and not self.done.triggered:
            self.done.succeed()

    def _close_arrivals(self, _: None) -> None:
        self.closed = True
        self._blocks = iter(())
        if not self.in_system and not self.done.triggered:
            self.done.succeed()

    def _stop(self, _: None) -> None:
        if not self.done.triggered:
            self.done.succeed()

    def _integrate_central(self, now: float) -> None:
        self.central_area_s += self.waiting_count * (now - self._central_at)
        self._central_at = now

    def _poll(self, tick: int) -> None:
        refresh_s = self.balancer.refresh_s
        assert refresh_s is not None
        self.balancer.poll(self.env.now, [pool.present for pool in self.pools])
        self.env.call_at((tick + 1) * refresh_s, PROBE, tick + 1, self._poll, tick + 1)

    def _probe(self, row: int, dispatcher: int, view: int, draws: Sequence[float], now: float) -> None:
        """Asynchronous probes after a dispatch: sampled and delivered `probe_delay_s` later."""
        targets = self.balancer.probe_targets(dispatcher, view, draws)
        at = now + self.balancer.probe_delay_s
        for number, slot in enumerate(targets):
            key = (self.columns.request[row] << 16) + number
            self.env.call_at(at, PROBE, key, self._probe_answer, (dispatcher, view, slot))

    def _probe_answer(self, target: tuple[int, int, int]) -> None:
        dispatcher, view, slot = target
        rif = self.pools[slot].present
        latency_s = self.balancer.estimate_latency_s(slot, rif)
        self.balancer.probe_answer(dispatcher, view, slot, self.env.now, rif, latency_s)

    def close(self, now: float) -> None:
        """Integrate what waits here up to the end."""
        self._integrate_central(now)
