"""Whoever starts nodes of its own (implements `contracts.NodeProvider`): a node is started, watched, let go.

A node that is asked for is begun (`_spawn`: as a process here, as an actor of a Ray cluster), provided once it has
joined. One that ended without being let go is begun again under its name after .1, .2, .4 ... 30 s (`server.respawn`),
the waits beginning anew after a minute of life.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from sim.contracts import EventSink, Runtime
from sim.errors import NodeError
from sim.types.fleet import NodeInfo

AGAIN_S, AGAIN_MAX_S, LIVED_S = 0.1, 30.0, 60.0
LOOK_S, GRACE_S = 0.25, 2.5  # a node without a server tries again every 2 s
RELEASE_S = 10.0  # from "bye" to the kill


class Hosted(Protocol):
    """Where a node runs: a process has these, and so has an actor's stand-in."""

    @property
    def returncode(self) -> int | None:
        """None while it runs."""

    async def wait(self) -> int:
        """Ends with it; gives the exit code."""

    def kill(self) -> None:
        """At once."""


H = TypeVar("H", bound=Hosted)


class NodeKeeper(ABC, Generic[H]):
    """`settings(node_id)` are those of `NodeParams`; `describe` gives the NodeInfo of a name that has joined."""

    def __init__(
        self, runtime: Runtime, events: EventSink, secret: str, settings: Callable[[str], dict[str, Any]],
        joined: Callable[[str], asyncio.Event], describe: Callable[[str], NodeInfo], next_name: Callable[[], str],
        connected: Callable[[str], bool], drained: Callable[[str], Any], let_go: Callable[[str], None],
        start_s: float, respawn: bool,
    ) -> None:  # fmt: skip
        self.runtime, self.events, self.start_s, self.respawn = runtime, events, start_s, respawn
        self._secret, self._settings, self._joined, self._describe = secret, settings, joined, describe
        self._next_name, self._connected = next_name, connected
        self._drained, self._let_go = drained, let_go
        self.processes: dict[str, H] = {}
        self._released: dict[str, None] = {}
        self.started_count = 0

    async def provide(self) -> NodeInfo:
        """A new node, once it has joined; raises `NodeError` where it does not."""
        node_id = self._next_name()
        try:
            await self.start(node_id)
        except BaseException:
            await self.release(node_id)
            raise
        return self._describe(node_id)

    async def start(self, node_id: str, adopt: bool = False) -> None:
        """A node of that name, watched from now on; returns once it has joined. Raises `NodeError`.

        `adopt`: one of an earlier control plane may be alive, which then is the one.
        """
        self._released.pop(node_id, None)
        self.runtime.spawn(self._keep(node_id, adopt), f"process {node_id}")
        try:
            async with self.runtime.timeout(self.start_s):
                await self._joined(node_id).wait()
        except TimeoutError:
            raise NodeError(node_id, f"its process did not join within {self.start_s:g} s") from None

    async def drained(self, node_id: str) -> None:
        """Ends once nothing runs on the node."""
        await self._drained(node_id)

    async def release(self, node_id: str) -> None:
        """The node ends: asked first, killed after `RELEASE_S`."""
        self._released[node_id] = None
        self._let_go(node_id)
        process = self.processes.get(node_id)
        if process is None or process.returncode is not None:
            return
        try:
            async with asyncio.timeout(RELEASE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _keep(self, node_id: str, adopt: bool) -> None:
        """Run the node, again and again while it is wanted."""
        wait_s = AGAIN_S
        if adopt:
            await self._gone(node_id)
        while node_id not in self._released:
            begun_at = self.runtime.now()
            process = await self._spawn(node_id)
            await process.wait()
            del self.processes[node_id]
            if node_id in self._released:
                return
            self.events.write(self.runtime.now(), "node_process_ended", node_id, reason=self._why(process))
            if not self.respawn:
                return
            wait_s = AGAIN_S if self.runtime.now() - begun_at > LIVED_S else wait_s
            await self.runtime.sleep(wait_s)
            wait_s = min(AGAIN_MAX_S, 2.0 * wait_s)

    async def _gone(self, node_id: str) -> None:
        """Until a node that is not ours has been away for `GRACE_S`, or is let go."""
        away_s = 0.0
        while away_s < GRACE_S and node_id not in self._released:
            await self.runtime.sleep(LOOK_S)
            away_s = 0.0 if self._connected(node_id) else away_s + LOOK_S

    def _begun(self, node_id: str, process: H, **where: object) -> H:
        self.processes[node_id] = process
        self.started_count += 1
        self.events.write(self.runtime.now(), "node_process_started", node_id, **where)
        return process

    @abstractmethod
    async def _spawn(self, node_id: str) -> H:
        """Begin a node."""

    def _why(self, process: H) -> str:
        """Why it ended, for the event."""
        return f"exit code {process.returncode}"
