"""The control plane and the faults of a run under fire, put together: who hears of whom.

manager -> EligibleSet (exclusions, panic) -> the world's relay (wakes the engine) -> Balancer. The engine tells the
outcome hub how attempts ended; heartbeats and checks cross the world's network; the autoscaler gets machines from the
world. Faults know the world only, and the control plane never asks the injector.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim.bench.fleet_load import FleetLoad
from sim.bench.fleet_shape import FleetShape
from sim.bench.history import HistoryLog
from sim.bench.notices import Notices
from sim.bench.params import copy
from sim.bench.rules import faults_of, make_rules, request_params
from sim.bench.schema import Config
from sim.bench.series import Sampler
from sim.bench.taps import Taps
from sim.contracts import Draws
from sim.errors import NodeError
from sim.registry import lookup
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.autoscaler.actuator import FleetActuator
from sim.scalability.autoscaler.loop import Autoscaler
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.scalability.autoscaler.sampler import FleetSampler
from sim.scalability.balancer.balancer import Balancer
from sim.scalability.balancer.slow_start import SlowStartParams
from sim.scalability.health.breaker import Breaker
from sim.scalability.health.ejection import Ejection
from sim.scalability.health.eligible import EligibleSet
from sim.scalability.health.outcomes import make_hub
from sim.scalability.health.params import BreakerParams, EjectionParams, HealthParams
from sim.scalability.health.watch import make_watch
from sim.scalability.manager import DistributedManager
from sim.types.fleet import AgentStatus
from sim.types.records import STATUSES, TRUNCATED, RunRecord
from sim.world.faults.injector import FaultInjector, fault_of
from sim.world.provider import MachineProvider, ProviderParams
from sim.world.pulse import Pulse
from sim.world.world import World, WorldParams


def health_params(config: Config) -> HealthParams:
    """Health's settings as its room takes them."""
    own = {**vars(config.health), "ejection": copy(EjectionParams, config.health.ejection)}
    return HealthParams(**own)


def slow_start_params(config: Config, clock: Callable[[], float]) -> SlowStartParams | None:
    """Slow start of new and returning nodes, None without."""
    health = config.health
    if not health.slow_start_s:
        return None
    return SlowStartParams(health.slow_start_s, clock, health.slow_start_min_ratio, health.slow_start_aggression)


