"""The world: nodes with agents that the control plane starts, request load, and the books of one run.

The world is the manager's `AgentHost`, hears of membership before the balancer does (`World.membership`) and listens to
the balancer's slots; it knows neither class. The initial fleet is deployed before the load starts and is ready at once;
agents that start later take `agent_start_s`. With `rules` requests may have several attempts and nodes may be struck
(`resilient`, `machines`); without, the plain engine moves them.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.contracts import ArrivalChunk, ArrivalLaw, ClosedLaw, Draws, ServiceLaw, TokenLaw
from sim.errors import NodeError
from sim.runtime.virtual import VirtualRuntime
from sim.types.records import AgentSteps, RunRecord, StreamTable
from sim.world.books import arrived_rows, node_table
from sim.world.closed import ClosedClients
from sim.world.columns import Columns
from sim.world.engine import Engine
from sim.world.engines import attempts_engine, plain_engine
from sim.world.feed import Feed, Shape
from sim.world.fragile import Fragile
from sim.world.gate import Door, Gate
from sim.world.hooked import Hooked, RequestHooks
from sim.world.machines import Machines
from sim.world.marks import Marks
from sim.world.network import Network
from sim.world.pool import Pool, PoolPlace
from sim.world.relay import MembershipRelay
from sim.world.resilient import ResilientEngine
from sim.world.seam import LoadBalancer, RequestRules
from sim.world.side import SideStream
from sim.world.streaming import BusySamples, Stream, stream_open

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
    side: Callable[[Draws, float], Iterator[ArrivalChunk]] | None = None  # (draws, horizon_s) -> chunks of an overload


@dataclass(frozen=True, slots=True)
class WorldParams:
    """Facts of the fleet's hardware and of the queue at the balancer."""

    make_pool: MakePool  # of pools that may be struck, where there are rules
    queue_max: int  # a pool's waiting places
    central_queue_max: int
    types: tuple[str, ...]
    keyed: bool
    tokens: bool
    sharing: bool
    agent_start_s: float
    drop_expired: bool = False  # a node does not start what was given up
    priority_mix: tuple[float, ...] = (1.0,)
    single_ratio: float = 0.0
    poison_prob: float = 0.0
    poison_restart_s: float = 0.0
    make_engine: Callable[..., Any] | None = None  # (environment, draws[, rules, network, restart_s]): a compiled one
    stream: Stream | None = None  # takes the requests that are not kept
    door: Door | None = None  # asked before a request is sent; of runs with rules
    hooks: RequestHooks | None = None  # around every request, behind the door; of runs with rules


