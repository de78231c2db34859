"""The one place where config meets classes: a validated `Config` becomes a fleet, its load and one run of it.

The control plane is the real one: the DistributedManager registers the nodes and deploys the agents through the world
on virtual time, the Balancer hears of them, and the engine asks that Balancer for every request. A run under fire gets
health, failover, scaling and faults on top (`sim.bench.fire`). After assembly no room sees a config.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sim.bench.capacity import capacity_per_s
from sim.bench.collector import held_off
from sim.bench.compiled import engine_maker, not_compiled, wants_compiled
from sim.bench.fire import Fire, slow_start_params
from sim.bench.fleet_shape import FleetShape, shape_of
from sim.bench.history import HistoryLog
from sim.bench.params import copy, fields
from sim.bench.rules import check_requests, is_under_fire
from sim.bench.schema import Config
from sim.bench.streamed import is_streamed, stream_params
from sim.errors import ConfigError
from sim.kernel.errors import CannotCompile
from sim.measure.stream import Stream
from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.manager import DistributedManager
from sim.types.records import RunRecord, StreamTable
from sim.world.attempts import redraw
from sim.world.batching import BatchingPool
from sim.world.faults.overload import OverloadParams, overload_chunks
from sim.world.fifo import FifoPool
from sim.world.fragile_fifo import FragileFifo
from sim.world.fragile_sharing import FragileSharing, fragile_batching
from sim.world.marks import Marks
from sim.world.params import ArrivalParams, ColumnParams, ServiceParams
from sim.world.sharing import SharingPool
from sim.world.world import Load, World, WorldParams

HEARTBEAT_S = 30.0  # the source's health_check_interval


@dataclass(slots=True)
class Assembly:
    """Everything of one replication, ready to run."""

    runtime: VirtualRuntime
    manager: DistributedManager
    balancer: Balancer
    world: World
    load: Load
    log: EventLog
    config: Config
    shape: FleetShape
    fire: Fire | None = None
    door: Any = None  # the gateway that requests pass, if they do
    plugged: Any = None  # the plugin manager, if there is one
    engine: str = "simpy"
    setup_cpu_s: float = 0.0  # to deploy the fleet and start the control plane
    load_cpu_s: float = 0.0  # to load it, tables included

    def run(self, heartbeats: bool = True) -> RunRecord:
        """Deploy the fleet, load it, and give the record; the runtime is closed afterwards.

        `heartbeats` of a plain run say nothing that changes its answer; without them the engine is alone.
        """
        started, cpu_s = time.perf_counter(), time.process_time()
        try:
            with held_off():
                self.runtime.run_task(self._deploy())
            if self.fire is None and heartbeats:
                self.runtime.spawn(self._heartbeats(), "heartbeats")
            elif self.fire is not None:
                self.runtime.run_task(self.fire.start())
                if self.plugged is not None:
                    self.runtime.run_task(self.plugged.start())
            self.setup_cpu_s = time.process_time() - cpu_s
            record = self.world.run(self.load)
            self.load_cpu_s = time.process_time() - cpu_s - self.setup_cpu_s
            record.notes["fleet"] = str(self.manager.status())
            if self.fire is not None:
                self.fire.finish(record)
            if self.door is not None:
                record.counts |= self.door.counts()
            if self.plugged is not None:
                record.counts |= self.runtime.run_task(self.plugged.finish())
        finally:
            self.manager.halt()
            self.runtime.close()
        record.engine = self.engine
        record.digest = digest(record, self.log)
        record.wall_s = time.perf_counter() - started
        return record

    async def _deploy(self) -> None:
        shape, add = self.shape, self.shape.adder(self.world)
        for ordinal in range(shape.nodes):
            info = shape.node(ordinal)
            add(info)
            await self.manager.register_node(info)
        for agent_type, count in shape.agents.items():  # placement spreads each type evenly over equal nodes
            for number in range(count * shape.nodes):
                name = f"{agent_type}-{number}"
                await self.manager.deploy_agent({"name": name, "type": agent_type, "model": "simulated"})

    async def _heartbeats(self) -> None:
        """Every node reports its load, in birth order."""
        tick = 0
        while True:
            tick += 1
            await self.runtime.sleep_until(tick * HEARTBEAT_S)
            for node_id in self.world.nodes:
                agents, busy, _ = self.world.occupancy(node_id)
                usage = min(1.0, busy / agents) if agents else 0.0
                self.manager.heartbeat(node_id, cpu_usage=usage)


def assemble(config: Config, replication: int, replay: Any = None) -> Assembly:
    """Build one replication of a design point; raises `ConfigError` for what cannot be built.

    `replay`: a journal of hook calls that answers in the place of the plugins.
    """
    draws = CounterDraws(config.seed, replication)
    runtime = VirtualRuntime()
    shape = shape_of(config)
    types = shape.types
    balancer = make_balancer(
        copy(BalancerParams, config.balancer), types, shape.slots_max, slow_start_params(config, runtime.now)
    )
    service = lookup("service", config.service.kind)(copy(ServiceParams, config.service))
    load = make_load(config, types, service)
    make_params = partial(
        world_params, config, types, service, hasattr(service, "tokens"), stream=make_stream(config, load)
    )
    compiles, feature = wants_compiled(config), not_compiled(config)
    if compiles and feature is not None:
        raise ConfigError("engine", config.engine, f"simpy or auto: the compiled engine does not run {feature}")
    if is_under_fire(config):
        check_requests(config)
        plugged = make_plugged(config, runtime, draws, balancer, types, replay)
        fire_log = HistoryLog() if plugged is None else plugged.log
        fire = Fire(config, runtime, draws, balancer, fire_log, shape)
        door = make_door(config, runtime, draws)
        fire_params, engine = partial(make_params, True, door=door, plugged=plugged), "simpy"
        if compiles:
            maker = engine_maker(balancer, config, len(types), service, None)
            try:
                manager = fire.build(lambda: replace(fire_params(), make_engine=maker))
                engine = "compiled"
            except CannotCompile as error:
                if config.engine == "compiled":
                    raise ConfigError("engine", config.engine, f"simpy or auto: {error}") from error
                return assemble(replace(config, engine="simpy"), replication)
        else:
            manager = fire.build(fire_params)
        world = fire.world
        if door is not None:
            door.connect(manager)
        if plugged is not None:
            plugged.connect(fire)
        if config.service.per_attempt == "redraw":
            assert world.rules is not None
            world.rules.redraw = lambda row: redraw(world.columns, row, service, draws)
        return Assembly(
            runtime, manager, balancer, world, load, fire_log, config, shape, fire, door, engine
        )
    log = EventLog()
    params, engine = make_params(), "simpy"
    if compiles:
        maker = engine_maker(balancer, config, len(types), service, params.stream)
        try:
            world, engine = World(runtime, balancer, draws, replace(params, make_engine=maker)), "compiled"
        except CannotCompile as error:
            if config.engine == "compiled":
                raise ConfigError("engine", config.engine, f"simpy or auto: {error}") from error
    if engine == "simpy":
        world = World(runtime, balancer, draws, params)
    manager = DistributedManager(
        {
            "load_balancing_strategy": config.balancer.kind,
            "max_nodes": shape.nodes,
            "auto_scaling": False,
            "failover_enabled": False,
            "data_replication": False,
            "agents_max": config.fleet.nodes * config.fleet.agents_per_node,
            "agent_types_max": len(types),
        },
        runtime=runtime,
        membership=world.membership,
        host=world,
        events=log,
    )
    return Assembly(runtime, manager, balancer, world, load, log, config, shape, engine=engine)


def world_params(
    config: Config, types: tuple[str, ...], service: Any, tokens: bool, fire: bool = False,
    stream: Stream | None = None, door: Any = None, plugged: Any = None,
) -> WorldParams:  # fmt: skip
    """The facts of the hardware; refuses a discipline that the service law does not have."""
    sharing = config.service.discipline == "ps"
    if tokens and sharing:
        raise ConfigError("service.discipline", "ps", "fifo with service=llm (a node batches by itself)")
    make_pool: Callable[..., Any] = SharingPool if sharing else FifoPool
    if fire:
        make_pool = FragileSharing if sharing else fragile_batching(service) if tokens else FragileFifo
    elif tokens:

        def make_pool(*args: Any) -> Any:
            return BatchingPool(service, *args)

    poison = config.faults.poison_request
    return WorldParams(
        make_pool=make_pool,
        queue_max=config.fleet.queue_max,
        central_queue_max=config.balancer.queue_max,
        types=types,
        keyed=config.balancer.kind == "consistent_hash" or plugged is not None,
        tokens=tokens,
        sharing=sharing or tokens,
        agent_start_s=config.fleet.agent_start_s,
        drop_expired=config.deadline_propagation in ("dequeue", "kill"),
        priority_mix=tuple(config.admission.priority_mix),
        single_ratio=config.retry.non_idempotent_ratio,
        poison_prob=poison.prob if poison.enabled else 0.0,
        poison_restart_s=poison.restart_s,
        stream=stream,
        door=door,
        hooks=plugged if plugged is not None and plugged.on_requests else None,
    )


def make_door(config: Config, runtime: VirtualRuntime, draws: CounterDraws) -> Any:
    """The gateway that requests pass, None where they go straight to the balancer."""
    if not config.gateway.enabled:
        return None
    from sim.bench.gated import GatewayDoor  # FastAPI is loaded for runs that pass it only

    return GatewayDoor(config, runtime, draws)


def make_plugged(
    config: Config, runtime: VirtualRuntime, draws: CounterDraws, balancer: Balancer, types: tuple[str, ...],
    replay: Any,
) -> Any:  # fmt: skip
    """The plugin manager with its plugins, None where none is enabled."""
    if not config.plugins.enabled:
        return None
    from sim.bench.plugged import Plugged  # manifests and sandbox are loaded for runs that have plugins only

    return Plugged(config, runtime, draws, balancer, types, replay)


def make_stream(config: Config, load: Load) -> Stream | None:
    """The books of a run whose requests are not kept, None for one that keeps them."""
    if not is_streamed(config):
        return None
    terminating = load.open is not None and load.open.terminating
    return Stream(stream_params(config, terminating, hasattr(load.service, "tokens")))


def make_load(config: Config, types: tuple[str, ...], service: Any) -> Load:
    """The request load; a utilization ratio becomes a rate by the fleet's capacity."""
    arrivals = config.arrivals
    rate_per_s = arrivals.rate_per_s
    if arrivals.utilization_ratio is not None:
        rate_per_s = arrivals.utilization_ratio * capacity_per_s(config, service)
    columns = copy(ColumnParams, arrivals.columns)
    params = ArrivalParams(**{**fields(arrivals), "columns": columns, "types": types})
    law = lookup("arrivals", arrivals.kind)(params, rate_per_s)
    shares = tuple(arrivals.type_mix.get(name, 0.0) for name in types) if arrivals.type_mix else None
    marks = Marks(shares, arrivals.keys_count, arrivals.keys_zipf)
    closed = hasattr(law, "clients_count")
    if closed:
        check_thinking(config)
    return Load(
        open=None if closed else law,
        closed=law if closed else None,
        service=service,
        marks=marks,
        horizon_s=config.horizon_s,
        drain_s=config.drain_s,
        side=None if closed else _overload(config, law),
    )


