"""A served control plane in the test process, with nodes over real sockets: processes, or objects on the same loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sim.bench.compose import Composed, compose
from sim.live.node.node import Node
from sim.live.node.params import NodeParams
from sim.live.serve.server import Server
from sim.runtime.live import LiveRuntime

COMPOSED: Composed = {}
BASE = (
    "health=aggressive", "failover=default", "retry=default", "gateway.port=0", "server.node_port=0",
    "gateway.rate_limiting=false", "health.interval_s=0.3", "health.slow_start_s=0", "fleet.agents_per_node=2",
    "node.heartbeat_s=0.2", "autoscaler.drain_s=10",
)  # fmt: skip
LOOK_S = 0.005  # between two looks at a condition; no result depends on it
PATIENCE_S = 40.0  # a test that hangs fails
ECHO, SLEEPER = "sim.live.node.agents:echo", "sim.live.node.agents:sleeper"


class Rig:
    """One runtime, servers one after the other, nodes in this process."""

    def __init__(self, state: Path, overrides: tuple[str, ...]) -> None:
        self.runtime = LiveRuntime()
        self.config = compose([*BASE, f"paths.state={state}", *overrides], composed=COMPOSED)
        self.lines: list[str] = []
        self.nodes: dict[str, Node] = {}
        self.server = self.serve()

    def serve(self) -> Server:
        """A server over the state's folder, not started."""
        return Server(self.config, self.runtime, self.lines.append)

    def node(self, name: str, body: str = ECHO, capacity: int = 2, **settings: Any) -> Node:
        """A node on this loop that joins the server."""
        agents = dict.fromkeys(self.server.fleet.shape.types, body)
        metadata = {"zone": "zone-1", "region": "zone-1", "speed": 1.0}
        params = NodeParams(
            name, self.server.url, agents, capacity, heartbeat_s=0.2, metadata=metadata, **settings
        )  # fmt: skip
        node = self.nodes[name] = Node(params, self.server.state.secret, self.runtime, self.lines.append)
        self.runtime.spawn(node.serve(), name)
        return node

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait for a condition that the loop will bring about."""
        while not met():
            await self.runtime.sleep(LOOK_S)

    async def agents(self, count: int) -> None:
        """Until so many agents are ready on nodes that may be picked."""
        balancer = self.server.fleet.balancer

        def ready() -> bool:
            stats = balancer.statistics()
            return sum(n for n, ok in zip(stats.capacity, stats.eligible, strict=True) if ok) >= count

        await self.until(ready)

    def events(self, kind: str) -> list[str]:
        """Subjects of the events of a kind."""
        log = self.server.log
        return [row.subject for row in log.rows if row.kind == kind]

    async def order(self, content: dict[str, Any], **more: Any) -> Any:
        """A task through the gateway's desk, to its end."""
        desk = self.server.gateway.desk
        assert desk is not None
        record = desk.submit(None, None, content, None, **more)
        await desk.accepted(record)
        await record.over.wait()
        return record


def served(body: Callable[[Rig], Awaitable[None]], state: Path, *overrides: str) -> None:
    """Run a test on a rig; what it started is ended, whatever happens."""

    async def whole() -> None:
        rig = Rig(state, overrides)
        try:
            await rig.server.start()
            await body(rig)
        finally:
            for node in rig.nodes.values():
                node.leaving.set()
                if node.session is not None:
                    node.session.exchange.close()
            await rig.server.stop()
            await rig.runtime.close()

    asyncio.run(asyncio.wait_for(whole(), PATIENCE_S))
