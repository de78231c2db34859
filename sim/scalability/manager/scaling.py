"""How many nodes: the source's rule on utilization, one decision every `health_check_interval`.

utilization = (agents on online nodes + pending agents) / their capacity. Above `scaling_threshold`, or with fewer than
`min_nodes` online, one more node is wanted, up to `max_nodes` registered. When the fleet would stay below the threshold
without its emptiest node, that node is drained and returned, down to `min_nodes`. Without a provider a decision is a
recommendation. A bare threshold has no tolerance or window and can flap; that is the source's rule, kept as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.contracts import NodeProvider
from sim.scalability.manager.context import Context
from sim.scalability.manager.counters import Counters
from sim.scalability.manager.deployment import HOST_ERRORS
from sim.scalability.manager.entries import Node
from sim.scalability.manager.ledger import Ledger
from sim.scalability.manager.registration import Registrar


@dataclass(frozen=True, slots=True)
class Decision:
    """`change` is +1, 0 or -1 nodes; `node_id` names the one to return."""

    change: int
    reason: str
    node_id: str = ""


HOLD = Decision(0, "")


class Scaler:
    """Decides and, with a provider, acts."""

    def __init__(self, context: Context, ledger: Ledger, registrar: Registrar, counters: Counters) -> None:
        self.context, self.ledger, self.registrar, self.counters = context, ledger, registrar, counters
        self.recommendation = HOLD  # the last decision that nobody carried out

    def decide(self) -> Decision:
        """What the rule wants at this instant."""
        config, ledger = self.context.config, self.ledger
        online = [node for node in ledger.nodes.values() if node.online]
        demand = sum(node.load for node in online) + len(ledger.pending)
        capacity = sum(node.info.capacity for node in online)
        threshold = config.scaling_threshold
        if len(ledger.nodes) < config.max_nodes:
            if len(online) < config.min_nodes:
                return Decision(1, f"{len(online)} nodes online, under min_nodes={config.min_nodes}")
            if demand > threshold * capacity:
                return Decision(1, f"{demand} agents for {capacity} places, over {threshold:g}")
        if len(online) <= config.min_nodes or ledger.pending:
            return HOLD
        spare = min(online, key=_emptiness)
        fits = demand < threshold * (capacity - spare.info.capacity) or demand == 0
        movable = spare.load == 0 or (spare.foreign == 0 and config.failover_enabled)
        if fits and movable:
            return Decision(-1, f"{demand} agents stay below {threshold:g} without {spare.node_id}", spare.node_id)
        return HOLD

    async def step(self) -> None:
        """Decide, and carry it out or note it."""
        decision = self.decide()
        provider = self.context.provider
        if provider is None:
            if decision != self.recommendation and decision.change:
                self.context.write("scale_recommended", "fleet", change=decision.change, reason=decision.reason)
            self.recommendation = decision
            return
        self.recommendation = HOLD
        try:
            if decision.change > 0:
                await self._scale_out(provider, decision.reason)
            elif decision.change < 0:
                await self._scale_in(provider, decision)
        except HOST_ERRORS as error:
            self.counters.scales_failed += 1
            self.context.write(
                "scale_failed", "fleet", change=decision.change, reason=str(error) or type(error).__name__
            )

    async def run(self) -> None:
        """Decide at start + k * health_check_interval; a decision under way delays the next."""
        interval_s, started_at, number = self.context.config.health_check_interval, self.context.now(), 0
        while True:
            number += 1
            while started_at + number * interval_s < self.context.now():
                number += 1
            await self.context.runtime.sleep_until(started_at + number * interval_s)
            await self.step()

    async def _scale_out(self, provider: NodeProvider, reason: str) -> None:
        async with self.context.runtime.timeout(self.context.config.deployment_timeout):
            info = await provider.provide()
        try:
            self.registrar.register(info)
        except BaseException:
            await self._release(provider, info.node_id)
            raise
        self.counters.scale_outs += 1
        self.context.write("scale_out", info.node_id, reason=reason)

    async def _scale_in(self, provider: NodeProvider, decision: Decision) -> None:
        await self.registrar.remove(decision.node_id, decision.reason)
        self.counters.scale_ins += 1
        self.context.write("scale_in", decision.node_id, reason=decision.reason)
        await self._release(provider, decision.node_id)

    async def _release(self, provider: NodeProvider, node_id: str) -> None:
        async with self.context.runtime.timeout(self.context.config.deployment_timeout):
            await provider.release(node_id)


def _emptiness(node: Node) -> tuple[float, int]:
    return node.load / node.info.capacity, -node.birth
