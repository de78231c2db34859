"""The provider of a fleet whose machines come by themselves (`server.provider=none`): it has none to give."""

from __future__ import annotations

from sim.errors import NodeError
from sim.live.serve.fleet import LiveFleet
from sim.types.fleet import NodeInfo


class NoProvider:
    """Implements `contracts.NodeProvider`: what runs on a node that leaves may end, then the node is let go."""

    def __init__(self, fleet: LiveFleet) -> None:
        self.fleet = fleet

    async def provide(self) -> NodeInfo:
        """Raises `NodeError`."""
        raise NodeError("fleet", "server.provider=none: nobody starts nodes here")

    async def drained(self, node_id: str) -> None:
        """Ends once nothing runs on the node."""
        await self.fleet.drained(node_id)

    async def release(self, node_id: str) -> None:
        """The node may end."""
        self.fleet.let_go(node_id)
