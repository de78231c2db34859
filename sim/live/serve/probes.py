"""Signals that nodes are asked for: what each slot holds, every `refresh_s` (polled), or after a dispatch (probed)."""

from __future__ import annotations

from sim.contracts import Draws, Runtime
from sim.live.serve.links import Links, NodeLink
from sim.runtime.draws import PROBE
from sim.scalability.balancer.balancer import Balancer

ANSWER_S = 1.0  # for a node to say what it holds


class Probes:
    """Asks over the nodes' connections; a node that does not answer in time says nothing."""

    def __init__(self, runtime: Runtime, draws: Draws, balancer: Balancer, links: Links) -> None:
        self.runtime, self.draws, self.balancer, self.links = runtime, draws, balancer, links
        self._occupancies: list[int] = []

    def start(self) -> None:
        """Begin to poll, if that is the signal."""
        if self.balancer.refresh_s is not None:
            self.runtime.spawn(self._poll(self.balancer.refresh_s), "polls")

    def ask(self, ordinal: int, attempt: int, dispatcher: int, view: int) -> None:
        """Probe the slots that a request draws."""
        count = self.balancer.probes_count
        draws = [self.draws.uniform(PROBE, ordinal, attempt, index) for index in range(count)]
        for slot in self.balancer.probe_targets(dispatcher, view, draws):
            self.runtime.spawn(self._probe(dispatcher, view, slot), "probe")

    async def _probe(self, dispatcher: int, view: int, slot: int) -> None:
        generation = self.balancer.generation[slot]
        await self._refreshed(self.balancer.slots[slot][0])
        if self.balancer.generation[slot] == generation:
            rif = self._held(slot)
            latency_s = self.balancer.estimate_latency_s(slot, rif)
            self.balancer.probe_answer(dispatcher, view, slot, self.runtime.now(), rif, latency_s)

    async def _poll(self, refresh_s: float) -> None:
        tick = 0
        while True:
            asked = [self.runtime.spawn(self._refreshed(name), "poll") for name in list(self.links.by_node)]
            for one in asked:
                await one.join()
            self.balancer.poll(self.runtime.now(), [self._held(slot) for slot in range(len(self.balancer.slots))])
            tick += 1
            await self.runtime.sleep_until(tick * refresh_s)

    async def _refreshed(self, node_id: str) -> None:
        link = self.links.by_node.get(node_id)
        if link is None:
            return
        try:
            answer = await link.exchange.ask("ping", ANSWER_S)
        except OSError:  # ConnectionError and TimeoutError are
            return
        link.load = answer.get("load", link.load)

    def _held(self, slot: int) -> int:
        """What waits and runs in the slot's pool, as its node said last."""
        node_id, agent_type = self.balancer.slots[slot]
        link: NodeLink | None = self.links.by_node.get(node_id)
        row = [] if link is None else link.load.get(agent_type, [])
        return int(row[1] + row[2]) if row else 0
