"""The one place where config meets classes: a validated `Config` becomes a fleet, its load and one run of it.

The control plane is the real one: the DistributedManager registers the nodes and deploys the agents through the world
on virtual time, the Balancer hears of them, and the engine asks that Balancer for every request. After assembly no
room sees a config.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sim.bench.capacity import capacity_per_s
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.manager import DistributedManager
from sim.types.fleet import NodeInfo
from sim.types.records import RunRecord
from sim.world.batching import BatchingPool
from sim.world.fifo import FifoPool
from sim.world.marks import Marks
from sim.world.params import ArrivalParams, ColumnParams, ServiceParams
from sim.world.sharing import SharingPool
from sim.world.world import Load, World, WorldParams

T = TypeVar("T")
HEARTBEAT_S = 30.0  # the source's health_check_interval
UNTYPED = ("agent",)


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

    def run(self) -> RunRecord:
        """Deploy the fleet, load it, and give the record; the runtime is closed afterwards."""
        started = time.perf_counter()
        try:
            self.runtime.run_task(self._deploy())
            self.runtime.spawn(self._heartbeats(), "heartbeats")
            record = self.world.run(self.load)
            record.notes["fleet"] = str(self.manager.status())
        finally:
            self.runtime.close()
        record.digest = digest(record, self.log)
        record.wall_s = time.perf_counter() - started
        return record

    async def _deploy(self) -> None:
        fleet = self.config.fleet
        agent_types = fleet.agent_types or {UNTYPED[0]: fleet.agents_per_node}
        for ordinal in range(fleet.nodes):
            node_id, speed = f"node-{ordinal}", fleet.speeds[ordinal % len(fleet.speeds)]
            zone = fleet.zones[ordinal % len(fleet.zones)]
            self.world.add_node(node_id, speed, zone)
            capacity = fleet.capacity_agents or fleet.agents_per_node
            weight = 1.0 if fleet.weights == "equal" else speed
            node = NodeInfo(
                node_id, "127.0.0.1", 8080, capacity=capacity, metadata={"zone": zone, "region": zone, "speed": weight}
            )
            await self.manager.register_node(node)
        for agent_type, count in agent_types.items():  # placement spreads each type evenly over equal nodes
            for number in range(count * fleet.nodes):
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


def assemble(config: Config, replication: int) -> Assembly:
    """Build one replication of a design point; raises `ConfigError` for what cannot be built."""
    draws = CounterDraws(config.seed, replication)
    runtime = VirtualRuntime()
    log = EventLog()
    types = tuple(config.fleet.agent_types) or UNTYPED
    balancer = make_balancer(copy(BalancerParams, config.balancer), types, config.fleet.nodes * len(types))
    service = lookup("service", config.service.kind)(copy(ServiceParams, config.service))
    world = World(runtime, balancer, draws, world_params(config, types, service, hasattr(service, "tokens")))
    manager = DistributedManager(
        {
            "load_balancing_strategy": config.balancer.kind,
            "max_nodes": config.fleet.nodes,
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
    return Assembly(runtime, manager, balancer, world, make_load(config, types, service), log, config)


def world_params(config: Config, types: tuple[str, ...], service: Any, tokens: bool) -> WorldParams:
    """The facts of the hardware; refuses a discipline that the service law does not have."""
    sharing = config.service.discipline == "ps"
    if tokens and sharing:
        raise ConfigError("service.discipline", "ps", "fifo with service=llm (a node batches by itself)")
    make_pool: Callable[..., Any] = SharingPool if sharing else FifoPool
    if tokens:

        def make_pool(*args: Any) -> Any:
            return BatchingPool(service, *args)

    return WorldParams(
        make_pool=make_pool,
        queue_max=config.fleet.queue_max,
        central_queue_max=config.balancer.queue_max,
        types=types,
        keyed=config.balancer.kind == "consistent_hash",
        tokens=tokens,
        sharing=sharing or tokens,
        agent_start_s=config.fleet.agent_start_s,
    )


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
    )


def check_thinking(config: Config) -> None:
    """Raises `ConfigError` for clients who are refused and back in the same instant, for ever."""
    fleet, arrivals = config.fleet, config.arrivals
    agents = min(fleet.agent_types.values(), default=fleet.agents_per_node)
    places = agents + (config.balancer.queue_max if config.balancer.queue == "central" else fleet.queue_max)
    if not arrivals.think_s and arrivals.clients_count > places:
        accepted = f"above 0 with more clients ({arrivals.clients_count}) than agents and waiting places ({places})"
        raise ConfigError("arrivals.think_s", arrivals.think_s, accepted)


def run_replication(config: Config, replication: int) -> RunRecord:
    """One replication of one design point, from an empty fleet to the drained books."""
    return assemble(config, replication).run()


def fields(config: Any) -> dict[str, Any]:
    """The fields of a config dataclass, shallow."""
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


def copy(cls: type[T], config: Any) -> T:
    """A room's frozen params from the config dataclass of the same fields."""
    return cls(**fields(config))


def digest(record: RunRecord, log: EventLog) -> str:
    """blake2b over the event log's digest and every column of the attempt table."""
    table = record.attempts
    state = hashlib.blake2b(log.digest().encode(), digest_size=16)
    for name in ("request", "attempt", "arrived_at", "started_at", "finished_at", "node", "status"):
        state.update(getattr(table, name).tobytes())
    return state.hexdigest()
