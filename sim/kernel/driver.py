"""A kernel with its memory and its compiled loop: made for a run, given arrivals, enlarged when it is nearly full.

Who drives it in turn with the environment is `sim.kernel.engine` (plain runs), or an engine with attempts that has it
beside its own books. Instants in virtual seconds from the start of load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numba import types

from sim.contracts import Draws
from sim.kernel.advance import ROWS_SPARE, advance, rows_left, safe_steps
from sim.kernel.ahead import BLOCK, COMING, PASSED_MAX
from sim.kernel.clients import Clients, think
from sim.kernel.commands import have_pools
from sim.kernel.feed import KernelFeed, Marked
from sim.kernel.heaps import heaps_steps
from sim.kernel.lower import entry
from sim.kernel.paths import Balancing, compiled_paths
from sim.kernel.queue import Queue, spread_anew
from sim.kernel.state import (
    CHUNK,
    CLIENT,
    FREE_ROW,
    HORIZON_AT,
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
    ROOM,
    SOURCE_ENDED,
    STALE_VIEW,
    UNTIL,
    WANT,
    Batch,
    Chunk,
    Ends,
    Heaps,
    Kernel,
    Lines,
    Pools,
    Probes,
    Rows,
    Uses,
)
from sim.kernel.structs import Structs, type_of
from sim.runtime.plain import Chance

AHEAD_POOLS_MIN = 256  # below, all that a request touches lies in the second cache
STEPS_MAX = 1_000_000  # events a call, so that Ctrl-C and progress work
ROWS_MIN = 1 << 10
CLIENT_PLACES, CLIENT_BLOCK_MIN, CLIENT_BLOCK_MAX = 1 << 16, 16, 512  # requests of clients that are drawn ahead
ROWS_AHEAD_MAX = 20_000_000  # rows made room for at once; more come as they are needed
WHOLE, REAL = types.int64, types.float64
LAST_REQUEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is beside its balancer; `bound` gives names of the kernel their functions (`stream_ended`, ...)."""

    queue_max: int  # who may wait at the balancer
    discipline: str  # fifo, sharing, batching
    hardware: Any = None  # coefficients of a token law
    stream: Any = None  # books of a run whose requests are not kept
    bound: dict[str, Any] = field(default_factory=dict)
    watched: dict[str, Any] | None = None  # of a run with attempts: states of the control plane by name in the kernel
    uses: dict[str, bool] = field(default_factory=dict)  # of such a run
    clients_count: int = 0  # of a closed load


