"""A node from its start to its end: connect, prove, serve, come back after a loss, drain on SIGTERM.

Without a server it tries again after .1, .2, .4 ... 2 s, for `rejoin_s` since it last had one. A new process is a new
incarnation (drawn once), so that the control plane knows a node that came back from one that began anew. On SIGTERM it
asks to be let go and serves until it is, `drain_s` at most; a second SIGTERM ends it at once.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Callable
from typing import Any

from sim.live.entropy import system_entropy
from sim.live.link.exchange import Exchange
from sim.live.link.handshake import introduce
from sim.live.node.bodies import make_body
from sim.live.node.host import Host
from sim.live.node.params import NodeParams, place_of
from sim.live.node.session import Session, until
from sim.runtime.live import LiveRuntime

WAIT_S, WAIT_MAX_S = 0.1, 2.0
CONNECT_S = 5.0
DONE, LOST = 0, 1


class Node:
    """`run` gives the exit code. Raises `ConfigError` for what cannot run, before it connects."""

    def __init__(
        self, params: NodeParams, secret: bytes, runtime: LiveRuntime, say: Callable[[str], None] = print
    ) -> None:
        self.params, self.runtime, self.say = params, runtime, say
        self._secret = secret
        self._place = place_of(params.url)
        bodies = {
            name: make_body(name, spec, runtime, params.upstream_timeout_s) for name, spec in params.agents.items()
        }
        self.host = Host(runtime, bodies, params.capacity, params.queue_max)
        self.incarnation = system_entropy(16).hex()
        self.session: Session | None = None
        self.leaving = asyncio.Event()
        self.ended = asyncio.Event()
        self.code = DONE

    async def run(self) -> int:
        """Serve until the server lets the node go, SIGTERM, or `rejoin_s` without a server."""
        main = self.runtime.spawn(self.serve(), "node")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.leave)
        end = self.runtime.spawn(self._end(), "end")
        try:
            await self.ended.wait()
            return self.code
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            for task in (main, end):
                task.cancel()

    def leave(self) -> None:
        """Drain and end; again: end at once."""
        if self.leaving.is_set():
            self.ended.set()
        self.leaving.set()

    async def _end(self) -> None:
        await self.leaving.wait()
        session = self.session
        if session is not None:
            try:
                await session.exchange.tell("leaving")
                await until(self.ended, self.params.drain_s)
            except ConnectionError:
                pass
        self.ended.set()

    async def serve(self) -> None:
        """Join, serve, join again; sets `ended`, with the exit code in `code`."""
        try:
            while not self.leaving.is_set():
                session = await self._joined()
                if session is None:
                    self.code = DONE if self.leaving.is_set() else LOST
                    return
                self.session = session
                self._tell(f"connected to {self.params.url}")
                reason = await session.serve()
                self.session = None
                self._tell("let go" if session.said_bye else reason)
                if session.said_bye:
                    return
        finally:
            self.ended.set()

    async def _joined(self) -> Session | None:
        """A session, None once there was no server for `rejoin_s`, or one that is not ours."""
        lost_at, wait_s = self.runtime.now(), WAIT_S
        while not self.leaving.is_set():
            try:
                return await self._connect()
            except PermissionError as error:
                self._tell(str(error))
                return None
            except OSError as error:  # TimeoutError is one
                over = self.runtime.now() - lost_at + wait_s > self.params.rejoin_s
                if over or wait_s == WAIT_S:
                    self._tell(f"no server ({error or type(error).__name__}){'' if over else ', tries again'}")
                if over:
                    return None
            await until(self.leaving, wait_s)
            wait_s = min(WAIT_MAX_S, 2.0 * wait_s)
        return None

    def _tell(self, line: str) -> None:
        self.say(f"{self.params.node_id}: {line}")

    async def _connect(self) -> Session:
        host, port, encrypted = self._place
        trust: Any = ssl.create_default_context(cafile=self.params.tls_ca) if encrypted else None
        async with asyncio.timeout(CONNECT_S):
            reader, writer = await asyncio.open_connection(host, port, ssl=trust)
        try:
            channel = await introduce(reader, writer, self._secret, system_entropy, self._facts())
        except BaseException:
            writer.close()
            raise
        return Session(self.runtime, self.host, Exchange(channel), self.params.heartbeat_s)

    def _facts(self) -> dict[str, Any]:
        params = self.params
        return {
            "node_id": params.node_id, "incarnation": self.incarnation, "capacity": params.capacity,
            "types": sorted(params.agents), "metadata": params.metadata,
        }  # fmt: skip


def run_node(params: NodeParams, secret: bytes, say: Callable[[str], None] = print) -> int:
    """A node on a loop of its own, to its end; gives the exit code. Raises `ConfigError`."""

    async def whole() -> int:
        runtime = LiveRuntime()
        try:
            return await Node(params, secret, runtime, say).run()
        finally:
            await runtime.close()

    return asyncio.run(whole())
