"""Machines that are taken with a warning: emptied in the time that is left, and opened again once they are back.

A spot machine's notice (two minutes at most clouds) lets its agents move and its requests end. Its return is known by
its word after a restart. The manager may refuse to open it at that moment, while its drain goes on or what it still
runs is being stopped; then every further word of it asks again, so that no machine that works stays out for good.
"""

from __future__ import annotations

from sim.contracts import Runtime
from sim.errors import FleetError
from sim.runtime.events import EventLog
from sim.scalability.manager import DistributedManager
from sim.types.fleet import NodeStatus


class Notices:
    """`warned` of a machine, `back` when it has restarted, `word` at each of its heartbeats."""

    def __init__(self, manager: DistributedManager, runtime: Runtime, log: EventLog) -> None:
        self.manager, self.runtime, self.log = manager, runtime, log
        self._taken: dict[str, None] = {}  # emptied on a warning, not yet back
        self._refused: dict[str, None] = {}  # back, and refused
        self._asked: dict[str, None] = {}  # back, and on the way in

    def warned(self, node_id: str, notice_s: float) -> None:
        """It will be taken in so many seconds."""
        if self.manager.node_statuses().get(node_id) is NodeStatus.ONLINE:
            self._taken[node_id] = None
            self._refused.pop(node_id, None)
            self.runtime.spawn(self._vacate(node_id, notice_s), f"vacate {node_id}")

    def back(self, node_id: str) -> None:
        """It has restarted."""
        if node_id in self._taken or node_id in self._refused:  # refused once, taken again: it may send no words
            self._taken.pop(node_id, None)
            self._ask(node_id)

    def word(self, node_id: str) -> None:
        """A sign of life."""
        if node_id in self._refused:
            if node_id not in self.manager.node_statuses():
                del self._refused[node_id]
            elif node_id not in self._asked:
                self._ask(node_id)

    def _ask(self, node_id: str) -> None:
        self._asked[node_id] = None
        self.runtime.spawn(self._reopen(node_id), f"reopen {node_id}")

    async def _reopen(self, node_id: str) -> None:
        try:
            await self.manager.update_node(node_id, status=NodeStatus.ONLINE)
            self._refused.pop(node_id, None)
        except (FleetError, OSError) as error:
            if node_id not in self._refused:  # told once
                self.log.write(self.runtime.now(), "reopen_failed", node_id, reason=_why(error))
            if node_id not in self._taken:
                self._refused[node_id] = None
        finally:
            self._asked.pop(node_id, None)

    async def _vacate(self, node_id: str, notice_s: float) -> None:
        try:
            async with self.runtime.timeout(notice_s):  # what is not off it by then is lost with it
                await self.manager.drain_node(node_id, notice_s, reason=f"it will be taken in {notice_s:g} s")
        except (FleetError, OSError) as error:
            self.log.write(self.runtime.now(), "vacate_failed", node_id, reason=_why(error))


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__
