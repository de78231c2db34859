"""An environment that permutes what happens at one instant: a storm's way to find code that leans on an order.

Ranks keep their order (a finish beats its deadline, a fault comes first), so that only what no rule decides moves:
within a rank the keys of requests and places go through a keyed hash of 64 bits (the finalizer of SplitMix64; Steele,
Lea, Flood 2014), and tasks that are ready at once take their steps in an order drawn from their serials. The
parts of a key that are a rule stay: the attempt of a request, and the occurrence and phase of a fault at its place.
After `events_max` events it raises `Livelock`: a run that never ends says so.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappush
from typing import Any

from simpy.events import NORMAL, Event

from sim.errors import SimError
from sim.runtime.environment import NORMAL_KEY, OrderedEnvironment
from sim.runtime.order import CONTROL, FAULT, KEY_MAX

MASK = (1 << 64) - 1
PLACE_SHIFT = 26  # of a fault's key: occurrence (24) and phase (2) below
ATTEMPT_SHIFT = 16
EVENTS_MAX = 5_000_000


class Livelock(SimError):
    """More events than a run of this size can need."""

    def __init__(self, at: float, events_max: int) -> None:
        super().__init__(at, events_max)
        self.at, self.events_max = at, events_max

    def __str__(self) -> str:
        return f"more than {self.events_max:,} events by {self.at:g} s: something goes round without end"


class ShuffledEnvironment(OrderedEnvironment):
    """As its parent; `word` 0 keeps its order, and only counts events."""

    def __init__(self, word: int = 0, events_max: int = EVENTS_MAX) -> None:
        super().__init__()
        self.word, self.events_max = word & MASK, events_max

    def call_at(self, at: float, rank: int, key: int, fn: Callable[[Any], None], arg: Any) -> None:
        """As its parent, with the key moved within its rank."""
        serial = self._serial
        if serial >= self.events_max:
            raise Livelock(self.now, self.events_max)
        if not (at >= self.now and 0 <= key <= KEY_MAX):
            super().call_at(at, rank, key, fn, arg)  # raises
        if self.word and rank != CONTROL and key <= MASK:
            key = self._moved(rank, key)
        self._serial = serial = serial + 1
        heappush(self._heap, (at, rank, key, serial, fn, arg))

    def schedule(self, event: Event, priority: Any = NORMAL, delay: Any = 0) -> None:
        """As its parent; tasks that are ready at one instant step in an order of their own."""
        self._count()
        if not self.word or priority != NORMAL:
            super().schedule(event, priority, delay)
            return
        if not delay >= 0:
            raise ValueError(f"delay {delay}: accepted is a duration >= 0")
        self._push(self.now + delay, CONTROL, NORMAL_KEY, event)

    def _push(self, at: float, rank: int, key: int, event: Event) -> None:
        self._serial = serial = self._serial + 1
        heappush(self._heap, (at, rank, key, mixed(serial ^ self.word) if self.word else serial, None, event))

    def _moved(self, rank: int, key: int) -> int:
        shift = PLACE_SHIFT if rank == FAULT else ATTEMPT_SHIFT
        place = mixed(key >> shift ^ self.word) >> shift - ATTEMPT_SHIFT  # a key has 80 bits
        return place << shift | key & ((1 << shift) - 1)

    def _count(self) -> None:
        if self._serial >= self.events_max:
            raise Livelock(self.now, self.events_max)


def mixed(word: int) -> int:
    """A bijection of 64-bit words."""
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & MASK
    word = (word ^ word >> 27) * 0x94D049BB133111EB & MASK
    return word ^ word >> 31