def _overload(config: Config, law: Any) -> Callable[..., Any] | None:
    """The extra arrivals of an overload, in terms of the load's mean rate."""
    part = config.faults.overload
    if not part.enabled:
        return None
    params, mean_rate_per_s = copy(OverloadParams, part), law.rate_per_s()
    return lambda draws, horizon_s: overload_chunks(params, mean_rate_per_s, draws, horizon_s)


def check_thinking(config: Config) -> None:
    """Raises `ConfigError` for clients who are refused and back in the same instant, for ever."""
    fleet, arrivals = config.fleet, config.arrivals
    if not arrivals.think_s and is_under_fire(config):
        accepted = "above 0 in a run under fire (admission, a breaker or a fault turns requests away at once)"
        raise ConfigError("arrivals.think_s", arrivals.think_s, accepted)
    agents = min(fleet.agent_types.values(), default=fleet.agents_per_node)
    places = agents + (config.balancer.queue_max if config.balancer.queue == "central" else fleet.queue_max)
    if not arrivals.think_s and arrivals.clients_count > places:
        accepted = f"above 0 with more clients ({arrivals.clients_count}) than agents and waiting places ({places})"
        raise ConfigError("arrivals.think_s", arrivals.think_s, accepted)


def run_replication(config: Config, replication: int) -> RunRecord:
    """One replication of one design point, from an empty fleet to the drained books."""
    return assemble(config, replication).run()


def digest(record: RunRecord, log: EventLog) -> str:
    """blake2b over the event log's digest and every column of the attempt table, or of what stands for it."""
    table = record.attempts
    state = hashlib.blake2b(log.digest().encode(), digest_size=16)
    for name in ("request", "attempt", "arrived_at", "started_at", "finished_at", "node", "status"):
        state.update(getattr(table, name).tobytes())
    for field in dataclasses.fields(StreamTable) if record.stream is not None else ():
        column = getattr(record.stream, field.name)
        state.update(b"" if column is None else column.tobytes())
    return state.hexdigest()
