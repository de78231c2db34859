"""The world: nodes with agents that the control plane starts, request load, and the books of one run.

The world is the manager's `AgentHost`, hears of membership before the balancer does (`World.membership`) and listens to
the balancer's slots; it knows neither class. The initial fleet is deployed before the load starts and is ready at once;
agents that start later take `agent_start_s`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.contracts import ArrivalLaw, ClosedLaw, Draws, ServiceLaw, TokenLaw
from sim.runtime.virtual import VirtualRuntime
from sim.types.records import TRUNCATED, NodeTable, RunRecord
from sim.world.closed import ClosedClients
from sim.world.columns import Columns
from sim.world.engine import Engine
from sim.world.feed import Feed, Shape
from sim.world.marks import Marks
from sim.world.pool import Pool, PoolPlace
from sim.world.relay import MembershipRelay
from sim.world.seam import LoadBalancer

MakePool = Callable[[PoolPlace, Columns, Any, Any], Pool]


@dataclass(frozen=True, slots=True)
class Load:
    """What arrives and what it demands."""

    open: ArrivalLaw | None  # one of open and closed is there
    closed: ClosedLaw | None
    service: ServiceLaw | TokenLaw
    marks: Marks
    horizon_s: float
    drain_s: float


@dataclass(frozen=True, slots=True)
class WorldParams:
    """Facts of the fleet's hardware and of the queue at the balancer."""

    make_pool: MakePool
    queue_max: int  # a pool's waiting places
    central_queue_max: int
    types: tuple[str, ...]
    keyed: bool
    tokens: bool
    sharing: bool
    agent_start_s: float


@dataclass(slots=True)
class WorldNode:
    """One machine: its place in the node table and its pools by agent type."""

    ordinal: int
    speed: float
    zone: str
    born_at: float
    gone_at: float = float("nan")
    pools: dict[str, Pool] = field(default_factory=dict)


