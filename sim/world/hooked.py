"""Hooks around every request: asked when it arrives, told when it has ended.

A request that is turned away was never sent: no node, no start. What the hooks take (`delay_s`) is spent before the
balancer picks; until then the request is in the system, and its deadline, which counts from its arrival, may end it.
Timeouts and hedges count from when it is sent. Whoever stands here is not known (`RequestHooks`). Installed around
`engine.send` and `engine.on_left`, inside a gateway's door if there is one.
"""

from __future__ import annotations

from typing import Any, Protocol

from sim.contracts import Runtime
from sim.runtime.order import ARRIVAL
from sim.types.records import OK, TRUNCATED
from sim.world.feed import Block


class RequestHooks(Protocol):
    """Asked and told at one instant."""

    hears_ends: bool

    def arrived(self, row: int, key: int, now: float) -> tuple[int | None, float]:
        """The status of a request that is turned away (None: it may pass), and what the hooks take in seconds."""

    def ended(self, row: int, status: int, now: float) -> None:
        """A request ended; `row` is that of its first attempt."""


class Hooked:
    """Stands around the engine of attempts."""

    def __init__(self, engine: Any, runtime: Runtime, hooks: RequestHooks) -> None:
        self.engine, self.runtime, self.hooks = engine, runtime, hooks
        self._send, self._on_left = engine.send, engine.on_left
        self._held: dict[int, float] = {}  # row that the hooks hold -> since when
        self._close, engine.close = engine.close, self.close
        self._end, self._ends = engine._end, dict[int, int]()  # rows that end now -> how, unless answered
        engine.send = self.send
        for timer in (engine.timeouts, engine.hedges):
            if timer is not None:
                timer.expiry.elsewhere.append(self._held)
        if hooks.hears_ends:
            engine._end, engine.on_left = self.end, self.left

    def send(self, block: Block, index: int, row: int, now: float) -> None:
        """A request arrives."""
        status, delay_s = self.hooks.arrived(row, block.keys[index], now)
        engine = self.engine
        if status is None and not delay_s:
            self._send(block, index, row, now)
            return
        engine.arrivals_count += 1
        engine.in_system += 1
        key = engine.columns.request[row] << 16
        self._held[row] = now
        if engine.deadlines is not None and delay_s and not block.in_order:
            engine.deadlines.add(row, now)
        if status is None:
            engine.env.call_at(now + delay_s, ARRIVAL, key, self._sent_on, (block, index, row))
        elif delay_s:
            engine.env.call_at(now + delay_s, ARRIVAL, key, self._turned_away, (row, status))
        else:
            self._turned_away((row, status))

    def _sent_on(self, request: tuple[Block, int, int]) -> None:
        engine = self.engine
        columns, now = engine.columns, engine.env.now
        block, index, row = request
        if not self._let_go(row, now):
            return
        engine.arrivals_count -= 1  # the engine counts it itself
        engine.in_system -= 1
        self._send(block, index, row, now)
        if columns.slot[row] >= 0 and columns.status[row] == TRUNCATED:  # it is on its way
            engine._sent_at[row] = now
            if block.in_order:
                engine._watch(row, now)

    def _let_go(self, row: int, now: float) -> bool:
        """The time that hooks held a request counts as time at the balancer (Little's law); False: it ended there."""
        columns = self.engine.columns
        is_open = columns.status[row] == TRUNCATED
        self.engine.central_area_s += (now if is_open else columns.finished_at[row]) - self._held.pop(row)
        return bool(is_open)

    def close(self, now: float) -> None:
        """The run is over; who is still held was at the balancer until now."""
        for row in list(self._held):
            self._let_go(row, now)
        self._close(now)

    def _turned_away(self, refusal: tuple[int, int]) -> None:
        row, status = refusal
        now = self.engine.env.now
        if not self._let_go(row, now):
            return
        self.engine.columns.finished_at[row] = now
        self.engine.columns.status[row] = status
        self.engine._end(row, status, now)

    def end(self, row: int, status: int, now: float) -> None:
        """A request ends without an answer."""
        self._ends[row] = status
        self._end(row, status, now)

    def left(self, row: int, now: float) -> None:
        """A request ended."""
        self.hooks.ended(row, self._ends.pop(row, OK), now)
        if self._on_left is not None:
            self._on_left(row, now)