class Driver:
    """The kernel `k` of one run."""

    def __init__(self, balancing: Balancing, draws: Draws, options: Options, slots_max: int) -> None:
        self.balancing, self.options = balancing, options
        discipline, pools_max = options.discipline, slots_max
        fragile = options.watched is not None
        self.structs = Structs()
        self._address: Any = None  # of the struct of `k`; None after a growth
        k = self.k = Kernel()
        k.uses = Uses(
            ahead=pools_max > AHEAD_POOLS_MIN,
            dispatchers=balancing.dispatchers > 1,
            foresees=pools_max > AHEAD_POOLS_MIN and balancing.foresees and balancing.dispatchers == 1,
            fragile=fragile,
            idle_draws=balancing.idle_draws,
            keys=balancing.keyed,
            probes=balancing.probes > 0,
            signals=balancing.probes > 0 or balancing.poll_s is not None,
            sharing=discipline == "sharing",
            tokens=discipline == "batching",
            views=balancing.views > 1,
            **options.uses,
        )
        self.sharing, self.batching = discipline == "sharing", discipline == "batching"
        k.chance = Chance(draws.key)  # type: ignore[attr-defined] # counter-based draws
        k.rows = Rows(ROWS_MIN, k.uses)
        k.pools = Pools(pools_max, slots_max, fragile)
        k.queue = Queue(1024, 1.0)
        k.chunk = Chunk(1, k.uses, balancing.draws)
        k.ends = Ends()
        k.heaps = Heaps(pools_max * (2 if self.batching else 1) if discipline != "fifo" else 1, 64)
        k.batch = Batch(pools_max if self.batching else 1)
        k.hardware = options.hardware
        k.stream = options.stream
        for name, state in (options.watched or {}).items():
            setattr(k, name, state)
        if options.clients_count:
            size = min(max(CLIENT_PLACES // options.clients_count, CLIENT_BLOCK_MIN), CLIENT_BLOCK_MAX)
            k.clients = Clients(options.clients_count, size)
            k.chunk = Chunk(options.clients_count * size, k.uses)
        k.lines = Lines(balancing.views)
        k.probes = Probes(1 << 10 if balancing.probes else 1)
        k.numbers = np.zeros(NUMBERS, dtype=np.int64)
        k.instants = np.zeros(INSTANTS)
        k.numbers[FREE_ROW] = -1
        k.instants[POLL_AT] = INF
        k.instants[POLL_S] = balancing.poll_s or 0.0
        k.instants[PROBE_S] = balancing.probe_s
        k.draws = np.zeros(max(balancing.draws, balancing.probes) + 3)
        k.counts = np.asarray(balancing.books.fleets.items[0].in_flight)
        k.foreseen = np.full(BLOCK, -1, dtype=np.int64)
        k.coming = np.full(COMING, -1, dtype=np.int64)
        k.passed = np.zeros(PASSED_MAX, dtype=np.int64)
        k.passed_at = np.zeros(PASSED_MAX)
        k.targets = np.zeros(max(slots_max, balancing.probes, 1), dtype=np.int64)
        k.draws_count, k.probes_count, k.views_count = balancing.draws, balancing.probes, balancing.views
        k.dispatchers_count, k.central_max = balancing.dispatchers, options.queue_max
        self.feed: KernelFeed | None = None
        self.on_moved: Callable[[], None] | None = None  # hears when columns have moved
        k.paths = compiled_paths(balancing, self.structs)
        self.clients_law: Any = None
        self.bound = {
            "CLIENTS": options.clients_count > 0,
            "SHARING": self.sharing,
            "BATCHING": self.batching,
            **options.bound,
        }
        self._advance = self.entry(advance, WHOLE, REAL, WHOLE, WHOLE, WHOLE, WHOLE)
        self._spread = entry(spread_anew, type_of(k.queue), types.void, (REAL,))

    def entry(self, fn: Any, result: Any, *arguments: Any) -> Any:
        """A function of the kernel for Python, whose first argument is `address`; raises `CannotCompile`."""
        return entry(fn, type_of(self.k), result, arguments, self.bound)

    @property
    def reuses(self) -> bool:
        """Whether rows of requests with attempts are used again."""
        return bool(self.k.uses.reuses)

    @property
    def address(self) -> int:
        """Of the kernel; another one after a growth."""
        if self._address is None:
            self._address = self.structs.of(self.k).address
        return self._address  # type: ignore[no-any-return]

    def load(self, load: Any, draws: Draws, keys: Marked, views: Marked, fates: Any = None) -> None:
        """Take requests from the source of a load."""
        k, law, horizon_s = self.k, load.open, load.horizon_s
        if law is None:
            self.feed = KernelFeed(None, load.service, draws, horizon_s, keys, views, fates)
            self._load_clients(load.closed, draws, horizon_s)
            return
        known = self.options.stream is None and not law.terminating  # a trace may end long before the horizon
        expected = min(law.rate_per_s() * horizon_s, ROWS_AHEAD_MAX) if known else 0.0
        rows_max = max(min(int(1.05 * expected + 6.0 * expected**0.5), ROWS_AHEAD_MAX), ROWS_MIN)  # twice none is none
        self.structs.forget(k.rows)
        k.rows = Rows(rows_max, k.uses)
        self.relocate()
        self.feed = KernelFeed(law, load.service, draws, horizon_s, keys, views, fates)

    def _load_clients(self, law: Any, draws: Draws, horizon_s: float) -> None:
        k = self.k
        self.clients_law = law
        k.instants[HORIZON_AT] = horizon_s
        for client in range(law.clients_count):
            think(k, client, law.think_s(draws, client, 0))

    def go_on(self, until: float, rank: int, key: int = 0) -> int:
        """Advance to before (until, rank, key); gives why it came back, after whatever it could serve itself."""
        request = min(key >> 16, LAST_REQUEST)
        address = self._address or self.address
        reason: int = self._advance(address, until, rank, request, key & 0xFFFF, STEPS_MAX)
        if reason == UNTIL:
            return reason
        if reason == CHUNK:
            self._next_chunk()
        elif reason == STALE_VIEW:
            self.refresh()
        elif reason == ROOM:
            self.grow()
        elif reason == CLIENT:
            assert self.feed is not None
            self.feed.fill_client(self.k, self.clients_law, int(self.k.numbers[WANT]))
        return reason

    def refresh(self) -> None:
        """Let the balancer rebuild the view that a rule asked for."""
        self.balancing.refresh(int(self.k.numbers[WANT]), self.structs)

    def _next_chunk(self) -> None:
        chunk = self.k.chunk
        if self.feed is None or not self.feed.fill(self.k):
            self.k.numbers[SOURCE_ENDED] = 1
        elif self.k.chunk is not chunk:
            self.relocate()

    def grow(self) -> None:
        """Twice the room of whatever is nearly full."""
        k = self.k
        before = (k.rows, k.queue, k.heaps, k.probes)
        rows_max = len(k.rows.request)
        lacking = k.numbers[NEXT_ROW] >= rows_max and (k.numbers[FREE_ROW] < 0 or k.numbers[IN_SYSTEM] >= rows_max)
        if self.reuses:
            lacking = rows_left(k) < ROWS_SPARE
        if lacking:
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
        self.relocate()

    def have_pools(self, count: int) -> None:
        """Room for so many pools."""
        if len(self.k.pools.present) < count:
            for old in have_pools(self.k, count):
                self.structs.forget(old)
            self.relocate()

    def reserve(self) -> None:
        """Make room for one step that Python takes."""
        while safe_steps(self.k) <= 0:
            self.grow()

    def release(self) -> None:
        """The run is over and its table made: the memory of the rows serves who asks next."""
        k = self.k
        self.structs.forget(k.rows)
        k.rows = Rows(1, k.uses)
        self.relocate()

    def relocate(self) -> None:
        """The kernel's struct anew, since columns have moved."""
        self.structs.forget(self.k)
        self._address = None
        if self.on_moved is not None:
            self.on_moved()