class World:
    """Nodes, pools and the engine of one run; `run` moves virtual time and gives the record."""

    def __init__(self, runtime: VirtualRuntime, balancer: LoadBalancer, draws: Draws, params: WorldParams) -> None:
        self.runtime, self.balancer, self.draws, self.params = runtime, balancer, draws, params
        self.columns = Columns(tokens=params.tokens)
        self.engine = Engine(runtime.env, self.columns, balancer, params.central_queue_max)
        self.membership = MembershipRelay(balancer, self.engine.membership_changed)
        self.nodes: dict[str, WorldNode] = {}
        self.agent_types: dict[tuple[str, str], str] = {}  # (node id, agent id) -> type of every agent that runs
        self.loaded = False
        balancer.slot_listeners.append(self._slot_added)

    def add_node(self, node_id: str, speed: float, zone: str) -> None:
        """A machine is there (without agents yet); its id was not used before, since it names a row of the books."""
        assert node_id not in self.nodes
        self.nodes[node_id] = WorldNode(len(self.nodes), speed, zone, self.runtime.now())

    def occupancy(self, node_id: str) -> tuple[int, int, int]:
        """Ready agents, attempts in service and attempts waiting on a node: what its heartbeat reports."""
        pools = self.nodes[node_id].pools.values()
        return (
            sum(pool.agents for pool in pools),
            sum(pool.in_service for pool in pools),
            sum(pool.present - pool.in_service for pool in pools),
        )

    async def start_agent(self, node_id: str, agent_id: str, config: dict[str, Any]) -> None:
        """AgentHost: the agent is ready once this returns."""
        if self.loaded and self.params.agent_start_s:
            await self.runtime.sleep(self.params.agent_start_s)
        agent_type = str(config["type"])
        self.agent_types[node_id, agent_id] = agent_type
        pool = self._pool(node_id, agent_type)
        pool.set_agents(pool.agents + 1, self.runtime.now())

    async def stop_agent(self, node_id: str, agent_id: str) -> None:
        """AgentHost: the agent takes no new attempt, a running one finishes; nothing for one that is not there."""
        agent_type = self.agent_types.pop((node_id, agent_id), None)
        if agent_type is None:
            return
        pool = self._pool(node_id, agent_type)
        pool.set_agents(pool.agents - 1, self.runtime.now())

    def _pool(self, node_id: str, agent_type: str) -> Pool:
        node = self.nodes[node_id]
        pool = node.pools.get(agent_type)
        if pool is None:
            params = self.params
            place = PoolPlace(node.ordinal, params.types.index(agent_type), node.speed, params.queue_max)
            pool = params.make_pool(place, self.columns, self.runtime.env, self.engine.answered)
            node.pools[agent_type] = pool
        return pool

    def _slot_added(self, slot: int, node_id: str, agent_type: str) -> None:
        pool = self._pool(node_id, agent_type)
        pool.slot, pool.generation = slot, self.balancer.generation[slot]
        pools = self.engine.pools
        pools.extend([pool] * (slot + 1 - len(pools)))
        pools[slot] = pool

    def run(self, load: Load) -> RunRecord:
        """Load the fleet from now on, until everything is answered or drained; gives the books."""
        params, balancer = self.params, self.balancer
        self.loaded = True
        shape = Shape(
            pick_width=balancer.draws_count,
            dispatchers_count=balancer.dispatchers_count,
            probes_count=balancer.probes_count,
            types_count=len(params.types),
            keyed=params.keyed,
            idle_tokens=balancer.needs_completion_draw,
        )
        feed = Feed(self.columns, self.draws, load.service, load.marks, shape)
        self.engine.start(load.horizon_s, load.drain_s)
        if load.closed is not None:
            clients = ClosedClients(load.closed, self.engine, feed, self.draws, load.horizon_s)
            self.engine.on_left = clients.on_left
            clients.start()
        if load.open is not None:
            self.engine.feed_open(feed.open_blocks(load.open.chunks(self.draws, load.horizon_s)))
        self.runtime.env.run(until=self.engine.done)
        return self._record(load)

    def _record(self, load: Load) -> RunRecord:
        ended_at = self.runtime.now()
        self.engine.close(ended_at)
        arrived = np.flatnonzero(~np.isnan(np.asarray(self.columns.arrived_at)))  # a closed client's next are unknown
        attempts = self.columns.table(arrived)
        terminating = load.open is not None and load.open.terminating
        horizon_s = load.horizon_s
        if terminating and len(arrived):  # a trace that ends before the horizon ends the run
            horizon_s = min(horizon_s, float(attempts.arrived_at.max()))
        return RunRecord(
            attempts=attempts,
            nodes=self._node_table(ended_at),
            horizon_s=horizon_s,
            ended_at=ended_at,
            arrivals_count=self.engine.arrivals_count,
            central_area_s=self.engine.central_area_s,
            terminating=terminating,
            processor_sharing=self.params.sharing,
            events_count=self.runtime.env.events_count,
        )

    def _node_table(self, ended_at: float) -> NodeTable:
        unfinished: dict[tuple[int, int], list[int]] = {}  # (node, type) -> rows at the end
        columns = self.columns
        last_type = len(self.params.types) - 1
        for row in np.flatnonzero(np.asarray(columns.status) == TRUNCATED).tolist():
            place = (columns.node[row], columns.pool_type[row] if last_type else 0)
            unfinished.setdefault(place, []).append(row)
        rows: list[tuple[float, ...]] = []
        for node in self.nodes.values():
            pools = [(self.params.types.index(name), pool) for name, pool in node.pools.items()]
            left = [pool.close(ended_at, unfinished.get((node.ordinal, kind), [])) for kind, pool in pools]
            books = [
                (p.agents, p.area_present_s, p.area_busy_s, p.work_done_s, p.arrived, p.answered, p.refused, p.present)
                for _, p in pools
            ]
            sums = [math.fsum(book[column] for book in books) for column in range(8)]  # no pools: all 0
            rows.append((*sums, math.fsum(left)))
        book = np.array(rows, dtype=np.float64).reshape(len(self.nodes), 9)
        nodes = list(self.nodes.values())
        counts = book.astype(np.int64)
        return NodeTable(
            node_id=list(self.nodes),
            zone=[node.zone for node in nodes],
            speed=np.array([node.speed for node in nodes]),
            agents=counts[:, 0],
            born_at=np.array([node.born_at for node in nodes]),
            gone_at=np.array([node.gone_at for node in nodes]),
            area_present_s=book[:, 1],
            area_busy_s=book[:, 2],
            work_done_s=book[:, 3],
            truncated_work_s=book[:, 8],
            arrived=counts[:, 4],
            answered=counts[:, 5],
            refused=counts[:, 6],
            truncated=counts[:, 7],
        )