class World:
    """Nodes, pools and the engine of one run; `run` moves virtual time and gives the record."""

    def __init__(
        self, runtime: VirtualRuntime, balancer: LoadBalancer, draws: Draws, params: WorldParams,
        rules: RequestRules | None = None,
    ) -> None:  # fmt: skip
        self.runtime, self.balancer, self.draws, self.params = runtime, balancer, draws, params
        self.rules = rules
        self.network = Network(draws) if rules is not None else None
        self.machines = Machines(runtime, self.network)
        self.nodes = self.machines.all
        self.engine = self._make_engine()
        self.columns: Any = self.engine.columns
        self.membership = MembershipRelay(balancer, self.engine.membership_changed, self._leaving)
        self.agent_types: dict[tuple[str, str], str] = {}  # (node id, agent id) -> type of every agent that runs
        self.loaded = False
        shared, busy_of = params.sharing and not params.tokens, getattr(self.engine, "busy_s", None)
        self.busy_samples = BusySamples(runtime.env, self.nodes, shared, busy_of)
        self.steps: tuple[array[int], array[float], array[int]] = (array("i"), array("d"), array("i"))
        balancer.slot_listeners.append(self._slot_added)

    def _make_engine(self) -> Engine:
        env, params = self.runtime.env, self.params
        if self.rules is None:
            return plain_engine(env, self.draws, self.balancer, params)
        assert self.network is not None
        engine = attempts_engine(env, self.draws, self.balancer, params, self.rules, self.network)

        def errors_changed() -> None:
            poison = params.poison_prob > 0.0
            engine.chances.any = poison or any(node.error_prob for node in self.nodes.values())

        self.machines.on_requeue, self.machines.on_error_prob = engine.requeue, errors_changed
        return engine

    def add_node(self, node_id: str, speed: float, zone: str) -> None:
        """A machine is there (without agents yet); its id was not used before, since it names a row of the books."""
        self.machines.add(node_id, speed, zone)

    def occupancy(self, node_id: str) -> tuple[int, int, int]:
        """Ready agents, attempts in service and attempts waiting on a node: what its heartbeat reports."""
        pools = self.nodes[node_id].pools.values()
        return (
            sum(pool.agents for pool in pools),
            sum(pool.in_service for pool in pools),
            sum(pool.present - pool.in_service for pool in pools),
        )

    async def start_agent(self, node_id: str, agent_id: str, config: dict[str, Any], epoch: int = 0) -> None:
        """AgentHost: the agent is ready once this returns; never, on a machine that does not answer."""
        await self._answering(node_id)
        if self.loaded and self.params.agent_start_s:
            await self.runtime.sleep(self.params.agent_start_s)
            await self._answering(node_id)
        agent_type = str(config["type"])
        self.agent_types[node_id, agent_id] = agent_type
        self._change_agents(node_id, agent_type, 1)

    async def stop_agent(self, node_id: str, agent_id: str) -> None:
        """AgentHost: the agent takes no new attempt, a running one finishes; nothing for one that is not there."""
        if (node_id, agent_id) not in self.agent_types:
            return
        await self._answering(node_id)
        agent_type = self.agent_types.pop((node_id, agent_id), None)
        if agent_type is not None:
            self._change_agents(node_id, agent_type, -1)

    async def _answering(self, node_id: str) -> None:
        """Returns at once for a machine that works, never for one that does not; raises `NodeError` for none at all."""
        if not self.machines.there(node_id):
            raise NodeError(node_id, "the machine is gone")
        node = self.nodes[node_id]
        network, serial = self.network, node.ordinal
        cut_off = network is not None and (network.blocked(serial, True) or network.blocked(serial, False))
        if not node.works or cut_off:
            await self.runtime.event().wait()

    def _change_agents(self, node_id: str, agent_type: str, change: int) -> None:
        pool = self._pool(node_id, agent_type)
        if isinstance(pool, Fragile):
            pool.assign(change, self.runtime.now())
        else:
            pool.set_agents(pool.agents + change, self.runtime.now())

    def _pool(self, node_id: str, agent_type: str) -> Pool:
        node = self.nodes[node_id]
        pool = node.pools.get(agent_type)
        if pool is None:
            params = self.params
            place = PoolPlace(node.ordinal, params.types.index(agent_type), node.speed, params.queue_max)
            make_pool = params.make_pool if params.make_engine is None else self.engine.make_pool  # type: ignore[attr-defined]
            pool = make_pool(place, self.columns, self.runtime.env, getattr(self.engine, "answered", None))
            node.pools[agent_type] = pool
            if isinstance(pool, Fragile):
                pool.arm(params.drop_expired, self._agents_changed)
                if params.poison_prob and isinstance(self.engine, ResilientEngine):
                    pool.on_served = self.engine.chances.served
                self.machines.match(node, pool)
        return pool

    def _agents_changed(self, node: int, now: float, change: int) -> None:
        nodes, instants, changes = self.steps
        nodes.append(node)
        instants.append(now)
        changes.append(change)

    def _slot_added(self, slot: int, node_id: str, agent_type: str) -> None:
        pool = self._pool(node_id, agent_type)
        pool.slot, pool.generation = slot, self.balancer.generation[slot]
        pools = self.engine.pools
        pools.extend([pool] * (slot + 1 - len(pools)))
        pools[slot] = pool

    def _leaving(self, node_id: str) -> None:
        """The balancer is about to forget a node: what is still under way there ends."""
        if isinstance(self.engine, ResilientEngine):
            for pool in self.nodes[node_id].pools.values():
                if pool.slot >= 0:
                    self.engine.left(pool.slot)

    def run(self, load: Load) -> RunRecord:
        """Load the fleet from now on, until everything is answered or drained; gives the books."""
        params, balancer, rules = self.params, self.balancer, self.rules
        self.loaded = True
        shape = Shape(
            pick_width=balancer.draws_count,
            dispatchers_count=balancer.dispatchers_count,
            probes_count=balancer.probes_count,
            types_count=len(params.types),
            keyed=params.keyed,
            idle_tokens=balancer.needs_completion_draw,
            priority_mix=params.priority_mix,
            single_ratio=params.single_ratio,
            admits_by_chance=rules is not None and rules.admission is not None and rules.admission.needs_draw,
            poison_prob=params.poison_prob,
        )
        feed = Feed(getattr(self.engine, "known", self.columns), self.draws, load.service, load.marks, shape)
        if params.stream is not None:
            self.busy_samples.start(params.stream.sample_at)
        if isinstance(self.engine, ResilientEngine):
            self.engine.chances.poisonous = feed.poisonous
        if params.make_engine is not None:
            return self._run_compiled(load, feed)
        self.engine.start(load.horizon_s, load.drain_s)
        if load.closed is not None:
            clients = ClosedClients(load.closed, self.engine, feed, self.draws, load.horizon_s)
            self.engine.on_left = clients.on_left
            clients.start()
        if params.hooks is not None:
            Hooked(self.engine, self.runtime, params.hooks)
        if params.door is not None:
            Gate(self.engine, self.runtime, params.door)
        if load.open is not None:
            self.engine.feed_open(feed.open_blocks(load.open.chunks(self.draws, load.horizon_s)))
        if load.side is not None:
            self._start_side(load.side, load.horizon_s, feed)
        self.runtime.env.run(until=self.engine.done)
        return self._record(load)

    def end(self) -> None:
        """End the run at this instant, as when its drain is over: what is still under way is truncated."""
        if not self.engine.done.triggered:
            self.engine.done.succeed()

    def _run_compiled(self, load: Load, feed: Feed) -> RunRecord:
        """The same load through the compiled engine."""
        engine: Any = self.engine
        engine.start(load.horizon_s, load.drain_s)
        engine.load(load, self.draws, feed)
        if load.side is not None:
            self._start_side(load.side, load.horizon_s, feed)
        engine.run()
        return self._record(load)

    def _start_side(self, side: Callable[[Draws, float], Iterator[ArrivalChunk]], horizon_s: float, feed: Feed) -> None:
        blocks = feed.open_blocks(side(self.draws, horizon_s), in_order=False)
        SideStream(self.engine, blocks, feed.columns).start()

    def _record(self, load: Load) -> RunRecord:
        ended_at = self.runtime.now()
        self.engine.close(ended_at)
        arrived = arrived_rows(self.columns, load.closed is not None)
        stream = self.params.stream
        if stream is not None:
            stream_open(self.engine, self.columns, stream, ended_at)
            arrived = arrived[:0]
        attempts = self.columns.table(arrived)
        nodes = node_table(self.nodes, self.columns, self.params.types, ended_at)
        release = getattr(self.engine, "release", None)
        if release is not None:
            release()
        terminating = load.open is not None and load.open.terminating
        horizon_s = load.horizon_s
        endless = getattr(load.open, "endless", False)
        if terminating and not endless and len(arrived):  # a trace that ends before the horizon ends the run
            horizon_s = min(horizon_s, float(attempts.arrived_at.max()))
        return RunRecord(
            attempts=attempts,
            nodes=nodes,
            horizon_s=horizon_s,
            ended_at=ended_at,
            arrivals_count=self.engine.arrivals_count,
            central_area_s=self.engine.central_area_s,
            terminating=terminating,
            processor_sharing=self.params.sharing,
            agent_steps=self._steps(),
            stream=None if stream is None else self._streamed(stream, ended_at),
            events_count=self.runtime.env.events_count,
        )

    def _streamed(self, stream: Stream, ended_at: float) -> StreamTable:
        return stream.table(self.busy_samples.table(len(stream.sample_at), ended_at))

    def _steps(self) -> AgentSteps | None:
        if self.rules is None:
            return None
        node, at, step = self.steps
        return AgentSteps(np.array(node, dtype=np.int32), np.array(at), np.array(step, dtype=np.int32))
