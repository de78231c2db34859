"""Nodes come, change and go. Everything is checked before anything changes.

A node that is removed is drained first: it takes no new agents or requests; with `drain_s` what runs on it gets that
long to end (`NodeProvider.drained`); then its agents start elsewhere before they stop on it, and what fits nowhere
waits as PENDING. With failover off, or when the node retires (a scale-in), its agents are stopped. Each step is an
event.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sim.errors import NodeError
from sim.scalability.manager.checks import check_fields, check_node, is_number, zone_of
from sim.scalability.manager.context import Context
from sim.scalability.manager.counters import Counters
from sim.scalability.manager.deployment import HOST_ERRORS, Deployer
from sim.scalability.manager.entries import Node
from sim.scalability.manager.health import Health
from sim.scalability.manager.ledger import Ledger, new_node
from sim.types.fleet import NodeInfo, NodeStatus

FIXED = ("zone", "region", "speed")  # metadata that placement and the balancer were built on
DRAINED = "nothing waits or runs on it"  # reason of a `node_drained` whose time was enough; others say what cut it


class Registrar:
    """Registers, updates and removes nodes."""

    def __init__(
        self,
        context: Context,
        ledger: Ledger,
        deployer: Deployer,
        health: Health,
        counters: Counters,
    ) -> None:
        self.context, self.ledger, self.deployer = context, ledger, deployer
        self.health, self.counters = health, counters

    def register(self, info: NodeInfo) -> None:
        """Take a node in (a copy of its facts is kept); raises `NodeError`, which is counted."""
        try:
            check_node(info)
            if info.node_id in self.ledger.nodes:
                raise NodeError(info.node_id, "is registered already")
            limit = self.context.config.max_nodes
            if len(self.ledger.nodes) >= limit:
                raise NodeError(info.node_id, f"the fleet holds max_nodes={limit} nodes already")
        except NodeError:
            self.counters.nodes_refused += 1
            raise
        own = replace(info, metadata=dict(info.metadata))
        node = new_node(own, self.ledger.births_count, zone_of(own.metadata), self.context.now())
        self.ledger.join(node)
        self.health.joined(node)
        self.counters.nodes_registered += 1
        self.context.write(
            "node_registered", own.node_id, status=own.status.value, capacity=own.capacity, zone=node.zone
        )
        self.ledger.on_room()

    async def update(self, node_id: str, status: NodeStatus | None, changes: dict[str, Any]) -> None:
        """Change a node's facts and status; raises `NodeError`, before anything changes."""
        node = self.ledger.node(node_id)
        check_fields(node_id, **changes, **({} if status is None else {"status": status}))
        merged = {**node.info.metadata, **changes.pop("metadata", {})}
        for key in FIXED:
            if merged.get(key) != node.info.metadata.get(key):
                raise NodeError(node_id, f"metadata {key}={merged.get(key)!r}: it is fixed when a node registers")
        if status is not None and node.removing:
            raise NodeError(node_id, "is being removed")
        told = {name: value for name, value in changes.items() if getattr(node.info, name) != value}
        if "capacity" in changes:
            self.ledger.set_capacity(node, changes.pop("capacity"))
        if changes or merged != node.info.metadata:
            self.ledger.set_facts(node, {**changes, "metadata": merged})
        if told:
            self.context.write("node_updated", node_id, reason="changed by the user", **told)
        if status is not None and (status is not node.wanted or node.silent):
            await self.health.set_wanted(node, status, "wanted by the user")

    async def remove(self, node_id: str, reason: str, stop_agents: bool = False, drain_s: float | None = None) -> None:
        """Drain a node and let it go; raises `NodeError`. Cancelled, the node stays, draining."""
        node = self.ledger.node(node_id)
        await self._empty(node, reason, stop_agents, drain_s)
        try:
            self.ledger.leave(node)
            self.health.left(node)
        finally:
            node.removing = node.retiring = False
        self.counters.nodes_removed += 1
        self.context.write("node_removed", node_id, reason=reason)

    async def drain(self, node_id: str, reason: str, drain_s: float | None) -> None:
        """Get everything off a node, which stays, draining, until its status is changed; raises `NodeError`.

        What has not ended in time has failed and is tried elsewhere: nobody would serve it here any more.
        """
        node = self.ledger.node(node_id)
        if cut := await self._empty(node, reason, False, drain_s):
            self._give_back(node, cut)
        node.removing = False

    async def _empty(self, node: Node, reason: str, stop_agents: bool, drain_s: float | None) -> str:
        """The node has no agents afterwards and is still marked as being removed, unless this is cut short.

        Why it may still hold what had not ended ("": it does not). Cut short after that, some agents may be gone and
        the node open again later: nobody would serve there what was theirs, so it is given back at once.
        """
        if node.removing:
            raise NodeError(node.node_id, "is being removed already")
        if drain_s is not None and not is_number(drain_s, 0.0):
            raise NodeError(node.node_id, f"drain_s={drain_s!r}: accepted is a finite number of seconds from 0")
        node.removing, node.retiring, cut = True, stop_agents, ""
        try:
            if node.wanted is not NodeStatus.OFFLINE:
                node.wanted = NodeStatus.DRAINING
            self.ledger.set_status(node, reason)
            cut = await self._wait_drained(node, drain_s)
            await self._evict_all(node, reason)
            await self._clear(node)
        except BaseException:
            node.removing = node.retiring = False
            if cut:
                self._give_back(node, cut)
            raise
        return cut

    def _give_back(self, node: Node, cut: str) -> None:
        if self._may_hold(node):
            self.counters.nodes_fenced += 1
            self.ledger.fence(node, f"{cut}; what it still holds goes to others")

    def _may_hold(self, node: Node) -> bool:
        """Whether it was not fenced when it was lost: without failover what it holds waits for it and its agents."""
        return node.reachable or not self.context.config.failover_enabled

    async def _wait_drained(self, node: Node, drain_s: float | None) -> str:
        """What runs on the node ends (""), or why it may not have: what is left then fails with the node."""
        if not node.reachable:
            cut = "it was offline before its drain"
        elif drain_s is None:
            cut = "its drain waits for nothing"
        else:
            cut = await self._wait_ended(node, drain_s)
        return cut if self._may_hold(node) else ""

    async def _wait_ended(self, node: Node, drain_s: float) -> str:
        provider = self.context.provider
        if provider is None:
            return ""  # nobody knows what runs there
        self.counters.drains += 1
        try:
            async with self.context.runtime.timeout(drain_s):
                await provider.drained(node.node_id)
        except HOST_ERRORS as error:
            self.counters.drains_cut += 1
            told = str(error) or type(error).__name__
            self.context.write("node_drained", node.node_id, reason=told)
            return f"its drain was cut short: {told}"
        self.context.write("node_drained", node.node_id, reason=DRAINED)
        return ""

    async def _clear(self, node: Node) -> None:
        """A stop that was not confirmed is asked for once more, so that no zombie stays behind on the node."""
        if not node.reachable or not node.orphans or self.health.clearing.is_on(node):
            return
        try:
            await self.health.clearing.done(node)
        except HOST_ERRORS as error:
            self.context.write("clear_failed", node.node_id, reason=str(error) or type(error).__name__)

    async def _evict_all(self, node: Node, reason: str) -> None:
        runtime, deployer = self.context.runtime, self.deployer
        while node.agents:
            tasks = [
                runtime.spawn(deployer.evict(agent, node, reason), f"evict {agent.info.agent_id}")
                for agent in node.agents.values()
            ]
            try:
                for task in tasks:
                    await task.join()
            finally:
                for task in tasks:
                    task.cancel()
