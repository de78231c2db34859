"""One call at a time: those that wait are served in the order they came, and at most `waiting_max` wait.

A worker holds one exchange; two hooks of one plugin must not speak at once when the control plane calls them at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sim.contracts import Runtime
from sim.integration.plugins.runners.base import PluginEnded


class Turns:
    """A queue that holds one token."""

    def __init__(self, runtime: Runtime, waiting_max: int) -> None:
        self._token = runtime.queue(1)
        self._token.put_nowait(None)
        self.waiting_max, self.waiting_count = waiting_max, 0

    @asynccontextmanager
    async def mine(self, plugin_id: str, where: str) -> AsyncIterator[None]:
        """`async with`: my turn; raises PluginEnded `busy` when too many wait already."""
        if self.waiting_count >= self.waiting_max:
            raise PluginEnded(plugin_id, where, "busy", f"{self.waiting_count} calls wait")
        self.waiting_count += 1
        try:
            await self._token.get()
        finally:
            self.waiting_count -= 1
        try:
            yield
        finally:
            self._token.put_nowait(None)
