"""Requests that wait at the balancer, a line for each view (agent type): first come, first sent on.

A request waits while no slot of its view may be picked: none eligible, or all full with the queue at the balancer.
`pull` offers free slots to the heads, in order of arrival, until none of them finds one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Waiter:
    """What its pick needs; `slot` is where it goes."""

    turn: int
    dispatcher: int
    view: int
    key: int
    picks: Sequence[float]
    slot: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Line:
    """`dispatch` counts a request at the slot it gives, -1 for none; `give_back` takes that back."""

    def __init__(self, dispatch: Callable[[Waiter], int], give_back: Callable[[Waiter, int], None]) -> None:
        self._dispatch, self._give_back = dispatch, give_back
        self._lines: dict[int, deque[Waiter]] = {}
        self._turns = self.count = 0

    async def wait(self, dispatcher: int, view: int, key: int, picks: Sequence[float]) -> int:
        """The slot, once it is this request's turn."""
        self._turns += 1
        waiter = Waiter(self._turns, dispatcher, view, key, picks)
        self._lines.setdefault(view, deque()).append(waiter)
        self.count += 1
        try:
            return await waiter.slot
        except asyncio.CancelledError:
            if waiter.slot.done() and not waiter.slot.cancelled():  # sent on at the very moment
                self._give_back(waiter, waiter.slot.result())
            elif waiter in self._lines[view]:
                self._lines[view].remove(waiter)
                self.count -= 1
            raise

    def pull(self) -> None:
        """Send on whoever finds a slot."""
        while self.count and self._send_first():
            pass

    def _send_first(self) -> bool:
        for waiter in sorted((line[0] for line in self._lines.values() if line), key=lambda one: one.turn):
            slot = self._dispatch(waiter)
            if slot >= 0:
                self._lines[waiter.view].popleft()
                self.count -= 1
                if waiter.slot.done():  # called off, and not yet out of the line
                    self._give_back(waiter, slot)
                else:
                    waiter.slot.set_result(slot)
                return True
        return False
