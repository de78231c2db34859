"""What nodes say of themselves: heartbeats on their own clock, and answers to active checks, over the network.

A heartbeat of a node goes out at birth + (k + phase + jitter) x interval, with a phase of its own, while the node works
and is not muted; it may be lost or late. A check ends when the node has answered; one that is down, paused or cut off
never does. Entities: birth serial << 24 | number.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.contracts import Draws
from sim.runtime.draws import CHECK, HEARTBEAT
from sim.runtime.order import PROBE
from sim.runtime.virtual import VirtualRuntime
from sim.world.machines import Machines, WorldNode
from sim.world.network import Network

NEVER = float("inf")
FIRST_KEY = 1 << 79  # after the keys of probes, which are requests'
ANSWER = 1 << 23  # numbers of the answers to checks


class Pulse:
    """Implements `contracts.Prober`; `heard(node_id, at, cpu_usage)` takes the heartbeats, `at` by the node's clock."""

    def __init__(
        self, runtime: VirtualRuntime, machines: Machines, network: Network, draws: Draws,
        heard: Callable[[str, float, float], None], interval_s: float, jitter_ratio: float,
    ) -> None:  # fmt: skip
        self.runtime, self.machines, self.network, self.draws = runtime, machines, network, draws
        self.heard, self.interval_s, self.jitter_ratio = heard, interval_s, jitter_ratio
        self.lost_count = 0

    def start(self) -> None:
        """Every machine there, and every one that comes, sends heartbeats."""
        self.machines.born_listeners.append(self.born)
        for node_id in self.machines.node_ids():
            self.born(node_id)

    def born(self, node_id: str) -> None:
        """A machine begins to send."""
        serial = self.machines.birth_of(node_id)
        phase = self.draws.uniform(HEARTBEAT, serial << 24)
        self._arm(node_id, serial, 0, self.runtime.now() + phase * self.interval_s)

    def _arm(self, node_id: str, serial: int, number: int, first_at: float) -> None:
        at = first_at + number * self.interval_s
        if self.jitter_ratio and number:
            jitter = self.draws.uniform(HEARTBEAT, serial << 24 | number)
            at += (jitter - 0.5) * self.jitter_ratio * self.interval_s
        beat = (node_id, serial, number, first_at)
        self.runtime.env.call_at(at, PROBE, FIRST_KEY | serial, self._beat, beat)

    def _beat(self, beat: tuple[str, int, int, float]) -> None:
        node_id, serial, number, first_at = beat
        if not self.machines.there(node_id):
            return
        node = self.machines.all[node_id]
        if node.works and not node.muted:
            delay_s = 0.0
            if not self.network.plain:
                delay_s = self.network.datagram_delay_s(serial, False, HEARTBEAT, serial << 24 | number)
            word = (node_id, node.clock(self.runtime.wall_at()), _usage(node))
            if not delay_s:
                self._arrive(word)
            elif delay_s < NEVER:
                at = self.runtime.now() + delay_s
                self.runtime.env.call_at(at, PROBE, FIRST_KEY | serial, self._arrive, word)
            else:
                self.lost_count += 1
        self._arm(node_id, serial, number + 1, first_at)

    def _arrive(self, word: tuple[str, float, float]) -> None:
        if self.machines.there(word[0]):
            self.heard(*word)

    async def probe(self, node_id: str, number: int) -> bool:
        """True once the node has answered."""
        if self.machines.there(node_id):
            node = self.machines.all[node_id]
            serial = node.ordinal
            there_s = back_s = 0.0
            if not self.network.plain:
                there_s = self.network.datagram_delay_s(serial, True, CHECK, serial << 24 | number)
                back_s = self.network.datagram_delay_s(serial, False, CHECK, serial << 24 | ANSWER | number)
            if node.works and there_s + back_s < NEVER:
                if there_s + back_s:
                    await self.runtime.sleep(there_s + back_s)
                if node.works:
                    return True
        while True:
            await self.runtime.event().wait()  # until the check's timeout


def _usage(node: WorldNode) -> float:
    agents = sum(pool.agents for pool in node.pools.values())
    busy = sum(pool.in_service for pool in node.pools.values())
    return min(1.0, busy / agents) if agents else 0.0
