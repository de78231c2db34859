"""A SimPy environment whose heap compares (time, rank, key) and that takes bare callbacks at absolute instants.

SimPy's own events (timeouts, process steps) get the rank CONTROL and, within it, SimPy's order: urgent before normal,
then by serial. A request's events are bare callbacks (`call_at`): no Event object, no list of callbacks, an absolute
instant that no `now + delay` has rounded. This is the hot path of the simulation.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

import simpy
from simpy.core import EmptySchedule, Infinity, StopSimulation
from simpy.events import NORMAL, Event

from sim.runtime.order import CONTROL, KEY_BITS, KEY_MAX

CONTROL_ORDER = CONTROL << KEY_BITS
NORMAL_BIT = 1 << (KEY_BITS - 1)  # normal events come after urgent ones and after keyed control callbacks

Entry = tuple[float, int, int, Callable[[Any], None] | None, Any]


class OrderedEnvironment(simpy.Environment):
    """SimPy with ordered equal instants. `events_count` counts what was dispatched."""

    now: float = 0.0  # a plain attribute over SimPy's property: it is read several times a request

    def __init__(self, initial_time: float = 0.0) -> None:
        super().__init__(initial_time)
        self._heap: list[Entry] = []
        self._serial = 0
        self.events_count = 0
        self.now = initial_time

    def call_at(self, at: float, rank: int, key: int, fn: Callable[[Any], None], arg: Any) -> None:
        """Call `fn(arg)` at the absolute instant `at`; raises ValueError for the past, NaN, or a key over 80 bits."""
        if not at >= self.now:
            raise ValueError(f"call at {at} while it is {self.now}")
        if key > KEY_MAX:
            raise ValueError(f"key {key} has more than {KEY_BITS} bits")
        self._serial = serial = self._serial + 1
        heappush(self._heap, (at, rank << KEY_BITS | key, serial, fn, arg))

    def schedule(self, event: Event, priority: Any = NORMAL, delay: Any = 0) -> None:
        """SimPy's own way in (timeouts, process starts, triggered events)."""
        self.schedule_at(event, self.now + delay, priority)

    def schedule_at(self, event: Event, at: float, priority: Any = NORMAL) -> None:
        """An event at an absolute instant, in SimPy's order."""
        if math.isnan(at) or at < self.now:
            raise ValueError(f"event at {at} while it is {self.now}")
        self._serial = serial = self._serial + 1
        order = CONTROL_ORDER | serial if priority < NORMAL else CONTROL_ORDER | NORMAL_BIT | serial
        heappush(self._heap, (at, order, serial, None, event))

    def peek(self) -> float:
        """Instant of the next event, infinity if there is none."""
        return self._heap[0][0] if self._heap else Infinity

    def step(self) -> None:
        """Dispatch the next event; raises `EmptySchedule` when there is none and a failed event's error."""
        if not self._heap:
            raise EmptySchedule
        at, _, _, fn, arg = heappop(self._heap)
        self.now = self._now = at
        self.events_count += 1
        if fn is None:
            self._dispatch(arg)
        else:
            fn(arg)

    @staticmethod
    def _dispatch(event: Event) -> None:
        callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
        for callback in callbacks:
            callback(event)
        if not event._ok and not hasattr(event, "_defused"):
            failure = event._value
            rebuilt = type(failure)(*failure.args)
            rebuilt.__cause__ = failure
            raise rebuilt

    def run(self, until: Any = None) -> Any:
        """As SimPy's: until there is nothing left, an instant (exclusive), or an event, whose value it gives."""
        if until is not None and not isinstance(until, Event):
            at = float(until)
            if at <= self.now:
                raise ValueError(f"until={at} must be after now={self.now}")
            stop = Event(self)
            stop._ok, stop._value = True, None
            self._serial += 1
            heappush(self._heap, (at, -1, self._serial, None, stop))  # before everything of that instant
            until = stop
        if until is not None:
            if until.callbacks is None:
                return until.value
            until.callbacks.append(StopSimulation.callback)
        heap, dispatch, count = self._heap, self._dispatch, 0
        try:
            while heap:
                at, _, _, fn, arg = heappop(heap)
                self.now = at
                count += 1
                if fn is None:
                    self._now = at
                    dispatch(arg)
                else:
                    fn(arg)
        except StopSimulation as stopped:
            return stopped.args[0]
        finally:
            self._now = self.now
            self.events_count += count
        if until is not None:
            raise RuntimeError(f"no events left, but {until!r} was not triggered")
        return None
