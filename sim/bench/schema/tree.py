"""The whole tree of keys, with those of statistics, launching, places and studies. Units stand in the names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.bench.schema.control import AutoscalerConfig, FailoverConfig, HealthConfig
from sim.bench.schema.faults import FaultsConfig
from sim.bench.schema.gateway import GatewayGroup
from sim.bench.schema.live import NodeGroup, ServerGroup
from sim.bench.schema.load import ArrivalsConfig, BalancerConfig, FleetConfig, ServiceConfig
from sim.bench.schema.optimizer import OptimizerGroup
from sim.bench.schema.plugins import PluginsGroup
from sim.bench.schema.ranges import choice, number
from sim.bench.schema.requests import AdmissionConfig, BreakerConfig, HedgeConfig, RetryConfig


@dataclass
class StatsConfig:
    replications: int = number(10, 1)  # of every point; where they may grow: to begin with
    precision_ratio: float | None = number(None, above=0)  # grow until mean and p99 are as precise
    select: str = choice("none", "none", "best", "budget")  # race the points (KN), or split a budget (OCBA)
    indifference_ratio: float = number(0.02, above=0)  # of the baseline's objective: a smaller difference is none
    budget_replications: int = number(0, 0)  # of all points of a group together, for select=budget
    replications_max: int = number(200, 1)  # of a point, where they may grow
    confidence_ratio: float = number(0.95, 0.5, 0.9999)
    keep_requests: bool = False  # every row, in requests/*.npz too
    requests_max: int = number(10_000_000, 0)  # rows kept otherwise; runs that expect more are counted, not kept


@dataclass
class LauncherConfig:
    kind: str = choice("local", "local", "ray", "slurm")
    workers: int = number(0, 0)  # 0: as many as the machine has cores
    address: str = ""  # of the Ray cluster to join; empty: one of its own on this machine
    partition: str = ""  # of Slurm; empty: its default
    time_limit_s: float = number(3600.0, above=0)  # of a job of Slurm


@dataclass
class PathsConfig:
    results: str = "results"
    store: str = ".victor-sim/store"
    data: str = "data"
    state: str = ".victor-sim"  # live state and keys


@dataclass
class SloConfig:
    metric: str = "sojourn_s_p99"
    max: float | None = number(None, above=0)


@dataclass
class CapacityConfig:
    """A search for the edge of one ordered key at which the SLO still holds (`slo.metric` at most `slo.max`)."""

    key: str | None = None  # any numeric key, such as fleet.nodes; None: no search
    low: float = 1.0
    high: float = 64.0
    step: float = number(1.0, above=0)
    wanted: str = choice(
        "smallest", "smallest", "largest"
    )  # value that holds: of nodes the smallest, of loads the largest
    neighbors: int = number(1, 0, 10)  # values run beyond the edge on either side, to see whether the order holds
    success_ratio_min: float = number(0.999, 0, 1)  # a value that answers less does not hold


@dataclass
class StudyConfig:
    """What an experiment adds to a design point: its sweep and how it is told."""

    question: str = ""
    situations: dict[str, Any] = field(default_factory=dict)  # name -> dotlist overrides, swept as the key `situation`
    sweep: dict[str, Any] = field(default_factory=dict)  # key -> list of values; the first key is the compared one
    figures: list[str] = field(default_factory=lambda: ["forest", "tail"])
    metrics: list[str] = field(default_factory=list)  # of effects and pairs; none: the objective, cost if it differs
    notes: list[str] = field(default_factory=list)  # said in the report


@dataclass
class Config:
    name: str = ""
    seed: int = number(1, 0, 2**63 - 1)
    horizon_s: float = number(1000.0, above=0)
    drain_s: float = number(1000.0, 0)
    deadline_s: float | None = number(None, above=0)  # of a request, from its arrival; None: none
    deadline_propagation: str = choice("none", "none", "dequeue", "kill")  # what nodes do with what was given up
    warmup: str = "auto"  # auto (MSER-5 on the mean over replications), none, or seconds
    experiment: Any = None  # set by the group of that name
    engine: str = choice("auto", "auto", "compiled", "simpy")
    baseline: str | None = None
    objective: str = "sojourn_s_p99"
    price_per_node_hour: float = number(1.0, 0)
    extensions: list[str] = field(default_factory=list)  # Python files of the user's own strategies
    command: str = ""  # filled in: the command that makes it again
    slo: SloConfig = field(default_factory=SloConfig)
    capacity: CapacityConfig = field(default_factory=CapacityConfig)
    paths: PathsConfig = field(default_factory=PathsConfig)
    fleet: FleetConfig = field(default_factory=FleetConfig)
    arrivals: ArrivalsConfig = field(default_factory=ArrivalsConfig)
    service: ServiceConfig = field(default_factory=ServiceConfig)
    balancer: BalancerConfig = field(default_factory=BalancerConfig)
    autoscaler: AutoscalerConfig = field(default_factory=AutoscalerConfig)
    health: HealthConfig = field(default_factory=HealthConfig)
    failover: FailoverConfig = field(default_factory=FailoverConfig)
    retry: RetryConfig = field(default_factory=RetryConfig)
    hedge: HedgeConfig = field(default_factory=HedgeConfig)
    breaker: BreakerConfig = field(default_factory=BreakerConfig)
    admission: AdmissionConfig = field(default_factory=AdmissionConfig)
    faults: FaultsConfig = field(default_factory=FaultsConfig)
    gateway: GatewayGroup = field(default_factory=GatewayGroup)
    optimizer: OptimizerGroup = field(default_factory=OptimizerGroup)
    plugins: PluginsGroup = field(default_factory=PluginsGroup)
    server: ServerGroup = field(default_factory=ServerGroup)
    node: NodeGroup = field(default_factory=NodeGroup)
    stats: StatsConfig = field(default_factory=StatsConfig)
    launcher: LauncherConfig = field(default_factory=LauncherConfig)
    study: StudyConfig = field(default_factory=StudyConfig)
