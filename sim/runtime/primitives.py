"""Waiting, written once for both runtimes: a flag that is set once, and a bounded queue.

Both stand on a `Parking`, the place where one task waits until it is woken; the virtual runtime makes it of a SimPy
event, the live one of an asyncio future. Waiters are served in the order they came: what becomes free is promised to
the one that is woken, so that nobody who comes later takes it first, and a cancelled waiter passes its promise on.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Generator
from typing import Any, Protocol


class Parking(Protocol):
    """Where one task waits; it is woken once at most, and nothing happens if its task was cancelled meanwhile."""

    def wake(self) -> None: ...
    def __await__(self) -> Generator[Any, Any, Any]: ...


Waiters = OrderedDict[Parking, None]


class Flag:
    """A flag set once, with a value; implements `sim.contracts.Event`."""

    def __init__(self, park: Callable[[], Parking]) -> None:
        self._park = park
        self._waiters: Waiters = OrderedDict()
        self._set = False
        self._value: Any = None

    def is_set(self) -> bool:
        """True once `set` was called."""
        return self._set

    def set(self, value: Any = None) -> None:
        """Wake all that wait, in the order they came; setting it again does nothing, the first value stays."""
        if not self._set:
            self._set, self._value = True, value
            while self._waiters:
                self._waiters.popitem(last=False)[0].wake()

    async def wait(self) -> Any:
        """The value that was set; at once if it is set already."""
        if not self._set:
            parking = self._park()
            self._waiters[parking] = None
            try:
                await parking
            finally:
                self._waiters.pop(parking, None)
        return self._value


class Turns:
    """Waiters in a row; `promised_count` of them were woken and have not run yet."""

    def __init__(self, park: Callable[[], Parking]) -> None:
        self._park = park
        self._waiters: Waiters = OrderedDict()
        self.promised_count = 0

    async def take(self) -> None:
        """Wait for a promise and take it; raises what cancels the wait, after giving a promise back."""
        parking = self._park()
        self._waiters[parking] = None
        try:
            await parking
        except BaseException:
            if parking in self._waiters:
                del self._waiters[parking]
            else:
                self.promised_count -= 1
            raise
        self.promised_count -= 1

    def promise(self) -> None:
        """Wake the first waiter, if there is one."""
        if self._waiters:
            self.promised_count += 1
            self._waiters.popitem(last=False)[0].wake()


class BoundedQueue:
    """First in, first out, never more than `items_max` items; implements `sim.contracts.Queue`."""

    def __init__(self, park: Callable[[], Parking], items_max: int) -> None:
        if items_max < 1:
            raise ValueError(f"items_max={items_max}: a queue holds at least 1 item")
        self.items_max = items_max
        self._items: deque[Any] = deque()
        self._getters = Turns(park)  # what is promised is an item
        self._putters = Turns(park)  # what is promised is a free place

    def __len__(self) -> int:
        return len(self._items)

    def put_nowait(self, item: Any) -> bool:
        """Add an item; False when the queue is full, or its free places are promised to those that waited."""
        if len(self._items) + self._putters.promised_count >= self.items_max:
            return False
        self._items.append(item)
        self._offer_item()
        return True

    async def put(self, item: Any) -> None:
        """Add an item, waiting for room."""
        if not self.put_nowait(item):
            try:
                await self._putters.take()
            except BaseException:
                self._offer_room()
                raise
            self._items.append(item)
            self._offer_item()

    async def get(self) -> Any:
        """Take the oldest item, waiting for one."""
        if len(self._items) <= self._getters.promised_count:
            try:
                await self._getters.take()
            except BaseException:
                self._offer_item()
                raise
        item = self._items.popleft()
        self._offer_room()
        return item

    def _offer_item(self) -> None:
        if len(self._items) > self._getters.promised_count:
            self._getters.promise()

    def _offer_room(self) -> None:
        if len(self._items) + self._putters.promised_count < self.items_max:
            self._putters.promise()
