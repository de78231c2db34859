"""Machines of the world: physical facts and what a fault has done to them (implements `faults.target.FaultTarget`).

What the control plane believes of a machine is its own affair; here is what is true. A machine works when it is neither
down nor paused. Instants and durations in virtual seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sim.runtime.virtual import VirtualRuntime
from sim.world.fragile import Fragile
from sim.world.network import Network
from sim.world.pool import Pool


@dataclass(slots=True)
class WorldNode:
    """One machine: its place in the node table and its pools by agent type."""

    ordinal: int  # birth serial, row of the node table
    speed: float
    zone: str
    born_at: float
    gone_at: float = float("nan")
    pools: dict[str, Pool] = field(default_factory=dict)
    down: bool = False
    paused: bool = False
    muted: bool = False
    kept_state: bool = True  # its copies of agent states survived since it was last heard
    restarted: bool = False  # and it has not been heard since
    error_prob: float = 0.0
    speed_factor: float = 1.0
    skew_s: float = 0.0
    drift_ratio: float = 0.0
    skewed_at: float = 0.0

    @property
    def works(self) -> bool:
        """Whether anything happens on it."""
        return not self.down and not self.paused

    def clock(self, now: float) -> float:
        """What its own clock says."""
        return now + self.skew_s + self.drift_ratio * (now - self.skewed_at)

    def present(self) -> int:
        """Attempts that wait or run on it."""
        return sum(pool.present for pool in self.pools.values())


class Machines:
    """Machines by id, those that are gone included (their books are kept)."""

    def __init__(self, runtime: VirtualRuntime, network: Network | None) -> None:
        self.runtime = runtime
        self.all: dict[str, WorldNode] = {}
        self._network = network
        self.born_listeners: list[Callable[[str], None]] = []
        self.gone_listeners: list[Callable[[str], None]] = []
        self.on_requeue: Callable[[list[int], float], None] = _nothing  # rows whose connections broke
        self.on_broken: Callable[[str, bool], None] = _nothing  # (node id, whether the balancer sees a broken node)
        self.on_notice: Callable[[str, float], None] = _nothing
        self.on_error_prob: Callable[[], None] = _nothing

    @property
    def network(self) -> Network:
        """The network that faults break."""
        assert self._network is not None, "a world without faults"
        return self._network

    def add(self, node_id: str, speed: float, zone: str) -> WorldNode:
        """A machine is there (without agents yet); its id was not used before, since it names a row of the books."""
        assert node_id not in self.all
        node = self.all[node_id] = WorldNode(len(self.all), speed, zone, self.runtime.now())
        for listener in self.born_listeners:
            listener(node_id)
        return node

    def remove(self, node_id: str) -> None:
        """The machine is gone for good, with what still ran on it."""
        now = self.runtime.now()
        for pool in self._pools(node_id):
            pool.crash(now)
        self.all[node_id].gone_at = now
        for listener in self.gone_listeners:
            listener(node_id)

    def there(self, node_id: str) -> bool:
        """Whether it exists now."""
        node = self.all.get(node_id)
        return node is not None and node.gone_at != node.gone_at

    def node_ids(self) -> list[str]:
        """Machines there now, in birth order."""
        return [name for name, node in self.all.items() if node.gone_at != node.gone_at]

    def birth_of(self, node_id: str) -> int:
        """Birth serial."""
        return self.all[node_id].ordinal

    def zone_of(self, node_id: str) -> str:
        """Name of its zone."""
        return self.all[node_id].zone

    def crash(self, node_id: str, requeue: bool, keep_state: bool) -> None:
        """All it runs and holds in its queue is lost; with `requeue` the balancer sees it and sends it on."""
        node, now = self.all[node_id], self.runtime.now()
        node.down = True
        node.kept_state = node.kept_state and keep_state
        lost = [row for pool in self._pools(node_id) for row in pool.crash(now)]
        if requeue:
            for pool in self._pools(node_id):
                pool.refuses = True
            self.on_broken(node_id, True)
            self.on_requeue(lost, now)

    def restore(self, node_id: str) -> None:
        """The machine starts again; its supervisor starts the agents that were deployed on it."""
        node, now = self.all[node_id], self.runtime.now()
        node.down, node.restarted = False, True
        for pool in self._pools(node_id):
            pool.restore(now)
        self.on_broken(node_id, False)

    def pause(self, node_id: str) -> None:
        """The machine stops where it is."""
        self.all[node_id].paused = True
        for pool in self._pools(node_id):
            pool.pause(self.runtime.now())

    def resume(self, node_id: str) -> None:
        """It goes on where it was."""
        self.all[node_id].paused = False
        for pool in self._pools(node_id):
            pool.resume(self.runtime.now())

    def set_speed_factor(self, node_id: str, factor: float) -> None:
        """Speed over the machine's own."""
        self.all[node_id].speed_factor = factor
        for pool in self._pools(node_id):
            pool.set_speed_factor(factor, self.runtime.now())

    def set_error_prob(self, node_id: str, prob: float) -> None:
        """Chance that an attempt that was served is answered with an error."""
        self.all[node_id].error_prob = prob
        for pool in self._pools(node_id):
            pool.error_prob = prob
        self.on_error_prob()

    def mute(self, node_id: str, muted: bool) -> None:
        """Heartbeats only."""
        self.all[node_id].muted = muted

    def skew(self, node_id: str, offset_s: float, drift_ratio: float) -> None:
        """Its clock is off from now on."""
        node = self.all[node_id]
        node.skew_s, node.drift_ratio, node.skewed_at = offset_s, drift_ratio, self.runtime.now()

    def notice(self, node_id: str, notice_s: float) -> None:
        """A warning that the machine will be taken."""
        self.on_notice(node_id, notice_s)

    def match(self, node: WorldNode, pool: Fragile) -> None:
        """A new pool of a machine that is struck already."""
        now = self.runtime.now()
        pool.error_prob = node.error_prob
        if node.speed_factor != 1.0:
            pool.set_speed_factor(node.speed_factor, now)
        if node.paused:
            pool.pause(now)
        if node.down:
            pool.crash(now)

    def _pools(self, node_id: str) -> list[Fragile]:
        pools: list[Fragile] = list(self.all[node_id].pools.values())  # type: ignore[arg-type] # a struck world's are
        return pools


def _nothing(*_: object) -> None:
    """Nobody listens."""
