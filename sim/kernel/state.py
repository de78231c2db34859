"""What a run of the compiled engine is made of: columns over rows (attempts), over pools, and a few numbers.

All that changes stands in arrays, so that Python and compiled code look at the same memory at any time. A column that
a run does not need has one entry. Instants in virtual seconds from the start of load, NaN until they happen.
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np

from sim.kernel.fields import Fields
from sim.kernel.queue import Queue
from sim.kernel.records import copied_records, lay_records
from sim.runtime.plain import Chance

NAN, INF = float("nan"), float("inf")

# Of `Kernel.numbers`
(ARRIVALS, IN_SYSTEM, WAITING, TURNS, CLOSED, NEXT_ROW, FREE_ROW, CHUNK_AT, CHUNK_END, CHUNK_FIRST, EVENTS, POLL_TICK,
 PULL, PULL_DUE, PROBES_FROM, PROBES_TO, WANT, SOURCE_ENDED, AT_ROW, AT_POOL, AT_SERIAL, LATE, ANSWERED, BROKEN,
 FREE_ROWS, THINKING, PICKED, ENDED, PASSED, WARMING, NUMBERS) = range(31)  # fmt: skip
# Of `Kernel.instants`
NOW, CENTRAL_AREA_S, CENTRAL_AT, POLL_AT, POLL_S, PROBE_S, PULL_AT, HORIZON_AT, INSTANTS = range(9)
# Why `advance` came back
UNTIL, CHUNK, STALE_VIEW, ROOM, EMPTY, STEPS = range(6)
# ... and, with attempts, what of the attempt `numbers[AT_ROW]` is Python's to do (`sim.kernel.watched`)
SHED_ROW, WAIT_ROW, PLACE_ROW, REFUSED_ROW, ANSWER_ROW, POOL_EVENT, WENT_ON = range(6, 13)
PICK_ROW, SIGNAL = 14, 15  # within a slow start: the pick of that attempt, a poll or the answer of a probe
CLIENT = 13  # the next requests of client `numbers[WANT]` are not known yet (`sim.kernel.clients`)

ENDS_MAX = 256  # ends that are told together: a loop of its own, over what the first cache holds
# One cache line a row: what every run has
ROW = {
    "request": np.int64, "arrived_at": np.float64, "started_at": np.float64, "finished_at": np.float64,
    "sent_at": np.float64, "work_s": np.float64, "node": np.int32, "pool": np.int32, "link": np.int32,
    "attempt": np.int16, "status": np.int8, "by_hand": np.int8,
}  # fmt: skip
# The first line of a pool has what every event of a pool without sharing touches
POOL = {
    "last_at": np.float64, "area_present_s": np.float64, "area_busy_s": np.float64, "work_done_s": np.float64,
    "speed": np.float64, "present": np.int32, "in_service": np.int32, "agents": np.int32, "waiting": np.int32,
    "first": np.int32, "last": np.int32, "queue_max": np.int64, "arrived": np.int64, "answered": np.int64,
    "refused": np.int64, "armed": np.int64, "virtual_s": np.float64, "node": np.int32, "slot": np.int32,
    "generation": np.int32, "agent_type": np.int32,
}  # fmt: skip

# What only pools that may be struck keep: of an attempt, half a line (`finish_at`, `armed`: fifo, the finish that
# counts) ...
FRAGILE_ROW = {
    "placed_at": np.float64, "left_at": np.float64, "finish_at": np.float64, "armed": np.int32, "slot": np.int32,
}  # fmt: skip
# ... and of a pool (`by_hand`: its events are Python's)
FRAGILE_POOL = {
    "area_work_s": np.float64, "dropped": np.int64, "paused": np.int32, "down": np.int32, "by_hand": np.int32,
}  # fmt: skip


class Rows(Fields):
    """One row an attempt, filled by `requests.new_row`. `link` chains those that wait in a line, and the free ones.

    `over` is 1 where a plain attempt has ended for good: timers pass 64 of them in one cache line, not in 64.
    """

    __slots__ = ("armed", "arrived_at", "attempt", "by_hand", "dispatcher", "finish_at", "finished_at",
                 "first_token_at", "key", "left_at", "link", "node", "of_view", "output_tokens", "over", "placed_at",
                 "pool", "priority", "prompt_tokens", "request", "rif", "sent_at", "single", "slot", "started_at",
                 "status", "work_s")  # fmt: skip

    def __init__(self, rows_max: int, uses: Uses) -> None:
        def column(used: bool, dtype: Any, value: Any) -> Any:
            return np.full(rows_max if used else 1, value, dtype=dtype)

        lay_records(self, rows_max, ROW, cleared=False)
        lay_records(self, rows_max if uses.fragile else 1, FRAGILE_ROW, cleared=False)
        self.dispatcher = column(uses.dispatchers, np.int32, 0)
        self.key = column(uses.keys, np.int64, 0)
        self.rif = column(uses.probes, np.int32, 0)
        self.of_view = column(uses.fragile and uses.views, np.int32, 0)
        self.priority = column(uses.fragile and uses.priorities, np.int8, 0)
        self.single = column(uses.fragile and uses.singles, np.int8, 0)
        self.over = column(uses.fragile and not uses.reuses, np.int8, 0)
        self.first_token_at = column(uses.tokens, np.float64, NAN)
        self.prompt_tokens = column(uses.tokens, np.int32, 0)
        self.output_tokens = column(uses.tokens, np.int32, 0)

    def grown(self) -> Rows:
        """The same rows with room for twice as many."""
        rows = copy(self)
        old = len(self.request)
        lay_records(rows, 2 * old, ROW, cleared=False)
        copied_records(self, rows, ROW)
        if len(self.armed) == old:
            lay_records(rows, 2 * old, FRAGILE_ROW, cleared=False)
            copied_records(self, rows, FRAGILE_ROW)
        for name in self.__slots__:
            column = getattr(self, name)
            if name not in ROW and name not in FRAGILE_ROW and len(column) == old:
                empty = NAN if column.dtype == np.float64 else 0
                setattr(rows, name, np.concatenate([column, np.full(old, empty, dtype=column.dtype)]))
        return rows


class Uses(Fields):
    """Which columns and steps a run needs; 0 or 1 each."""

    __slots__ = ("admission", "admission_draws", "ahead", "breaks", "dispatchers", "drops", "foresees", "fragile",
                 "fresh", "hub", "idle_draws", "keys", "learns", "pokes", "priorities", "probes", "reuses", "sharing",
                 "signals", "singles", "tokens", "views")  # fmt: skip

    def __init__(self, **uses: bool) -> None:
        for name in self.__slots__:
            setattr(self, name, int(uses.get(name, False)))


class Pools(Fields):
    """One row a pool (agents of one type on one node), in the order of their making."""

    __slots__ = ("agent_type", "agents", "answered", "area_busy_s", "area_present_s", "area_work_s", "armed", "arrived",
                 "by_hand", "down", "dropped", "first", "generation", "in_service", "last", "last_at", "node",
                 "of_slot", "paused", "present", "queue_max", "read_s", "refused", "slot", "speed", "virtual_s",
                 "waiting", "work_done_s")  # fmt: skip

    def __init__(self, pools_max: int, slots_max: int, fragile: bool = False) -> None:
        lay_records(self, pools_max, POOL, {"slot": -1, "first": -1, "last": -1})
        lay_records(self, pools_max if fragile else 1, FRAGILE_POOL)
        self.of_slot = np.full(slots_max, -1, dtype=np.int64)
        self.read_s = np.zeros(pools_max if fragile else 1)  # what Python reads of all pools at once

    def grown(self) -> Pools:
        """The same pools with room for twice as many: nodes come and go, and their books stay."""
        old = len(self.present)
        fragile = len(self.paused) == old
        pools = Pools(2 * old, len(self.of_slot), fragile)
        copied_records(self, pools, POOL)
        if fragile:
            copied_records(self, pools, FRAGILE_POOL)
        pools.of_slot[:] = self.of_slot
        return pools


class Chunk(Fields):
    """Requests that are known ahead: consecutive ordinals from `numbers[CHUNK_FIRST]` on.

    Draw d of the pick of request number i of the chunk is `picks[d * len(at) + i]` (`sim.kernel.told`); `drawn` is the
    same memory as a column, whose index is never negative: what writes it is done for several at once.
    """

    __slots__ = ("at", "drawn", "key", "of_view", "output_tokens", "picks", "priority", "prompt_tokens", "single",
                 "work_s")  # fmt: skip

    handed = ("of_view", "picks")

    def __init__(self, length: int, uses: Uses, draws: int = 0) -> None:
        self.picks = self.drawn = np.zeros(max(draws + draws % 2, 1) * length)  # draws come in pairs
        self.at = np.zeros(length)
        self.work_s = np.zeros(length)
        self.of_view = np.zeros(length if uses.views else 1, dtype=np.int64)
        self.key = np.zeros(length if uses.keys else 1, dtype=np.int64)
        self.priority = np.zeros(length if uses.priorities else 1, dtype=np.int64)
        self.single = np.zeros(length if uses.singles else 1, dtype=np.int64)
        self.prompt_tokens = np.zeros(length if uses.tokens else 1, dtype=np.int64)
        self.output_tokens = np.zeros(length if uses.tokens else 1, dtype=np.int64)


class Ends(Fields):
    """Requests that have ended and of whom the books of a streamed run have not heard yet."""

    __slots__ = ("arrived_at", "attempts", "finished_at", "started_at", "status", "work_s")

    def __init__(self) -> None:
        lay_records(self, ENDS_MAX, dict.fromkeys(("arrived_at", "started_at", "finished_at", "work_s"), np.float64))
        self.status = np.zeros(ENDS_MAX, dtype=np.int8)
        self.attempts = np.zeros(ENDS_MAX, dtype=np.int32)


class Probes(Fields):
    """Probes on their way: a ring in order of (at, request, number)."""

    __slots__ = ("at", "dispatcher", "number", "of_view", "request", "slot")

    def __init__(self, probes_max: int) -> None:
        self.at = np.zeros(probes_max)
        for name in ("dispatcher", "number", "of_view", "request", "slot"):
            setattr(self, name, np.zeros(probes_max, dtype=np.int64))

    def grown(self, first: int, end: int) -> Probes:
        """The same probes, numbers first..end - 1, in a ring of twice the size."""
        probes = Probes(2 * len(self.at))
        old, new = len(self.at) - 1, len(probes.at) - 1
        for number in range(first, end):
            for name in self.__slots__:
                getattr(probes, name)[number & new] = getattr(self, name)[number & old]
        return probes


class Lines(Fields):
    """Who waits at the balancer, one line a view: first and last row, by view."""

    __slots__ = ("first", "last")

    def __init__(self, views: int) -> None:
        self.first = np.full(views, -1, dtype=np.int64)
        self.last = np.full(views, -1, dtype=np.int64)


class Heaps(Fields):
    """Binary heaps of (tag, row), heap h in `tag[start[h] : start[h] + room[h]]`; the arena grows at its end."""

    __slots__ = ("count", "room", "row", "start", "tag", "used", "widest")

    def __init__(self, heaps: int, room: int) -> None:
        self.count = np.zeros(heaps, dtype=np.int64)
        self.room = np.full(heaps, room, dtype=np.int64)
        self.start = np.arange(heaps, dtype=np.int64) * room
        self.used = np.array([heaps * room], dtype=np.int64)
        self.widest = np.array([room], dtype=np.int64)
        self.tag = np.zeros(max(4 * heaps * room, 1024))
        self.row = np.zeros(len(self.tag), dtype=np.int64)

    def of_more_pools(self, room: int) -> Heaps:
        """The same heaps and as many empty ones of `room` more."""
        more = len(self.count)
        heaps, used = copy(self), int(self.used[0])
        heaps.count = np.concatenate([self.count, np.zeros(more, dtype=np.int64)])
        heaps.room = np.concatenate([self.room, np.full(more, room, dtype=np.int64)])
        heaps.start = np.concatenate([self.start, used + np.arange(more, dtype=np.int64) * room])
        heaps.used = np.array([used + more * room], dtype=np.int64)
        lacking = max(used + 2 * more * room - len(self.tag), 0)
        heaps.tag = np.concatenate([self.tag, np.zeros(lacking)])
        heaps.row = np.concatenate([self.row, np.zeros(lacking, dtype=np.int64)])
        return heaps

    def grown(self) -> Heaps:
        """The same heaps in an arena of twice the size."""
        heaps = copy(self)
        heaps.tag = np.concatenate([self.tag, np.zeros(len(self.tag))])
        heaps.row = np.concatenate([self.row, np.zeros(len(self.row), dtype=np.int64)])
        return heaps


class Batch(Fields):
    """Clocks and context of continuous batching, by pool."""

    __slots__ = ("context", "decode_rate", "decoded", "prefilled_s", "start_marks")

    def __init__(self, pools_max: int) -> None:
        self.context = np.zeros(pools_max, dtype=np.int64)
        for name in ("decode_rate", "decoded", "prefilled_s", "start_marks"):
            setattr(self, name, np.zeros(pools_max))

    def grown(self) -> Batch:
        """The same with room for twice as many pools."""
        old = len(self.context)
        batch = Batch(2 * old)
        for name in self.__slots__:
            getattr(batch, name)[:old] = getattr(self, name)
        return batch


class Paths(Fields):
    """The balancer's hot calls, behind pointers; `books` is the address of its books."""

    __slots__ = (
        "books",
        "complete",
        "dispatch",
        "elsewhere",
        "foreseen",
        "poll",
        "probe_answer",
        "probe_targets",
        "record",
        "refused",
    )


class Kernel(Fields):
    """Everything of a run."""

    __slots__ = ("admission", "batch", "budget", "central_max", "chance", "chunk", "clients", "coming",
                 "counts", "dispatchers_count", "draws", "draws_count", "ends", "foreseen", "hardware", "heaps", "hub",
                 "instants", "lines", "numbers", "passed", "passed_at", "paths", "pools", "probes", "probes_count",
                 "queue", "rows", "stream", "targets", "uses", "views_count")  # fmt: skip

    handed = ("draws", "foreseen", "targets")
    chance: Chance
    queue: Queue
    rows: Rows
    pools: Pools
