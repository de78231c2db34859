"""What nodes say of themselves: heartbeats on their own clock, and answers to active checks, over the network.

A heartbeat of a node goes out at birth + (k + phase + jitter) x interval, with a phase of its own, while the node works
and is not muted; it may be lost or late. A check ends when the node has answered; one that is down, paused or cut off
never does. Entities: birth serial << 24 | number.
Where nothing can strike (`is_held_back`) heartbeats are no events: they are worked out when somebody asks (`deliver`),
each with its own instant, but all with how busy the node is then; once a node was lost all the same (`wake`) they are.
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
        late: Callable[[str, float, float, float, int], None] | None = None, every: bool = False,
    ) -> None:  # fmt: skip
        self.runtime, self.machines, self.network, self.draws = runtime, machines, network, draws
        self.heard, self.interval_s, self.jitter_ratio = heard, interval_s, jitter_ratio
        self.lost_count = 0
        # (node_id, instant of the last, at by the node's clock, cpu_usage, how many): set while they are held back
        self.late, self.every = late, every  # `every`: one by one
        self._next: dict[str, tuple[int, int, float, float]] = {}  # serial, number, first and next instant

    def start(self) -> None:
        """Every machine there, and every one that comes, sends heartbeats."""
        self.machines.born_listeners.append(self.born)
        for node_id in self.machines.node_ids():
            self.born(node_id)

    def born(self, node_id: str) -> None:
        """A machine begins to send."""
        serial = self.machines.birth_of(node_id)
        phase = self.draws.uniform(HEARTBEAT, serial << 24)
        first_at = self.runtime.now() + phase * self.interval_s
        if self.late is not None:
            self._next[node_id] = serial, 0, first_at, first_at
        else:
            self._arm(node_id, serial, 0, first_at)

    def _at(self, serial: int, number: int, first_at: float) -> float:
        at = first_at + number * self.interval_s
        if self.jitter_ratio and number:
            jitter = self.draws.uniform(HEARTBEAT, serial << 24 | number)
            at += (jitter - 0.5) * self.jitter_ratio * self.interval_s
        return at

    def _arm(self, node_id: str, serial: int, number: int, first_at: float) -> None:
        beat = (node_id, serial, number, first_at)
        at = self._at(serial, number, first_at)
        self.runtime.env.call_at(at, PROBE, FIRST_KEY | serial, self._beat, beat)

    @property
    def is_held_back(self) -> bool:
        """Whether heartbeats wait until somebody asks."""
        return self.late is not None

    def deliver(self) -> None:
        """What was sent before this instant arrives."""
        late, now, epoch_s = self.late, self.runtime.env.now, self.runtime.wall_epoch_s
        if late is None:
            return
        gone, even = [], not self.every and not self.jitter_ratio
        for node_id, (serial, number, first_at, at) in self._next.items():
            if at >= now:
                continue
            node = self.machines.all[node_id]
            if node.gone_at == node.gone_at:
                gone.append(node_id)
                continue
            usage, count, last_at = _usage(node), 0, at
            if even:
                number, count, last_at, at = self._sent_until(now, number, first_at)
            while at < now:
                number += 1
                if self.every:
                    late(node_id, at, node.clock(epoch_s + at), usage, 1)
                else:
                    count, last_at = count + 1, at
                at = self._at(serial, number, first_at)
            if count:
                late(node_id, last_at, node.clock(epoch_s + last_at), usage, count)
            self._next[node_id] = serial, number, first_at, at
        for node_id in gone:
            del self._next[node_id]

    def _sent_until(self, now: float, number: int, first_at: float) -> tuple[int, int, float, float]:
        """Of heartbeats without jitter: the first not sent before `now`, how many were, instants of the last and it."""
        interval_s = self.interval_s
        to = max(int((now - first_at) / interval_s), number + 1)
        while to > number + 1 and first_at + (to - 1) * interval_s >= now:  # the quotient is rounded
            to -= 1
        while first_at + to * interval_s < now:
            to += 1
        return to, to - number, first_at + (to - 1) * interval_s, first_at + to * interval_s

    def wake(self) -> None:
        """From now on every heartbeat is an event."""
        if self.late is not None:
            self.deliver()
            self.late = None
            for node_id, (serial, number, first_at, _) in self._next.items():
                self._arm(node_id, serial, number, first_at)
            self._next.clear()

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
    agents = busy = 0
    for pool in node.pools.values():
        agents += pool.agents
        busy += pool.in_service
    return min(1.0, busy / agents) if agents else 0.0
