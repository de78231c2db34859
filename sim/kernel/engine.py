"""The compiled engine as the world knows an engine: it drives the environment and the kernel in turn.

Between two events of the environment (heartbeats, loops of the control plane) the kernel moves the requests; whatever
needs Python brings it back. Instants in virtual seconds from the start of load.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import types

from sim.contracts import Draws
from sim.kernel.advance import advance
from sim.kernel.columns import KernelColumns
from sim.kernel.feed import KernelFeed, Marked
from sim.kernel.heaps import heaps_steps
from sim.kernel.lower import entry
from sim.kernel.paths import Balancing, compiled_paths
from sim.kernel.pool import KernelPool
from sim.kernel.queue import Queue, spread_anew
from sim.kernel.requests import integrate_central
from sim.kernel.state import (
    ARRIVALS,
    CENTRAL_AREA_S,
    CHUNK,
    CLOSED,
    EMPTY,
    EVENTS,
    FREE_ROW,
    IN_SYSTEM,
    INF,
    INSTANTS,
    NEXT_ROW,
    NOW,
    NUMBERS,
    POLL_AT,
    POLL_S,
    PROBE_S,
    PROBES_FROM,
    PROBES_TO,
    PULL_AT,
    PULL_DUE,
    ROOM,
    SOURCE_ENDED,
    STALE_VIEW,
    UNTIL,
    WAITING,
    WANT,
    Batch,
    Chunk,
    Heaps,
    Kernel,
    Lines,
    Pools,
    Probes,
    Rows,
    Uses,
)
from sim.kernel.structs import Structs, type_of
from sim.runtime.order import CONTROL
from sim.runtime.plain import Chance
from sim.runtime.virtual import OrderedEnvironment

STEPS_MAX = 1_000_000  # events a call, so that Ctrl-C and progress work
ROWS_MIN = 1 << 10
ROWS_AHEAD_MAX = 20_000_000  # rows made room for at once; more come as they are needed


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is beside its balancer; `bound` gives names of the kernel their functions (`stream_ended`, ...)."""

    queue_max: int  # who may wait at the balancer
    discipline: str  # fifo, sharing, batching
    hardware: Any = None  # coefficients of a token law
    stream: Any = None  # books of a run whose requests are not kept
    bound: dict[str, Any] = field(default_factory=dict)


