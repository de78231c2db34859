"""What machines are asked now: whoever waits for an answer hears of the loss of its machine at once, not at a timeout.

A machine that died while it was asked never answers, even when it is back; `deployment_timeout` is for one that is
slow, and may be longer than all else takes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from sim.errors import NodeError
from sim.scalability.manager.context import Context
from sim.scalability.manager.entries import Node


class Lost(NodeError):
    """The machine was lost before it answered."""

    def __init__(self, node_id: str) -> None:
        super().__init__(node_id, "was lost before it answered")


class Asking:
    """Of all nodes."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waits: dict[int, dict[Any, None]] = {}  # birth of a node -> timeouts that run

    @asynccontextmanager
    async def of(self, node: Node) -> AsyncGenerator[None, None]:
        """Around a call to its host: raises TimeoutError after `deployment_timeout`, `Lost` at its loss."""
        wait = self._context.runtime.timeout(self._context.config.deployment_timeout)
        waits = self._waits.setdefault(node.birth, {})
        waits[wait] = None
        try:
            async with wait:
                yield
        except TimeoutError as error:
            if wait not in waits:
                raise Lost(node.node_id) from error
            raise
        finally:
            waits.pop(wait, None)
            if not waits and self._waits.get(node.birth) is waits:
                del self._waits[node.birth]

    def lost(self, node: Node) -> None:
        """Nobody there will answer."""
        waits = self._waits.pop(node.birth, {})
        while waits:
            waits.popitem()[0].expire()
