"""The engine of attempts with a kernel: what nothing happens to is compiled, the rest is the very code of SimPy's side.

The kernel moves requests up to the environment's next event and comes back at the first step that is not plain
(`sim.kernel.watched`); `ResilientEngine` takes it from there over the kernel's rows and pools, and the kernel goes on.
Counts that both write stand in the kernel. Timers are the environment's; the rows that have ended are skipped compiled.
"""

from __future__ import annotations

from typing import Any

from numba import types

from sim.bench.attempt_columns import AttemptColumns, Marked, SentLater
from sim.bench.compiled_pools import COMPILED_POOLS
from sim.bench.kernel_balancer import KernelBalancer
from sim.contracts import Draws
from sim.kernel.calls import call_busy
from sim.kernel.clients import client_thinks
from sim.kernel.commands import Commands
from sim.kernel.driver import REAL, WHOLE, Driver, Options
from sim.kernel.machine_draws import MachineDraws
from sim.kernel.paths import Balancing
from sim.kernel.state import (
    ANSWER_ROW,
    ANSWERED,
    ARRIVALS,
    AT_POOL,
    AT_ROW,
    AT_SERIAL,
    BROKEN,
    CLOSED,
    EMPTY,
    EVENTS,
    IN_SYSTEM,
    LATE,
    NOW,
    PICK_ROW,
    PLACE_ROW,
    POLL_AT,
    POOL_EVENT,
    REFUSED_ROW,
    SHED_ROW,
    SIGNAL,
    TURNS,
    UNTIL,
    WAIT_ROW,
    WAITING,
    WARMING,
)
from sim.kernel.watched import free_row
from sim.runtime.environment import OrderedEnvironment
from sim.runtime.order import CONTROL
from sim.scalability.balancer.balancer import Balancer
from sim.types.records import OK, REJECTED, SHED
from sim.world.attempts import Chances
from sim.world.columns import Columns
from sim.world.feed import Block, Feed
from sim.world.hot import make_answer, make_answered
from sim.world.network import Network
from sim.world.resilient import ResilientEngine
from sim.world.seam import RequestRules
from sim.world.streaming import Stream, answers_told, tell_ends
from sim.world.timers import RowQueue
from sim.world.world import Load


def count_of(place: int) -> Any:
    """A count that stands in the kernel."""

    def get(self: AttemptEngine) -> int:
        return int(self.k.numbers[place])

    def put(self: AttemptEngine, value: int) -> None:
        self.k.numbers[place] = value

    return property(get, put)


