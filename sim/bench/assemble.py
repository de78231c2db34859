"""The one place where config meets classes: a validated `Config` becomes a fleet, its load and one run of it.

The control plane is the real one: the DistributedManager registers the nodes and deploys the agents through the world
on virtual time, the Balancer hears of them, and the engine asks that Balancer for every request. A run under fire gets
health, failover, scaling and faults on top (`sim.bench.fire`). After assembly no room sees a config.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from sim.bench.collector import held_off, set_aside
from sim.bench.compiled import engine_maker
from sim.bench.engine_choice import not_compiled, wants_compiled
from sim.bench.fire import Fire, slow_start_params
from sim.bench.fleet_shape import FleetShape, shape_of
from sim.bench.hardware import world_params
from sim.bench.history import HistoryLog
from sim.bench.loads import make_load
from sim.bench.params import copy
from sim.bench.rules import check_requests, is_under_fire
from sim.bench.schema import Config
from sim.bench.streamed import is_streamed, stream_params
from sim.bench.taps import Taps
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
from sim.types.records import ENGINE_NOTE, RunRecord, StreamTable
from sim.world.attempts import redraw
from sim.world.params import ServiceParams
from sim.world.world import Load, World

HEARTBEAT_S = 30.0  # the source's health_check_interval
Job = Callable[[], Coroutine[Any, Any, None]]


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
    tuned: Any = None  # the optimizer with the agents that it tunes, if there is one
    engine: str = "simpy"
    not_compiled: str = ""  # why `engine=auto` wanted the compiled engine and could not have it
    setup_cpu_s: float = 0.0  # to deploy the fleet and start the control plane
    load_cpu_s: float = 0.0  # to load it, tables included

    def run(self, heartbeats: bool = True, deploy: Job | None = None, beside: Sequence[Job] = ()) -> RunRecord:
        """Deploy the fleet, load it, and give the record; the runtime is closed afterwards.

        `heartbeats` of a plain run say nothing that changes its answer; without them the engine is alone. `deploy`
        takes the place of the standard fleet's deployment; `beside` are jobs that run while the load does.
        """
        started, cpu_s = time.perf_counter(), time.process_time()
        try:
            with held_off():
                self.runtime.run_task(self._deploy() if deploy is None else deploy())
            if self.fire is None and heartbeats:
                self.runtime.spawn(self._heartbeats(), "heartbeats")
            elif self.fire is not None:
                self.runtime.run_task(self.fire.start())
                if self.plugged is not None:
                    self.runtime.run_task(self.plugged.start())
                if self.tuned is not None:
                    self.runtime.run_task(self.tuned.start())
            for job in beside:
                self.runtime.spawn(job(), "beside")
            self.setup_cpu_s = time.process_time() - cpu_s
            with set_aside(), self.runtime.stepping():
                record = self.world.run(self.load)
            self.load_cpu_s = time.process_time() - cpu_s - self.setup_cpu_s
            record.notes["fleet"] = str(self.manager.status())
            if self.fire is not None:
                self.fire.finish(record)
            if self.door is not None:
                record.counts |= self.door.counts()
            if self.tuned is not None:
                record.counts |= self.tuned.counts()
            if self.plugged is not None:
                record.counts |= self.runtime.run_task(self.plugged.finish())
                record.journal = self.plugged.journal_lines()
        finally:
            self.close()
        record.engine = self.engine
        if self.not_compiled:
            record.notes[ENGINE_NOTE] = f"engine=simpy: {self.not_compiled}"
        record.digest = digest(record, self.log)
        record.wall_s = time.perf_counter() - started
        return record

    def close(self) -> None:
        """Let go of the clock, and of plugins with what they brought; also of an assembly that is not run."""
        if self.plugged is not None:
            self.plugged.manager.abandon()
        self.manager.halt()
        self.runtime.close()

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


def assemble(config: Config, replication: int, replay: Any = None, taps: Taps | None = None) -> Assembly:
    """Build one replication of a design point; raises `ConfigError` for what cannot be built.

    `replay`: a journal of hook calls that answers in the place of the plugins. `taps`: of who watches a run under fire.
    """
    compiles, feature = wants_compiled(config), not_compiled(config)
    if compiles and feature is not None:
        raise ConfigError("engine", config.engine, f"simpy or auto: the compiled engine does not run {feature}")
    taps = taps or Taps()
    draws, runtime, shape = CounterDraws(config.seed, replication), VirtualRuntime(taps.env), shape_of(config)
    plugged = make_plugged(config, runtime, draws, shape.types, replay)
    try:  # what plugins bring is there from here on
        return _assemble(config, replication, runtime, draws, shape, compiles, plugged, taps)
    except BaseException:
        if plugged is not None:
            plugged.manager.abandon()
        raise


def _assemble(
    config: Config, replication: int, runtime: VirtualRuntime, draws: CounterDraws, shape: FleetShape, compiles: bool,
    plugged: Any, taps: Taps,
) -> Assembly:  # fmt: skip
    types = shape.types
    balancer = make_balancer(
        copy(BalancerParams, config.balancer), types, shape.slots_max, slow_start_params(config, runtime.now)
    )
    service = lookup("service", config.service.kind)(copy(ServiceParams, config.service))
    load = make_load(config, types, service)
    make_params = partial(
        world_params, config, types, service, hasattr(service, "tokens"), stream=make_stream(config, load)
    )
    if is_under_fire(config):
        check_requests(config)
        if plugged is not None:
            plugged.stand_at(balancer)
        fire_log = HistoryLog() if plugged is None else plugged.log
        taps.on_balancer(balancer)
        fire = Fire(config, runtime, draws, balancer, fire_log, shape, taps)
        door = make_door(config, runtime, draws)
        review = None if plugged is None else plugged.review
        tuned = make_tuned(config, runtime, draws, fire_log, shape.nodes, review)
        fire_params, engine = partial(make_params, True, door=door, plugged=plugged, tuned=tuned), "simpy"
        if compiles:
            maker = engine_maker(balancer, config, len(types), service, make_params.keywords["stream"])
            try:
                manager = fire.build(lambda: replace(fire_params(), make_engine=maker))
                engine = "compiled"
            except CannotCompile as error:
                if config.engine == "compiled":
                    raise ConfigError("engine", config.engine, f"simpy or auto: {error}") from error
                found = assemble(replace(config, engine="simpy"), replication, None, taps)
                found.not_compiled = str(error)
                return found
        else:
            manager = fire.build(fire_params)
        world = fire.world
        if tuned is not None:
            tuned.connect(world)
        if door is not None:
            parts = (None if plugged is None else plugged.manager, None if tuned is None else tuned.optimizer)
            door.connect(manager, *parts)
        if plugged is not None:
            plugged.connect(fire)
        if config.service.per_attempt == "redraw":
            assert world.rules is not None
            single_draws = getattr(world.engine, "single_draws", draws)
            world.rules.redraw = lambda row: redraw(world.columns, row, service, single_draws)
        return Assembly(
            runtime, manager, balancer, world, load, fire_log, config, shape, fire, door, plugged, tuned, engine
        )
    log = EventLog()
    params, engine, why = make_params(), "simpy", ""
    if compiles:
        maker = engine_maker(balancer, config, len(types), service, params.stream)
        try:
            world, engine = World(runtime, balancer, draws, replace(params, make_engine=maker)), "compiled"
        except CannotCompile as error:
            if config.engine == "compiled":
                raise ConfigError("engine", config.engine, f"simpy or auto: {error}") from error
            why = str(error)
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
    return Assembly(runtime, manager, balancer, world, load, log, config, shape, engine=engine, not_compiled=why)


def make_door(config: Config, runtime: VirtualRuntime, draws: CounterDraws) -> Any:
    """The gateway that requests pass, None where they go straight to the balancer."""
    if not config.gateway.enabled:
        return None
    from sim.bench.gated import GatewayDoor  # FastAPI is loaded for runs that pass it only

    return GatewayDoor(config, runtime, draws)


def make_plugged(
    config: Config, runtime: VirtualRuntime, draws: CounterDraws, types: tuple[str, ...], replay: Any
) -> Any:
    """The plugin manager with its plugins, None where none is enabled."""
    if not config.plugins.enabled:
        return None
    from sim.bench.plugged import Plugged  # manifests and sandbox are loaded for runs that have plugins only

    return Plugged(config, runtime, draws, types, replay)


def make_tuned(
    config: Config, runtime: VirtualRuntime, draws: CounterDraws, log: EventLog, nodes: int, review: Any = None
) -> Any:
    """The optimizer and the agents' settings, None where there is none."""
    if not config.optimizer.enabled:
        return None
    from sim.bench.tuned import Tuned  # scikit-learn is loaded for runs that have an optimizer only
    from sim.bench.tuned_agents import TunedAgents

    if config.optimizer.unit == "agent":
        return TunedAgents(config, runtime, draws, log, review)
    return Tuned(config, runtime, draws, log, nodes, review)


def make_stream(config: Config, load: Load) -> Stream | None:
    """The books of a run whose requests are not kept, None for one that keeps them."""
    if not is_streamed(config):
        return None
    terminating = load.open is not None and load.open.terminating
    return Stream(stream_params(config, terminating, hasattr(load.service, "tokens")))


def run_replication(config: Config, replication: int, replay: Any = None) -> RunRecord:
    """One replication of one design point, from an empty fleet to the drained books; `replay`: see `assemble`."""
    return assemble(config, replication, replay).run()


def digest(record: RunRecord, log: EventLog) -> str:
    """blake2b over the event log's digest and every column of the attempt table, or of what stands for it."""
    table = record.attempts
    state = hashlib.blake2b(log.digest().encode(), digest_size=16)
    for name in ("request", "attempt", "arrived_at", "started_at", "finished_at", "node", "status"):
        state.update(getattr(table, name).tobytes())
    for field in fields(StreamTable) if record.stream is not None else ():
        column = getattr(record.stream, field.name)
        state.update(b"" if column is None else column.tobytes())
    return state.hexdigest()
