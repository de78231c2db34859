"""Where nodes join: one authenticated connection each, over which orders, attempts, answers and heartbeats go.

At most `greetings_max` handshakes are under way. Of a node_id one connection is alive at a time; who comes with the
same name meanwhile is turned away. A connection that is silent for `silent_s` counts as broken (a machine that is
paused or cut off closes nothing). What a connection means to the fleet is for `LinkListener` to say.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass, field
from typing import Any, Protocol

from sim.contracts import Runtime
from sim.live.entropy import system_entropy
from sim.live.link.exchange import Exchange
from sim.live.link.frames import Message
from sim.live.link.handshake import admit
from sim.scalability.manager.checks import CAPACITY_MAX, NAME, is_whole

GREETINGS_MAX = 64
LOOKS = 4.0  # at silence, in `silent_s`
Load = dict[str, list[float]]  # type -> agents, busy, waiting, busy agent-seconds


@dataclass(eq=False)
class NodeLink:
    """A node that is connected. `ready` once it runs the agents that it should."""

    node_id: str
    incarnation: str
    capacity: int
    types: tuple[str, ...]
    metadata: dict[str, Any]
    place: tuple[str, int]
    exchange: Exchange
    heard_at: float
    load: Load = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    running_count: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, agent_type: str, content: dict[str, Any], within_s: float | None) -> Message:
        """An attempt's answer; raises ConnectionError, TimeoutError."""
        self.running_count += 1
        self.idle.clear()
        try:
            return await self.exchange.ask("run", within_s, type=agent_type, input=content)
        finally:
            self.running_count -= 1
            if not self.running_count:
                self.idle.set()


class LinkListener(Protocol):
    """Hears of nodes."""

    def refusal(self, node_id: str) -> str: ...
    async def joined(self, link: NodeLink) -> None: ...
    def beat(self, link: NodeLink, message: Message) -> None: ...
    def leaving(self, link: NodeLink) -> None: ...
    def lost(self, link: NodeLink, reason: str) -> None: ...


class Links:
    """All connections by node_id."""

    def __init__(self, runtime: Runtime, secret: bytes, silent_s: float, greetings_max: int = GREETINGS_MAX) -> None:
        self.runtime, self.silent_s, self.greetings_max = runtime, silent_s, greetings_max
        self.listener: LinkListener | None = None
        self.by_node: dict[str, NodeLink] = {}
        self.refused_count = 0
        self._secret = secret
        self._greetings = 0
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket, trust: ssl.SSLContext | None) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._come, sock=listener, ssl=trust)
        self.runtime.spawn(self._look(), "silence of nodes")

    async def stop(self) -> None:
        """No new connections; those there are end."""
        if self._server is not None:
            self._server.close()
            for link in list(self.by_node.values()):
                link.exchange.close()
            await self._server.wait_closed()
            self._server = None

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            link = await self._greet(reader, writer)
        except OSError:  # ConnectionError and TimeoutError are
            self.refused_count += 1
            writer.close()
            return
        listener = self.listener
        assert listener is not None
        joining = self.runtime.spawn(listener.joined(link), f"join {link.node_id}")
        reason = await link.exchange.pump(lambda message: self._heard(link, message))
        del self.by_node[link.node_id]
        joining.cancel()
        listener.lost(link, reason)
        link.idle.set()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> NodeLink:
        if self._greetings >= self.greetings_max:
            raise ConnectionError("too many handshakes")
        self._greetings += 1
        try:
            channel, facts = await admit(reader, writer, self._secret, system_entropy, self._refusal)
        finally:
            self._greetings -= 1
        if facts["node_id"] in self.by_node:  # two at once
            channel.close()
            raise ConnectionError("a second connection of one node")
        link = NodeLink(
            facts["node_id"], facts["incarnation"], facts["capacity"], tuple(facts["types"]), facts["metadata"],
            writer.get_extra_info("peername")[:2], Exchange(channel), self.runtime.now(),
        )  # fmt: skip
        link.idle.set()
        self.by_node[link.node_id] = link
        return link

    def _refusal(self, facts: Message) -> str:
        problem = fault_of(facts)
        if problem:
            return problem
        if facts["node_id"] in self.by_node:
            return f"{facts['node_id']} is connected already"
        assert self.listener is not None
        return self.listener.refusal(facts["node_id"])

    def _heard(self, link: NodeLink, message: Message) -> None:
        link.heard_at = self.runtime.now()
        assert self.listener is not None
        if message.get("op") == "beat":
            load = message.get("load", {})
            if is_load(load):
                link.load = load
                self.listener.beat(link, message)
        elif message.get("op") == "leaving":
            self.listener.leaving(link)

    async def _look(self) -> None:
        while True:
            await self.runtime.sleep(self.silent_s / LOOKS)
            now = self.runtime.now()
            for link in list(self.by_node.values()):
                if now - link.heard_at > self.silent_s:
                    link.exchange.close()


def fault_of(facts: Message) -> str:
    """What is wrong with the facts that a node tells of itself, "" if nothing."""
    node_id, types, metadata = facts.get("node_id"), facts.get("types"), facts.get("metadata")
    if not (isinstance(node_id, str) and NAME.fullmatch(node_id)):
        return "node_id is no name"
    if not isinstance(facts.get("incarnation"), str) or not isinstance(metadata, dict):
        return "incarnation or metadata is missing"
    if not is_whole(facts.get("capacity"), 1, CAPACITY_MAX):
        return "capacity is no number of agents"
    if not isinstance(types, list) or not types or not all(isinstance(one, str) for one in types):
        return "types are no list of agent types"
    return ""


def is_load(load: object) -> bool:
    """Whether a node's report can be read."""
    if not isinstance(load, dict):
        return False
    rows = load.values()
    return all(isinstance(row, list) and len(row) == 4 and all(map(_is_number, row)) for row in rows)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value < float("inf")
