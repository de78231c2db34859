"""A door before the balancer: every request asks there, on virtual time, and is sent on or turned away.

What stands at the door is not known here (`Door`); it must decide at the instant of the arrival. A request is in the
system from its arrival on, so that a run does not end while one stands at the door. Who is turned away was never sent:
no node, no start, its status is what the door says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import numpy as np

from sim.contracts import Event, Runtime
from sim.types.records import OK, TRUNCATED
from sim.world.feed import Block

Serve = Callable[[], Awaitable[int]]  # send the request on; gives its status once it has ended


class Door(Protocol):
    """Asked once for every request."""

    async def ask(self, request: int, serve: Serve) -> int:
        """Either calls `serve` at this very instant, or gives the status of a request that is turned away."""


class Gate:
    """Stands before `engine.send`."""

    def __init__(self, engine: Any, runtime: Runtime, door: Door) -> None:
        self.engine, self.runtime, self.door = engine, runtime, door
        self.waiting: dict[int, Event] = {}  # row that was sent on -> who hears of its end
        self._send, self._on_left = engine.send, engine.on_left
        engine.send, engine.on_left = self.send, self.left

    def send(self, block: Block, index: int, row: int, now: float) -> None:
        """A request arrives."""
        self.engine.arrivals_count += 1
        self.engine.in_system += 1
        self.runtime.spawn(self._visit(block, index, row, now), "request at the gate")

    async def _visit(self, block: Block, index: int, row: int, now: float) -> None:
        engine, sent = self.engine, False

        async def serve() -> int:
            nonlocal sent
            assert not sent, "a request is sent once"
            assert self.runtime.now() == now, "the door decides at the instant of the arrival"
            sent = True
            engine.arrivals_count -= 1  # the engine counts it itself
            engine.in_system -= 1
            over = self.waiting[row] = self.runtime.event()
            self._send(block, index, row, now)
            status: int = await over.wait()
            return status

        status = await self.door.ask(engine.columns.request[row], serve)
        if not sent:
            assert self.runtime.now() == now, "the door decides at the instant of the arrival"
            engine.columns.finished_at[row] = now
            engine.columns.status[row] = status
            engine._end(row, status, now)

    def left(self, row: int, now: float) -> None:
        """A request ended, or never got further than the door."""
        over = self.waiting.pop(row, None)
        if over is not None:
            over.set(self._status(row))
        if self._on_left is not None:
            self._on_left(row, now)

    def _status(self, row: int) -> int:
        """How the request of a first row ended: answered if any of its attempts was, else as its last one."""
        columns = self.engine.columns
        status: int = columns.status[row]
        if status == OK:
            return OK
        rows = np.flatnonzero(np.asarray(columns.request) == columns.request[row])
        statuses = np.asarray(columns.status)[rows]
        return OK if (statuses == OK).any() else min(int(statuses[-1]), TRUNCATED)
