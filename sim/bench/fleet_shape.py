"""What a node of the fleet is, by its ordinal: speeds and zones in turn, agents by type; and how many there may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sim.bench.schema import Config
from sim.types.fleet import NodeInfo
from sim.world.world import World

UNTYPED = "agent"
GROWTH = 2  # registered nodes an autoscaled fleet may have over its most: those that drain are not gone yet


@dataclass(frozen=True, slots=True)
class FleetShape:
    """`agents`: of a standard node, by type; `capacity`: agents that fit."""

    nodes: int
    nodes_max: int
    agents: dict[str, int]
    capacity: int
    speeds: tuple[float, ...]
    zones: tuple[str, ...]
    weigh_speed: bool

    @property
    def types(self) -> tuple[str, ...]:
        """Agent types in order."""
        return tuple(self.agents)

    @property
    def agents_per_node(self) -> int:
        """Agents of a standard node."""
        return sum(self.agents.values())

    @property
    def slots_max(self) -> int:
        """Pools the balancer may know."""
        return self.nodes_max * len(self.agents)

    def node(self, ordinal: int) -> NodeInfo:
        """The node of this birth serial."""
        speed, zone = self.speed(ordinal), self.zones[ordinal % len(self.zones)]
        metadata = {"zone": zone, "region": zone, "speed": speed if self.weigh_speed else 1.0}
        return NodeInfo(f"node-{ordinal}", "127.0.0.1", 8080, capacity=self.capacity, metadata=metadata)

    def speed(self, ordinal: int) -> float:
        """Work seconds done per second by one of its agents."""
        return self.speeds[ordinal % len(self.speeds)]

    def adder(self, world: World) -> Callable[[NodeInfo], None]:
        """Puts a node's machine into the world."""

        def add(info: NodeInfo) -> None:
            world.add_node(info.node_id, self.speed(len(world.nodes)), str(info.metadata["zone"]))

        return add


def shape_of(config: Config) -> FleetShape:
    """The fleet of a config."""
    fleet, scaler = config.fleet, config.autoscaler
    scales = scaler.kind != "none"
    return FleetShape(
        nodes=fleet.nodes,
        nodes_max=fleet.nodes + GROWTH * max(fleet.nodes, scaler.max_nodes) if scales else fleet.nodes,
        agents=dict(fleet.agent_types) or {UNTYPED: fleet.agents_per_node},
        capacity=fleet.capacity_agents or fleet.agents_per_node,
        speeds=tuple(fleet.speeds),
        zones=tuple(fleet.zones),
        weigh_speed=fleet.weights != "equal",
    )