@dataclass(slots=True)
class Fire:
    """Everything beyond a plain run; `start` once the fleet stands, `finish` on the record."""

    config: Config
    runtime: VirtualRuntime
    draws: Draws
    balancer: Balancer
    log: HistoryLog
    shape: FleetShape
    taps: Taps = field(default_factory=Taps)
    world: World = field(init=False)
    eligible: EligibleSet = field(init=False)
    manager: DistributedManager = field(init=False)
    notices: Notices = field(init=False)
    injector: FaultInjector = field(init=False)
    pulse: Pulse = field(init=False)
    ejection: Ejection | None = field(init=False, default=None)
    autoscaler: Autoscaler | None = field(init=False, default=None)
    sampler: Sampler = field(init=False)
    saves_count: int = 0
    _types: tuple[str, ...] = field(init=False, default=())

    def build(self, make_params: Callable[[], WorldParams]) -> DistributedManager:
        """World, health and manager; raises `ConfigError`."""
        self._types = tuple(self.shape.types)
        config, runtime, balancer, log = self.config, self.runtime, self.balancer, self.log
        health = health_params(config)
        relay = _Later()
        self.eligible = EligibleSet(relay, runtime, log, health.panic_ratio)
        slots_max = self.shape.slots_max
        breaker = None
        if health.ejection.enabled:
            self.ejection = Ejection(health.ejection, slots_max, self.eligible, runtime, log, self.draws)
        if config.breaker.enabled:
            breaker = Breaker(copy(BreakerParams, config.breaker), slots_max, self.eligible, runtime, log)
        hub = make_hub(self.ejection, breaker)
        if hub is not None:
            balancer.slot_listeners.append(hub.slot_added)
        policy_type = lookup("autoscaler", config.autoscaler.kind)
        scaling = copy(AutoscalerParams, config.autoscaler)
        policy = policy_type(scaling)
        poke = self._poke if policy.event_driven else None
        rules = make_rules(request_params(config), hub, poke)
        self.world = World(runtime, balancer, self.draws, make_params(), rules)
        relay.target = self.world.membership
        machines, network = self.world.machines, self.world.network
        assert network is not None
        machines.on_broken, machines.on_notice = self._broken, self._notice
        interval_s = health.expected_heartbeat_s
        self.pulse = Pulse(runtime, machines, network, self.draws, self._heard, interval_s, health.jitter_ratio)
        watch = make_watch(health, self.draws, self.pulse)
        if self.ejection is not None and health.ejection.readmit_on_check:
            watch.passed_listeners.append(self.ejection.check_passed)
        failover = config.failover
        self.manager = DistributedManager(
            {
                "load_balancing_strategy": config.balancer.kind,
                "max_nodes": self.shape.nodes_max,
                "min_nodes": 0,
                "auto_scaling": False,
                "failover_enabled": failover.enabled,
                "data_replication": failover.enabled and failover.copies_min > 0,
                "copies_min": max(failover.copies_min, 1),
                "health_check_interval": health.interval_s,
                "node_timeout": health.node_timeout_s,
                "deployment_timeout": failover.deployment_timeout_s,
                "agents_max": self.shape.nodes_max * self.shape.agents_per_node,
                "agent_types_max": len(self.shape.types),
            },
            runtime=runtime,
            membership=self.eligible,
            host=self.world,
            events=log,
            watch=watch,
            disks=self.taps.disks,
            journal=self.taps.journal,
        )
        if not faults_of(config):  # nothing stops a heartbeat: none of them needs to be an event
            self.pulse.late = self.manager.heard
            self.pulse.every = watch.detector.needs_every
            watch.held_back.append(self.pulse.deliver)
            watch.lost_listeners.append(self.pulse.wake)
        self._build_scaling(policy, scaling)
        self.notices = Notices(self.manager, runtime, log)
        self.injector = FaultInjector(runtime.env, self.draws, machines, log)
        for kind, part in faults_of(config).items():
            self.injector.add(kind, copy(fault_of(kind).params_type, part))
        return self.manager

    def _build_scaling(self, policy: Any, params: AutoscalerParams) -> None:
        config, runtime, world, manager = self.config, self.runtime, self.world, self.manager
        types = self._types
        load = FleetLoad(world, self.balancer)
        provisioning = ProviderParams(params.provisioning_s, params.provisioning == "exponential")
        provider = MachineProvider(
            runtime, world.machines, self.draws, provisioning, self.shape.node, self.shape.adder(world)
        )
        manager.provider = provider
        if config.autoscaler.kind != "none":
            actuator = FleetActuator(
                runtime, manager, provider, params, self.shape.agents, load.in_flight,
                changes_count=manager.changes_count,
            )  # fmt: skip
            sample = FleetSampler(
                runtime, actuator, load, lambda names: manager.ready_counts(names, types),
                lambda: manager.agents_count(AgentStatus.PENDING), not policy.event_driven, manager.changes_count,
            )  # fmt: skip
            self.autoscaler = Autoscaler(runtime, policy, params, sample, actuator, self.log)
        self.sampler = Sampler(manager, load, self.autoscaler, config.horizon_s)

    async def start(self) -> None:
        """The loops of the control plane, heartbeats, faults."""
        config, runtime = self.config, self.runtime
        watched = config.health.detector != "none"
        if watched:
            self.pulse.start()
        if watched or config.failover.enabled or self.autoscaler is not None:
            await self.manager.start()
        if self.ejection is not None:
            runtime.spawn(self.ejection.run(), "ejection")
        if self.autoscaler is not None:
            runtime.spawn(self.autoscaler.run(), "autoscaler")
        if config.failover.enabled:
            runtime.spawn(self._save_states(), "states")
        self.injector.start(self.shape.nodes_max, self.shape.zones)
        self.sampler.start()

    def finish(self, record: RunRecord) -> None:
        """What happened beside the attempts goes into the record."""
        names, history = list(self.world.nodes), self.log.history
        record.episodes = history.episodes(names)
        if self._takes_out():
            record.outages = history.outages(names)
        record.series = self.sampler.table()
        if self.autoscaler is not None:
            record.scale_steps = history.scale_steps(self.autoscaler.first_nodes)
        record.counts = self._counts()

    def _takes_out(self) -> bool:
        """Whether anything can take a node for dead, or out of use: else there is no false alarm to count."""
        health = self.config.health
        return health.detector != "none" or health.ejection.enabled or self.config.breaker.enabled

    def _counts(self) -> dict[str, int]:
        engine: Any = self.world.engine
        counters = self.manager.metrics()
        budget, admission = engine.rules.budget, engine.rules.admission
        counts = {
            "retries": engine.retries_count,
            "retries_denied": budget.denied_count,
            "hedges": engine.hedges_count,
            "late_answers": engine.late_count,
            "shed": admission.shed_count if admission is not None else 0,
            "heartbeats_lost": self.pulse.lost_count,
            "errors": engine.chances.errors_count,
            "agent_deaths": engine.chances.deaths_count,
            "ejections": self.ejection.ejections_count if self.ejection is not None else 0,
            "states_acknowledged": self.saves_count,
        }
        ended = [*engine.ended_counts[:TRUNCATED], engine.in_system]
        counts |= {f"requests_{name}": count for name, count in zip(STATUSES, ended, strict=True)}  # for the audit
        counts |= {f"faults_{kind}": count for kind, count in self.injector.counts.items()}
        counts |= {f"faults_skipped_{kind}": count for kind, count in self.injector.skipped.items() if count}
        for name in ("nodes_lost", "nodes_returned", "failovers", "restarts", "states_lost"):
            counts[name] = getattr(counters, name)
        return counts

    # What the world tells the control plane

    def _heard(self, node_id: str, at: float, cpu_usage: float) -> None:
        node = self.world.nodes[node_id]
        try:
            if node.restarted:
                self.manager.node_restarted(node_id, node.kept_state)
                node.restarted, node.kept_state = False, True
                self.notices.back(node_id)
            self.manager.heartbeat(node_id, at=at, cpu_usage=cpu_usage)
            self.notices.word(node_id)
        except NodeError:
            pass  # not registered yet, or removed already: its word does not count

    def _broken(self, node_id: str, broken: bool) -> None:
        if broken:
            self.eligible.exclude(node_id, "connection", "its connections broke")
            return
        self.eligible.include(node_id, "connection")
        if self.config.health.detector == "none":  # nobody will hear of it
            self.notices.back(node_id)

    def _notice(self, node_id: str, notice_s: float) -> None:
        if notice_s and self.config.failover.enabled:
            self.notices.warned(node_id, notice_s)

    async def _save_states(self) -> None:
        """Every ready agent whose machine works saves its state every `save_interval_s`."""
        tick = 0
        while True:
            tick += 1
            await self.runtime.sleep_until(tick * self.config.failover.save_interval_s)
            there, nodes = self.world.machines.there, self.world.nodes
            able = {name for name in self.manager.node_statuses() if there(name) and nodes[name].works}
            saved, failed = self.manager.save_all({"step": tick}, able)
            self.saves_count += saved
            for agent_id, reason in failed:
                self.log.write(self.runtime.now(), "save_failed", agent_id, reason=reason)

    def _poke(self) -> None:
        if self.autoscaler is not None:
            self.autoscaler.poke()


class _Later:
    """A membership that is known only after who tells it: calls go to `target`."""

    target: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.target, name)