class CompiledEngine:
    """`pools[slot]` is kept by the world, as for the engine of SimPy."""

    def __init__(
        self, env: OrderedEnvironment, balancing: Balancing, draws: Draws, options: Options, slots_max: int
    ) -> None:
        self.env, self.balancing, self.options = env, balancing, options
        discipline, pools_max = options.discipline, slots_max
        self.done = env.event()
        self.pools: list[KernelPool] = []
        self.structs = Structs()
        k = self.k = Kernel()
        k.uses = Uses(
            dispatchers=balancing.dispatchers > 1,
            idle_draws=balancing.idle_draws,
            keys=balancing.keyed,
            probes=balancing.probes > 0,
            signals=balancing.probes > 0 or balancing.poll_s is not None,
            sharing=discipline == "sharing",
            tokens=discipline == "batching",
            views=balancing.views > 1,
        )
        self.sharing, self.batching = discipline == "sharing", discipline == "batching"
        k.chance = Chance(draws.key)  # type: ignore[attr-defined] # counter-based draws
        k.rows = Rows(ROWS_MIN, k.uses)
        k.pools = Pools(pools_max, slots_max)
        k.queue = Queue(1024, 1.0)
        k.chunk = Chunk(1, k.uses)
        k.heaps = Heaps(pools_max * (2 if self.batching else 1) if discipline != "fifo" else 1, 64)
        k.batch = Batch(pools_max if self.batching else 1)
        k.hardware = options.hardware
        k.stream = options.stream
        k.lines = Lines(balancing.views)
        k.probes = Probes(1 << 10 if balancing.probes else 1)
        k.numbers = np.zeros(NUMBERS, dtype=np.int64)
        k.instants = np.zeros(INSTANTS)
        k.numbers[FREE_ROW] = -1
        k.instants[POLL_AT] = INF
        k.instants[POLL_S] = balancing.poll_s or 0.0
        k.instants[PROBE_S] = balancing.probe_s
        k.draws = np.zeros(max(balancing.draws, balancing.probes) + 2)
        k.targets = np.zeros(max(slots_max, balancing.probes, 1), dtype=np.int64)
        k.draws_count, k.probes_count, k.views_count = balancing.draws, balancing.probes, balancing.views
        k.dispatchers_count, k.central_max = balancing.dispatchers, options.queue_max
        self.columns = KernelColumns(k, balancing.types > 1)
        self._pools_made = 0
        self.feed: KernelFeed | None = None
        self._compile()

    # What the world asks

    def make_pool(self, place: Any, *_: Any) -> KernelPool:
        """A pool of agents, a row of the kernel's columns."""
        pool = KernelPool(self.k, self._pools_made, place)
        self._pools_made += 1
        return pool

    @property
    def arrivals_count(self) -> int:
        """Requests that have come."""
        return int(self.k.numbers[ARRIVALS])

    @property
    def in_system(self) -> int:
        """Requests that have come and not left."""
        return int(self.k.numbers[IN_SYSTEM])

    @property
    def waiting_count(self) -> int:
        """Requests that wait at the balancer."""
        return int(self.k.numbers[WAITING])

    @property
    def central_area_s(self) -> float:
        """Their integral over time."""
        return float(self.k.instants[CENTRAL_AREA_S])

    def membership_changed(self) -> None:
        """Who waits is sent on once all changes of this instant are known."""
        self.k.numbers[PULL_DUE] = 1
        self.k.instants[PULL_AT] = self.env.now

    def load(self, law: Any, service: Any, draws: Draws, horizon_s: float, keys: Marked, views: Marked) -> None:
        """Take requests from an open source."""
        known = self.options.stream is None and not law.terminating  # a trace may end long before the horizon
        expected = min(law.rate_per_s() * horizon_s, ROWS_AHEAD_MAX) if known else 0.0
        rows_max = min(int(1.05 * expected + 6.0 * expected**0.5) + ROWS_MIN, ROWS_AHEAD_MAX)
        self.k.rows = Rows(rows_max, self.k.uses)
        self.feed = KernelFeed(law, service, draws, horizon_s, keys, views)

    def start(self, horizon_s: float, drain_s: float) -> None:
        """Arm the end of arrivals, the end of draining, and the polls."""
        self.env.call_at(horizon_s, CONTROL, 0, self._close_arrivals, None)
        self.env.call_at(horizon_s + drain_s, CONTROL, 1, self._stop, None)
        if self.balancing.poll_s is not None:
            self.k.instants[POLL_AT] = 0.0

    def _compile(self) -> None:
        """The balancer's paths and the loop, from the cache where they are in it; raises `CannotCompile`."""
        k = self.k
        k.paths = compiled_paths(self.balancing, self.structs)
        bound = {"SHARING": self.sharing, "BATCHING": self.batching, **self.options.bound}
        arguments = (types.float64, types.int64, types.int64)
        self._advance = entry(advance, type_of(k), types.int64, arguments, bound)
        self._spread = entry(spread_anew, type_of(k.queue), types.void, (types.float64,))

    def run(self) -> None:
        """Until everything is answered or drained."""
        env, k, done = self.env, self.k, self.done
        while not done.triggered:
            at, rank = env.head()
            reason = self._advance(self.structs.of(k).address, at, rank, STEPS_MAX)
            if reason == UNTIL:
                env.step()
            elif reason == CHUNK:
                self._next_chunk()
            elif reason == STALE_VIEW:
                self.balancing.refresh(int(k.numbers[WANT]), self.structs)
            elif reason == ROOM:
                self._grow()
            elif reason == EMPTY:
                env.now = max(env.now, float(k.instants[NOW]))
                done.succeed()
        env.run(until=done)
        env.events_count += int(k.numbers[EVENTS])

    def close(self, now: float) -> None:
        """Integrate what waits here up to the end."""
        integrate_central(self.k, now)

    # Inside

    def _close_arrivals(self, _: None) -> None:
        self.k.numbers[CLOSED] = 1

    def _stop(self, _: None) -> None:
        if not self.done.triggered:
            self.done.succeed()

    def _next_chunk(self) -> None:
        assert self.feed is not None
        chunk = self.k.chunk
        if not self.feed.fill(self.k):
            self.k.numbers[SOURCE_ENDED] = 1
        elif self.k.chunk is not chunk:
            self._relocate()

    def _grow(self) -> None:
        """Twice the room of whatever is nearly full."""
        k = self.k
        before = (k.rows, k.queue, k.heaps, k.probes)
        rows_max = len(k.rows.request)
        if k.numbers[NEXT_ROW] >= rows_max and (k.numbers[FREE_ROW] < 0 or k.numbers[IN_SYSTEM] >= rows_max):
            k.rows = k.rows.grown()
        if len(k.queue.at) - k.queue.numbers[0] < 8:
            k.queue = k.queue.grown()
            self._spread(self.structs.of(k.queue).address, float(k.instants[NOW]))
        while (self.sharing or self.batching) and not heaps_steps(k.heaps):
            k.heaps = k.heaps.grown()
        if k.numbers[PROBES_TO] - k.numbers[PROBES_FROM] + k.probes_count > len(k.probes.at):
            k.probes = k.probes.grown(int(k.numbers[PROBES_FROM]), int(k.numbers[PROBES_TO]))
        for old, new in zip(before, (k.rows, k.queue, k.heaps, k.probes), strict=True):
            if new is not old:
                self.structs.forget(old)
        self._relocate()

    def _relocate(self) -> None:
        """The kernel's struct anew, since columns have moved."""
        self.structs.forget(self.k)
