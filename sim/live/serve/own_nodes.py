"""The fleet's own nodes, with the provider that starts them: what they are, and which of them there are at start."""

from __future__ import annotations

import asyncio
from typing import Any

from sim.bench.schema import Config
from sim.contracts import Runtime
from sim.errors import FleetError
from sim.live.link.credential import told
from sim.live.serve.fleet import LiveFleet
from sim.live.serve.keeper import NodeKeeper
from sim.live.serve.local_provider import LocalProvider
from sim.live.serve.ray_provider import RayProvider
from sim.types.fleet import NodeInfo

SLEEPER = "sim.live.node.agents:sleeper"  # what a type's agents do where node.agents says nothing
PROVIDERS: dict[str, type[NodeKeeper[Any]]] = {"local": LocalProvider, "ray": RayProvider}


class OwnNodes:
    """Starts `fleet.nodes`, or those of the journal; `provider` serves the autoscaler."""

    def __init__(self, config: Config, runtime: Runtime, fleet: LiveFleet, secret: bytes, url: str) -> None:
        self.config, self.runtime, self.fleet, self.url = config, runtime, fleet, url
        server = config.server
        self.provider = PROVIDERS[server.provider](
            runtime, fleet.events, told(secret), self.settings, self._joined, fleet.describe, self.next_name,
            fleet.links.by_node.__contains__, fleet.drained, fleet.let_go, server.node_start_s, server.respawn,
        )  # fmt: skip
        fleet.release_own = lambda node_id: self._spawn_release(node_id)
        self._ordinals = [_ordinal(name) for name in fleet.manager.node_statuses()]

    def settings(self, node_id: str) -> dict[str, Any]:
        """`NodeParams` of a node."""
        shape, node = self.fleet.shape, self.config.node
        described = shape.node(max(0, _ordinal(node_id)))
        agents = {name: node.agents.get(name, SLEEPER) for name in shape.types}
        return {
            "node_id": node_id, "url": self.url, "agents": agents, "capacity": shape.capacity,
            "queue_max": self.config.fleet.queue_max, "heartbeat_s": node.heartbeat_s, "rejoin_s": node.rejoin_s,
            "drain_s": node.drain_s, "upstream_timeout_s": node.upstream_timeout_s, "tls_ca": node.tls_ca,
            "metadata": {**described.metadata, "provider": self.config.server.provider},
        }  # fmt: skip

    def next_name(self) -> str:
        """A name that no node ever had here."""
        ordinal = max(self._ordinals, default=-1) + 1
        self._ordinals.append(ordinal)
        name = f"node-{ordinal}"
        self.fleet.own[name] = asyncio.Event()
        return name

    async def start(self) -> None:
        """All nodes side by side; one that does not come is an event, and its agents wait or move."""
        manager = self.fleet.manager
        if self.fleet.restored:
            kind = self.config.server.provider
            known = [info.node_id for info in manager.list_nodes() if info.metadata.get("provider") == kind]
            for name in known:
                self.fleet.own[name] = asyncio.Event()
            jobs = [self.runtime.spawn(self._again(name), f"start {name}") for name in known]
        else:
            jobs = [self.runtime.spawn(self._first(), "first start") for _ in range(self.config.fleet.nodes)]
        for job in jobs:  # taken in one after the other, as in a run: slots have the same order
            info: NodeInfo | None = await job.join()
            if info is not None:
                await self._take_in(info)

    async def _first(self) -> NodeInfo | None:
        try:
            return await self.provider.provide()
        except (FleetError, OSError) as error:
            self._failed("fleet", error)
            return None

    async def _take_in(self, info: NodeInfo) -> None:
        try:
            await self.fleet.manager.register_node(info)
            await self.fleet.deploy_standard(info.node_id)
        except (FleetError, OSError) as error:
            self._failed(info.node_id, error)

    async def _again(self, name: str) -> None:
        try:
            await self.provider.start(name, adopt=True)
        except (FleetError, OSError) as error:
            self._failed(name, error)

    def _failed(self, subject: str, error: BaseException) -> None:
        reason = str(error) or type(error).__name__
        self.fleet.events.write(self.runtime.now(), "start_failed", subject, reason=reason)

    async def stop(self) -> None:
        """Let all of them go."""
        jobs = [self.runtime.spawn(self.provider.release(name), f"release {name}") for name in self.fleet.own]
        for job in jobs:
            await job.join()

    def _joined(self, node_id: str) -> asyncio.Event:
        return self.fleet.own[node_id]

    def _spawn_release(self, node_id: str) -> None:
        self.runtime.spawn(self.provider.release(node_id), f"release {node_id}")


def _ordinal(node_id: str) -> int:
    """The number in node-N; -1 for other names."""
    prefix, _, number = node_id.rpartition("-")
    return int(number) if prefix == "node" and number.isdecimal() else -1
