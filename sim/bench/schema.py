"""Every config key with its type, unit, default and accepted range: the one place where keys are declared.

A range stands in the field's metadata and is checked by `sim.bench.compose.check`, which names the key, the value and
what is accepted. Names of `kind` fields are checked against the registry. `MISSING`-free: every key has a default, so
that a group's YAML states only what makes it that choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def number(
    default: Any, minimum: float | None = None, maximum: float | None = None, *, above: float | None = None
) -> Any:
    """A numeric key: `minimum <= value <= maximum`, or `value > above`; None stays allowed where it is the default."""
    return field(default=default, metadata={"minimum": minimum, "maximum": maximum, "above": above})


def choice(default: Any, *accepted: str) -> Any:
    """A key that takes one of a few words."""
    return field(default=default, metadata={"accepted": accepted})


def rule(group: str, default: str) -> Any:
    """A `kind` key: a name that the registry knows in `group`."""
    return field(default=default, metadata={"registry": group})


@dataclass
class FleetConfig:
    nodes: int = number(10, 1, 1_000_000)
    agents_per_node: int = number(12, 1, 100_000)
    capacity_agents: int | None = number(None, 1, 100_000)  # agents that fit on a node; None: agents_per_node
    queue_max: int = number(1_000_000, 0)  # waiting requests a node takes (per agent type)
    speeds: list[float] = field(default_factory=lambda: [1.0])  # cycled over the nodes
    zones: list[str] = field(default_factory=lambda: ["zone-1"])  # cycled over the nodes
    agent_types: dict[str, int] = field(default_factory=dict)  # type -> agents of it a node; empty: one type, "agent"
    agent_start_s: float = number(0.0, 0)  # until a deployed agent is ready
    weights: str = choice("capacity", "capacity", "equal")  # capacity: agents x speed; equal: 1


@dataclass
class ColumnsConfig:
    time: str | None = None
    prompt_tokens: str | None = None
    output_tokens: str | None = None
    service_s: str | None = None
    type: str | None = None
    key: str | None = None


@dataclass
class ArrivalsConfig:
    kind: str = rule("arrivals", "poisson")
    rate_per_s: float | None = number(None, above=0)
    utilization_ratio: float | None = number(None, above=0)  # of the fleet's capacity; both: refused
    cv: float = number(1.0, 0)  # gamma: inter-arrival coefficient of variation
    burst_ratio: float = number(4.0, 1)  # mmpp: rate in the burst state over the mean rate
    burst_s: float = number(10.0, above=0)  # mmpp: mean stay in the burst state
    calm_s: float = number(90.0, above=0)  # mmpp: mean stay in the calm state
    period_s: float = number(86_400.0, above=0)  # diurnal
    amplitude_ratio: float = number(0.5, 0, 1)  # diurnal: swing over mean
    peak_at: float = number(0.0, 0)  # flash_crowd: when it starts, s
    peak_s: float = number(60.0, above=0)  # flash_crowd: how long it stays
    peak_ratio: float = number(3.0, above=0)  # flash_crowd: rate in the peak over the rate before
    ramp_s: float = number(5.0, 0)  # flash_crowd: linear rise and fall
    path: str | None = None  # trace, rates: the file
    columns: ColumnsConfig = field(default_factory=ColumnsConfig)
    time_unit: str = choice("auto", "auto", "s", "ms", "us", "ns", "iso")
    speedup: float = number(1.0, above=0)
    resample: str = choice("blocks", "blocks", "none")
    block_s: float = number(300.0, above=0)  # blocks: length of a resampled block, trace seconds
    clients_count: int = number(100, 1)  # closed_loop
    think_s: float = number(1.0, 0)  # closed_loop: mean think time
    type_mix: dict[str, float] = field(default_factory=dict)  # agent type -> share of requests
    keys_count: int = number(0, 0)  # 0: the key is the request
    keys_zipf: float = number(0.0, 0)  # 0: uniform keys
    params: dict[str, Any] = field(default_factory=dict)  # of a user's own law


@dataclass
class ServiceConfig:
    kind: str = rule("service", "exponential")
    mean_s: float = number(1.0, above=0)
    scv: float = number(1.0, 0)  # squared coefficient of variation (lognormal, hyperexponential)
    path: str | None = None  # empirical: CDF points
    scale: float = number(1.0, above=0)  # empirical: factor on the values read
    discipline: str = choice("fifo", "fifo", "ps")
    per_attempt: str = choice("fixed", "fixed", "redraw")  # whether a further attempt has a demand of its own
    hardware: str = "h100-80gb-tp4"  # llm
    prompt_tokens_median: float = number(1469.0, above=0)  # llm without a trace; Azure 2023 code trace
    prompt_tokens_sigma: float = number(1.0, 0)  # log-sd
    output_tokens_median: float = number(13.0, above=0)
    output_tokens_sigma: float = number(1.2, 0)
    prompt_tokens_max: int = number(7436, 1)
    output_tokens_max: int = number(4096, 1)
    params: dict[str, Any] = field(default_factory=dict)


@dataclass
class BalancerConfig:
    kind: str = rule("balancer", "round_robin")
    d: int = number(2, 1)
    signal: str = choice("local", "local", "polled", "probed")
    refresh_s: float = number(1.0, above=0)  # polled: every refresh_s
    count_own_dispatches: bool = False  # polled: add own dispatches since the refresh
    dispatchers: int = number(1, 1, 10_000)
    ties: str = choice("random", "random", "rotate", "lowest")
    queue: str = choice("node", "node", "central")
    queue_max: int = number(1_000_000, 0)  # requests that wait at the balancer
    ewma_tau_s: float = number(10.0, above=0)  # response_time: decay (Finagle: 10 s)
    load_factor: float = number(1.25, minimum=1.0)  # consistent_hash: bound over the mean load
    ring_points: int = number(100, 1, 100_000)  # consistent_hash: points a node
    probes_per_request: int = number(3, 1)  # prequal
    probe_pool_max: int = number(16, 1)
    probe_age_s: float = number(1.0, above=0)
    probe_delay_s: float = number(0.0, 0)
    rif_quantile: float = number(0.84, 0, 1)
    params: dict[str, Any] = field(default_factory=dict)


@dataclass
class AutoscalerConfig:
    kind: str = rule("autoscaler", "none")
    min_nodes: int = number(1, 0, 1_000_000)
    max_nodes: int = number(10, 1, 1_000_000)
    target_utilization_ratio: float = number(0.7, above=0)  # busy over ready agents that a policy aims at
    interval_s: float = number(15.0, above=0)  # between two decisions (HPA: 15 s, KPA: 2 s)
    tolerance_ratio: float = number(0.1, 0, 1)  # no change while |metric / target - 1| is within it
    stabilization_window_s: float = number(300.0, 0)  # a scale-in takes the highest wish of this window
    step_out_nodes_max: int = number(4, 1)  # nodes more in one decision, or the ratio below, whichever is more
    step_out_ratio_max: float = number(1.0, 0)
    step_in_nodes_max: int = number(1_000_000, 1)
    provisioning_s: float = number(60.0, 0)  # until a new machine can be registered
    provisioning: str = choice("deterministic", "deterministic", "exponential")
    readiness_s: float = number(0.0, 0)  # a node younger than this does not count in the metric
    drain_s: float = number(300.0, 0)  # a node that leaves may finish for so long
    stable_window_s: float = number(60.0, above=0)  # kpa
    panic_window_s: float = number(6.0, above=0)  # kpa
    panic_ratio: float = number(2.0, above=1)  # kpa: panic while the panic window wants so many times the ready nodes
    season_s: float = number(86_400.0, above=0)  # predictive, scheduled: length of a season
    bin_s: float = number(300.0, above=0)  # predictive: length of a bin of the forecast
    headroom_ratio: float = number(0.95, 0.5, 0.9999)  # predictive: the forecast's upper bound that is provided for
    at_s: list[float] = field(default_factory=list)  # scheduled: instants in the season
    counts: list[int] = field(default_factory=list)  # scheduled: nodes from each instant on
    params: dict[str, Any] = field(default_factory=dict)


@dataclass
class EjectionConfig:
    enabled: bool = False
    failures_max: int = number(5, 1)  # consecutive failures that eject (Envoy: 5); checks of success every interval_s
    interval_s: float = number(10.0, above=0)
    base_s: float = number(30.0, above=0)  # times the number of ejections so far
    max_s: float = number(300.0, above=0)
    ejected_max_ratio: float = number(0.1, 0, 1)  # of the fleet's nodes, but one may always be ejected
    success_nodes_min: int = number(5, 1)  # success rate: nodes with enough requests
    success_requests_min: int = number(100, 1)  # in an interval
    success_stdev_factor: float = number(1.9, 0)
    jitter_s: float = number(0.0, 0)
    readmit_on_check: bool = True  # an active check that passes ends an ejection (Envoy); false where checks are blind


@dataclass
class HealthConfig:
    detector: str = rule("detector", "none")
    interval_s: float = number(10.0, above=0)  # between two checks of a node
    heartbeat_s: float | None = number(None, above=0)  # between two heartbeats of a node; None: interval_s
    jitter_ratio: float = number(0.0, 0, 1)  # of the interval, drawn for every check and heartbeat
    probe_timeout_s: float = number(5.0, above=0)  # consecutive_failures, success_rate: an active check's
    misses_max: int = number(3, 1)  # fall: failed checks in a row until down
    rises_min: int = number(2, 1)  # rise: passed checks in a row until up again
    node_timeout_s: float = number(60.0, above=0)  # heartbeat_timeout: silence until down
    phi_threshold: float = number(8.0, above=0)  # phi_accrual
    phi_samples_max: int = number(1_000, 2)
    phi_stdev_min_s: float = number(0.1, above=0)
    success_min_ratio: float = number(0.8, 0, 1)  # success_rate: of the checks of the window
    success_window: int = number(10, 1)  # checks
    panic_ratio: float = number(0.0, 0, 1)  # below this share of healthy nodes all are used (Envoy: .5); 0: never
    slow_start_s: float = number(0.0, 0)  # a new or returning node's share of requests grows for so long
    slow_start_min_ratio: float = number(0.1, above=0, maximum=1)
    slow_start_aggression: float = number(1.0, above=0)
    ejection: EjectionConfig = field(default_factory=EjectionConfig)


@dataclass
class FailoverConfig:
    enabled: bool = False
    copies_min: int = number(1, 0, 100)  # other nodes that hold an agent's state
    deployment_timeout_s: float = number(300.0, above=0)
    save_interval_s: float = number(30.0, above=0)  # every ready agent saves its state


@dataclass
class RetryConfig:
    attempts_max: int = number(1, 1, 1_000)  # 1: no retry
    attempt_timeout_s: float | None = number(None, above=0)
    backoff_s: float = number(0.1, 0)  # a retry k waits U(0, backoff_s 2^(k-1)), full jitter
    backoff_max_s: float = number(10.0, 0)
    budget_ratio: float | None = number(None, 0, 1)  # None: no budget
    budget_of: str = choice("fresh", "fresh", "active")
    budget_depth: int = number(10, 0)  # fresh: tokens saved up at most; active: retries always allowed at once
    non_idempotent_ratio: float = number(0.0, 0, 1)  # share of requests that must not run twice


@dataclass
class HedgeConfig:
    after_s: float | None = number(None, above=0)  # None: no hedge
    hedges_max: int = number(1, 1, 10)
    cancel: bool = True  # the losing attempt is cancelled at its node


@dataclass
class BreakerConfig:
    enabled: bool = False
    failures_max: int = number(10, 1)  # in a row, until open
    open_s: float = number(60.0, above=0)
    trials_max: int = number(1, 1)  # attempts at once while half open
    successes_min: int = number(3, 1)  # until closed again


@dataclass
class AdmissionConfig:
    kind: str = choice("none", "none", "concurrency", "success_rate")
    in_flight_max: int = number(1_000_000, 1)  # concurrency: requests in the system
    priority_mix: list[float] = field(default_factory=lambda: [1.0])  # shares of priority 0 (the highest), 1, ...
    priority_shares: list[float] = field(default_factory=lambda: [1.0])  # of in_flight_max that each may fill
    window_s: float = number(30.0, above=0)  # success_rate (Envoy's admission control)
    success_min_ratio: float = number(0.95, above=0, maximum=1)
    aggression: float = number(1.0, above=0)
    shed_max_ratio: float = number(0.8, 0, 1)


@dataclass
class EpisodesConfig:
    """When a fault strikes: at random by mean times (exponential), or at instants; `nodes` are ordinals, [] is all."""

    enabled: bool = False
    mttf_s: float | None = number(None, above=0)  # mean time up; None: only at_s
    mttr_s: float = number(60.0, above=0)  # mean time down
    repair: str = choice("exponential", "exponential", "deterministic")
    at_s: list[float] = field(default_factory=list)
    for_s: float = number(60.0, above=0)  # length of an episode of at_s
    nodes: list[int] = field(default_factory=list)


@dataclass
class CrashConfig(EpisodesConfig):
    in_flight: str = choice("lose", "lose", "requeue")  # requeue: the balancer sees the break and sends them on
    state: str = choice("keep", "keep", "lose")  # whether the node's copies of agent states survive
    repairers_max: int = number(0, 0)  # 0: as many as needed


@dataclass
class SlowConfig(EpisodesConfig):
    factor: float = number(0.1, above=0, maximum=1)  # speed while slow, over the speed before


@dataclass
class PartitionConfig(EpisodesConfig):
    direction: str = choice("both", "both", "to_node", "from_node")  # what is lost


@dataclass
class PacketLossConfig(EpisodesConfig):
    loss_prob: float = number(0.05, 0, 1)
    delay_s: float = number(0.0, 0)  # one way
    delay_jitter_s: float = number(0.0, 0)  # mean of an exponential on top
    retransmit_s: float = number(0.2, above=0)  # first retransmission of a lost request or answer, doubling


@dataclass
class ZoneOutageConfig(EpisodesConfig):
    zones: list[str] = field(default_factory=list)  # [] is all


@dataclass
class FlappingConfig(EpisodesConfig):
    silent_s: float = number(30.0, above=0)  # heartbeats are silent and sound in turn within an episode
    sound_s: float = number(30.0, above=0)


@dataclass
class ClockSkewConfig(EpisodesConfig):
    offset_s: float = -60.0
    drift_ratio: float = number(0.0, -0.5, 0.5)


@dataclass
class ErrorsConfig(EpisodesConfig):
    prob: float = number(0.5, 0, 1)  # of an attempt served; health says fine


@dataclass
class PoisonConfig:
    enabled: bool = False
    prob: float = number(0.001, 0, 1)  # share of requests that kill the agent that serves them
    restart_s: float = number(10.0, 0)  # until the agent is back


@dataclass
class OverloadConfig:
    enabled: bool = False
    shape: str = choice("step", "step", "spike", "herd")
    at_s: float = number(60.0, 0)
    for_s: float = number(60.0, above=0)  # step, spike (rising and falling within it)
    ratio: float = number(1.0, 0)  # step, spike: extra rate at its height over the mean rate
    requests_count: int = number(1_000, 0)  # herd: requests at one instant


@dataclass
class PreemptionConfig(EpisodesConfig):
    notice_s: float = number(120.0, 0)  # warning before the machine is taken (spot nodes: 120 s)


@dataclass
class FaultsConfig:
    crash: CrashConfig = field(default_factory=CrashConfig)
    slow: SlowConfig = field(default_factory=SlowConfig)
    pause: EpisodesConfig = field(default_factory=EpisodesConfig)
    partition: PartitionConfig = field(default_factory=PartitionConfig)
    packet_loss: PacketLossConfig = field(default_factory=PacketLossConfig)
    zone_outage: ZoneOutageConfig = field(default_factory=ZoneOutageConfig)
    flapping: FlappingConfig = field(default_factory=FlappingConfig)
    clock_skew: ClockSkewConfig = field(default_factory=ClockSkewConfig)
    errors: ErrorsConfig = field(default_factory=ErrorsConfig)
    poison_request: PoisonConfig = field(default_factory=PoisonConfig)
    overload: OverloadConfig = field(default_factory=OverloadConfig)
    preemption: PreemptionConfig = field(default_factory=PreemptionConfig)


@dataclass
class StatsConfig:
    replications: int = number(10, 1)
    confidence_ratio: float = number(0.95, 0.5, 0.9999)
    keep_requests: bool = False


@dataclass
class LauncherConfig:
    kind: str = choice("local", "local")
    workers: int = number(0, 0)  # 0: as many as the machine has cores


@dataclass
class PathsConfig:
    results: str = "results"
    store: str = ".victor-sim/store"
    data: str = "data"


@dataclass
class SloConfig:
    metric: str = "sojourn_s_p99"
    max: float | None = number(None, above=0)


@dataclass
class StudyConfig:
    """What an experiment adds to a design point: its sweep and how it is told."""

    question: str = ""
    situations: dict[str, Any] = field(default_factory=dict)  # name -> dotlist overrides, swept as the key `situation`
    sweep: dict[str, Any] = field(default_factory=dict)  # key -> list of values; the first key is the compared one
    figures: list[str] = field(default_factory=lambda: ["forest", "tail"])
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
    engine: str = choice("auto", "auto", "simpy")
    baseline: str | None = None
    objective: str = "sojourn_s_p99"
    price_per_node_hour: float = number(1.0, 0)
    extensions: list[str] = field(default_factory=list)  # Python files of the user's own strategies
    command: str = ""  # filled in: the command that makes it again
    slo: SloConfig = field(default_factory=SloConfig)
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
    stats: StatsConfig = field(default_factory=StatsConfig)
    launcher: LauncherConfig = field(default_factory=LauncherConfig)
    study: StudyConfig = field(default_factory=StudyConfig)
