"""One call at a time: those that wait are served in the order they came, and at most `waiting_max` wait.

A worker holds one exchange; two hooks of one plugin must not speak at once when the control plane calls them at once.
"""

from __future__ import annotations

from collections import deque

from sim.contracts import Event, Runtime
from sim.integration.plugins.runners.base import PluginEnded


class Turns:
    """`await take()`, then `give()`; free at first."""

    def __init__(self, runtime: Runtime, waiting_max: int) -> None:
        self._runtime, self._waiting = runtime, deque[Event]()
        self.waiting_max, self.taken = waiting_max, False

    async def take(self, plugin_id: str, where: str, bounded: bool = True) -> None:
        """Wait for my turn; raises PluginEnded `busy` when too many wait already, unless I must not be refused."""
        if not self.taken:
            self.taken = True
            return
        if bounded and len(self._waiting) >= self.waiting_max:
            raise PluginEnded(plugin_id, where, "busy", f"{len(self._waiting)} calls wait")
        turn = self._runtime.event()
        self._waiting.append(turn)
        try:
            await turn.wait()
        except BaseException:
            if turn.is_set():  # it was mine already
                self.give()
            else:
                self._waiting.remove(turn)
            raise

    def give(self) -> None:
        """To the one that waits longest, or free."""
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self.taken = False