class AttemptEngine(ResilientEngine):
    """`pools[slot]` is kept by the world, as for the engine of SimPy."""

    arrivals_count, in_system, waiting_count = count_of(ARRIVALS), count_of(IN_SYSTEM), count_of(WAITING)
    late_count, turns_count, closed = count_of(LATE), count_of(TURNS), count_of(CLOSED)

    def __init__(
        self, env: OrderedEnvironment, balancer: Balancer, balancing: Balancing, draws: Draws, options: Options,
        rules: RequestRules, network: Network, restart_s: float, stream: Stream | None = None,
    ) -> None:  # fmt: skip
        self.stream = stream  # takes the requests that are not kept
        self.driver = driver = Driver(balancing, draws, options, balancer.table.slots_max)
        self.k = driver.k
        self.rows = AttemptColumns(driver, draws)
        self.kernel_balancer = KernelBalancer(balancer, driver)
        self.known = Columns(tokens=bool(self.k.uses.tokens), several=True)  # rows of requests that are known ahead
        self.made: list[Any] = []  # pools, by their row in the kernel
        self._commands = Commands(driver)
        self._read_busy = driver.entry(call_busy, types.void, WHOLE, REAL)
        columns: Any = self.rows
        self.single_draws = MachineDraws(draws.key)  # type: ignore[attr-defined] # counter-based draws
        chances = Chances(env, self.single_draws, columns, restart_s)
        facade: Any = self.kernel_balancer
        super().__init__(env, columns, facade, options.queue_max, rules, network, chances)
        self.rows.several_of = self.several
        if stream is not None:
            tell_ends(self, stream)
        self._of_known = self.send
        self.send = self._send_known  # type: ignore[method-assign]
        self._rebind()
        self.answered = self._hear  # type: ignore[method-assign]
        driver.on_moved = self._rebind

    # What the base asks for while it is made

    def _by_row(self) -> dict[int, float]:
        books: Any = SentLater(self.rows)
        return books  # type: ignore[no-any-return]

    def _marked(self) -> dict[int, Any]:
        return Marked(self.rows)

    def _rebind(self) -> None:
        """Rows may have moved: closures look at them anew."""
        self.rows.take_views()
        self.answer = make_answer(self, self.rules)
        if self.stream is not None:
            self.answer = answers_told(self, self.stream, self.answer)
        self._answered = make_answered(self, self.answer)

    def _hear(self, row: int, pool: Any, now: float) -> None:
        self._answered(row, pool, now)
        self._free(row, OK)

    def _free(self, row: int, status: int) -> None:
        """A row that ended so, and that nothing else of its request or on its way may ask for, is used again."""
        if self.driver.reuses and self.rows.status[row] == status and not self.rows.by_hand[row]:
            free_row(self.k, row)

    # What the world asks

    def make_pool(self, place: Any, *_: Any) -> Any:
        """A pool of agents, a row of the kernel's columns."""
        self.driver.have_pools(len(self.made) + 1)
        pool = COMPILED_POOLS[self.driver.options.discipline](self.k, len(self.made), place)
        pool.connect(self._commands, self.rows, self.env, self.answered)
        self.made.append(pool)
        return pool

    def pools_busy_s(self, now: float) -> list[float]:
        """Busy agent-seconds of every pool until now, by row; as `PoolColumns.busy_s` has them one by one."""
        made = len(self.made)
        self._read_busy(self.driver.address, made, now)
        found: list[float] = self.k.pools.read_s[:made].tolist()
        return found

    def start(self, horizon_s: float, drain_s: float) -> None:
        """Arm the end of arrivals, the end of draining, and the polls."""
        super().start(horizon_s, drain_s)
        if self.driver.balancing.poll_s is not None:
            self.k.instants[POLL_AT] = 0.0

    def load(self, load: Load, draws: Draws, feed: Feed) -> None:
        """Take requests from the main source."""
        self.driver.load(load, draws, feed.keys, feed.views, feed.fates if feed.has_fates else None)
        if load.closed is not None:
            self.on_left = self._client_left
            self._watch_closed()
        self._start_timers()

    def _client_left(self, row: int, now: float) -> None:
        client_thinks(self.k, self.rows.request[row], now)

    def _watch_closed(self) -> None:
        """Requests of closed clients stand in the queues of timers under SimPy; here those look at the rows too."""
        found = []
        for name in ("deadlines", "timeouts", "hedges"):
            queue = getattr(self, name)
            if queue is not None:
                found.append(RowQueue(queue.expiry))
                setattr(self, name, found[-1])
        self.cursors = found

    def run(self) -> None:
        """Until everything is answered or drained."""
        env, k, done, driver = self.env, self.k, self.done, self.driver
        numbers, instants, network = k.numbers, k.instants, self.network
        by_hand = self.kernel_balancer.by_hand if self.kernel_balancer.balancer.slow is not None else None
        steps = {
            SHED_ROW: self._shed, WAIT_ROW: self._wait_known, PLACE_ROW: self._place_known,
            REFUSED_ROW: self._refused, ANSWER_ROW: self._answer_at, POOL_EVENT: self._happen,
            PICK_ROW: self._pick_known, SIGNAL: self._hear_signal,
        }  # fmt: skip
        while not done.triggered:
            at, rank, key = env.head_key()
            if rank <= CONTROL and at == env.now:  # of this instant, before whatever the kernel has: no need to ask it
                env.step()
                continue
            numbers[BROKEN] = not network.plain
            if by_hand is not None:
                numbers[WARMING] = by_hand()
            reason = driver.go_on(at, rank, key)
            if reason == UNTIL:
                env.step_instant(CONTROL, done)
            elif reason == EMPTY:
                env.now = max(env.now, float(instants[NOW]))
                done.succeed()
            elif reason in steps:
                env.now = float(instants[NOW])
                steps[reason](int(numbers[AT_ROW]), env.now)
        env.run(until=done)
        env.events_count += int(numbers[EVENTS])
        self.ended_counts[OK] += int(numbers[ANSWERED])

    def close(self, now: float) -> None:
        """Integrate what waits here up to the end."""
        super().close(now)
        self.rows.take_views(len(self.rows))

    def release(self) -> None:
        """The table of the run is made: rows are needed no more."""
        self.driver.release()

    # The step that the kernel leaves to Python

    def _shed(self, row: int, now: float) -> None:
        self.rows.finished_at[row] = now
        self.rows.status[row] = SHED
        self._end(row, SHED, now)
        self._free(row, SHED)

    def _wait_known(self, row: int, now: float) -> None:
        width = self.k.draws_count
        self._wait(row, self.k.draws[:width].tolist(), () if self.k.probes_count else None, now)
        self._free(row, REJECTED)

    def _pick_known(self, row: int, now: float) -> None:
        rows, picks = self.rows, self.k.draws[: self.k.draws_count].tolist()
        slot = self.kernel_balancer.dispatch(rows.dispatcher[row], rows.view[row], picks, rows.key[row], now)
        if slot < 0:
            self._wait(row, picks, () if self.k.probes_count else None, now)
            self._free(row, REJECTED)
            return
        rows.slot[row] = slot
        self._place_known(row, now)

    def _hear_signal(self, _: int, now: float) -> None:
        self.kernel_balancer.hear_signal(now)

    def _place_known(self, row: int, now: float) -> None:
        rows = self.rows
        dispatcher = rows.dispatcher[row]
        self._place(row, rows.slot[row], dispatcher, now)
        if self.k.probes_count:
            self._probe(row, dispatcher, rows.view[row], (), now)

    def _refused(self, row: int, now: float) -> None:
        self._failed(row, REJECTED, now)
        if self.k.probes_count:
            self._probe(row, self.rows.dispatcher[row], self.rows.view[row], (), now)
        self._free(row, REJECTED)

    def _answer_at(self, row: int, now: float) -> None:
        self._hear(row, self.made[int(self.k.numbers[AT_POOL])], now)

    def _happen(self, row: int, now: float) -> None:
        self.made[int(self.k.numbers[AT_POOL])].happens(row, int(self.k.numbers[AT_SERIAL]), now)

    # What the base does by itself under SimPy

    def _send_known(self, block: Block, index: int, row: int, now: float) -> None:
        """A request of another source than the main one."""
        self._of_known(block, index, self.rows.adopt(self.known, row, now), now)

    def _probe(self, row: int, dispatcher: int, view: int, draws: Any, now: float) -> None:
        self.kernel_balancer.send_probes(row, dispatcher, view, now)
