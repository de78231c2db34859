"""A SimPy environment whose heap compares (time, rank, key) and that takes bare callbacks at absolute instants.

SimPy's own events (timeouts, process steps) have the rank CONTROL and SimPy's order among themselves: by priority, then
by serial; urgent ones come before the keyed control callbacks of their instant, normal ones after. What a request does
is a bare callback (`call_at`): no Event object, no list of callbacks, an instant that no `now + delay` has rounded.
This is the hot path of the simulation (about .6 us a callback, where a SimPy timeout takes 1 us).
An `Alarm` that nobody waits for any more is dropped: it neither moves the clock nor stays in the heap.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from typing import Any

import simpy
from simpy.core import EmptySchedule, Infinity, StopSimulation
from simpy.events import NORMAL, PENDING, Event

from sim.runtime.order import CONTROL, KEY_MAX

# at, rank, key, serial, fn and its argument, or None and an event
Entry = tuple[float, int, int, int, Callable[[Any], None] | None, Any]

NORMAL_KEY = KEY_MAX + 1  # after all keyed callbacks of its rank
DEAD_MIN = 64  # a heap with fewer dead alarms is not worth compacting (asyncio's loop uses 100)


class OrderedEnvironment(simpy.Environment):
    """SimPy with ordered equal instants. `events_count` counts what was dispatched, up to the end of the last `run`."""

    now: float = 0.0  # a plain attribute over SimPy's property: it is read several times a request

    def __init__(self, initial_time: float = 0.0) -> None:
        super().__init__(initial_time)
        self.now = float(initial_time)
        self.events_count = 0
        self._heap: list[Entry] = []  # only ever changed in place: the running loop holds it
        self._serial = 0
        self._dead_count = 0

    def call_at(self, at: float, rank: int, key: int, fn: Callable[[Any], None], arg: Any) -> None:
        """Call `fn(arg)` at the absolute instant `at`; raises ValueError for the past, NaN, or a bad key."""
        if at >= self.now and 0 <= key <= KEY_MAX:
            self._serial = serial = self._serial + 1
            heappush(self._heap, (at, rank, key, serial, fn, arg))
        else:
            raise ValueError(f"call at {at} with key {key}: accepted is an instant >= now={self.now}, 0 <= key < 2**80")

    def schedule(self, event: Event, priority: Any = NORMAL, delay: Any = 0) -> None:
        """SimPy's own way in (timeouts, process starts, triggered events); raises ValueError for a delay < 0 or NaN."""
        if not delay >= 0:
            raise ValueError(f"delay {delay}: accepted is a duration >= 0")
        key = NORMAL_KEY if priority == NORMAL else priority - 1 if priority < NORMAL else KEY_MAX + priority
        self._serial = serial = self._serial + 1
        heappush(self._heap, (self.now + delay, CONTROL, key, serial, None, event))

    def alarm(self, at: float, rank: int = CONTROL) -> Alarm:
        """An event at an absolute instant, after what is keyed in its rank; infinity is never.

        Raises ValueError for the past and for NaN.
        """
        if not at >= self.now:
            raise ValueError(f"alarm at {at}: accepted is an instant >= now={self.now}")
        alarm = Alarm(self)
        if at == Infinity:
            alarm.dead = True  # it never goes off
        else:
            self._serial = serial = self._serial + 1
            heappush(self._heap, (at, rank, NORMAL_KEY, serial, None, alarm))
        return alarm

    def peek(self) -> float:
        """Instant of the next event, infinity if there is none."""
        heap = self._heap
        while heap and _is_dead(heap[0][5]):
            heappop(heap)
            self._dead_count -= 1
        return heap[0][0] if heap else Infinity

    def head(self) -> tuple[float, int]:
        """Instant and rank of the next event, (infinity, 0) if there is none."""
        return self.head_key()[:2]

    def head_key(self) -> tuple[float, int, int]:
        """Instant, rank and key of the next event, (infinity, 0, 0) if there is none."""
        heap = self._heap
        while heap:
            first = heap[0]
            arg = first[5]
            if type(arg) is not Alarm or not arg.dead:
                return first[:3]
            heappop(heap)
            self._dead_count -= 1
        return Infinity, 0, 0

    def step(self) -> None:
        """Dispatch the next event; raises `EmptySchedule` when there is none, and a failed event's error."""
        heap = self._heap
        while heap:
            at, _, _, _, fn, arg = heappop(heap)
            if fn is not None:
                self.now = at
                self.events_count += 1
                fn(arg)
                return
            if type(arg) is not Alarm or not arg.dead:
                self.now = at
                self.events_count += 1
                self._dispatch(arg)
                return
            self._dead_count -= 1
        raise EmptySchedule

    def step_instant(self, rank_max: int, done: Event) -> None:
        """As `step`, then whatever else of that very instant has a rank up to `rank_max`, until `done` has happened."""
        self.step()
        heap, now = self._heap, self.now
        while heap and done._value is PENDING:
            first = heap[0]
            if first[0] != now or first[1] > rank_max:
                return
            heappop(heap)
            fn, arg = first[4:]
            if fn is not None:
                self.events_count += 1
                fn(arg)
            elif type(arg) is not Alarm or not arg.dead:
                self.events_count += 1
                self._dispatch(arg)
            else:
                self._dead_count -= 1

    def run(self, until: Any = None) -> Any:
        """As SimPy's: until nothing is left, up to an instant (exclusive), or until an event, whose value it gives.

        Raises ValueError for an instant that is not after now, RuntimeError when nothing is left before the event
        happened, and the error of a failed event that nobody handles.
        """
        event = until if until is None or isinstance(until, Event) else self._stop_at(float(until))
        if event is not None:
            if event.callbacks is None:
                return event.value
            event.callbacks.append(StopSimulation.callback)
        try:
            self._run()
        except StopSimulation as stop:
            self.events_count -= type(event) is _Stop  # our own stop is no event of the simulation
            return stop.args[0]
        finally:
            if event is not None and event.callbacks is not None:
                self._forget_stop(event)  # a later run must not stop here
        if event is not None:
            raise RuntimeError(f'No scheduled events left but "until" event was not triggered: {event}')
        return None

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Within the block the heap holds only what the block schedules; what was there before comes back after it."""
        waiting = self._heap[:]
        self._heap.clear()
        try:
            yield
        finally:
            self._heap += waiting
            self._compact()

    def alarm_dropped(self) -> None:
        """An alarm in the heap died: compact a heap that is mostly dead."""
        self._dead_count += 1
        if self._dead_count > DEAD_MIN and 2 * self._dead_count > len(self._heap):
            self._compact()

    def _compact(self) -> None:
        self._heap[:] = [entry for entry in self._heap if not _is_dead(entry[5])]
        heapify(self._heap)
        self._dead_count = 0

    def _push(self, at: float, rank: int, key: int, event: Event) -> None:
        self._serial = serial = self._serial + 1
        heappush(self._heap, (at, rank, key, serial, None, event))

    def _run(self) -> None:
        heap, dispatch, count = self._heap, self._dispatch, 0
        try:
            while heap:
                at, _, _, _, fn, arg = heappop(heap)
                if fn is not None:
                    self.now = at
                    count += 1
                    fn(arg)
                elif type(arg) is not Alarm or not arg.dead:
                    self.now = at
                    count += 1
                    dispatch(arg)
                else:
                    self._dead_count -= 1
        finally:
            self.events_count += count

    def _dispatch(self, event: Event) -> None:
        callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]
        try:
            for callback in callbacks:
                callback(event)
        except StopSimulation:
            rest = callbacks[callbacks.index(callback) + 1 :]
            if rest:  # they come first when the run goes on
                event.callbacks = rest
                self._push(self.now, -1, 0, event)
                self.events_count -= 1
            raise
        if not event._ok and not event.defused:
            _raise_again(event._value)

    def _stop_at(self, at: float) -> Event:
        if not at > self.now:
            raise ValueError(f"until ({at}) must be greater than the current simulation time ({self.now})")
        stop = _Stop(self)
        stop._ok, stop._value = True, None
        self._push(at, -1, 0, stop)  # before everything of that instant
        return stop

    def _forget_stop(self, event: Event) -> None:
        if StopSimulation.callback in event.callbacks:
            event.callbacks.remove(StopSimulation.callback)
            if type(event) is _Stop:
                self._heap[:] = [entry for entry in self._heap if entry[5] is not event]
                heapify(self._heap)


class Alarm(Event):
    """An event at an absolute instant, made by `OrderedEnvironment.alarm`; `await`able in a virtual task."""

    env: OrderedEnvironment

    def __init__(self, env: OrderedEnvironment) -> None:
        self.env, self.callbacks = env, []  # as `Event` does, without the call
        self._ok, self._value = True, None
        self.dead = False

    def cancel(self) -> None:
        """Nobody waits for it any more; does nothing once it went off."""
        if self.callbacks is not None and not self.dead:
            self.dead = True
            self.env.alarm_dropped()

    def __await__(self) -> Generator[Event, Any, Any]:
        return (yield self)


class _Stop(Event):
    """The instant up to which a run goes."""


def _is_dead(arg: Any) -> bool:
    return type(arg) is Alarm and arg.dead


def _raise_again(failure: BaseException) -> None:
    """SimPy's way: a copy with the original as its cause; the original itself where its fields are not positional."""
    try:
        copy = type(failure)(*failure.args)
    except TypeError:
        raise failure from failure.__cause__
    copy.__cause__ = failure
    raise copy
