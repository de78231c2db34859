"""Keys of the faults, one section each; several may be on at once. Units stand in the names."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.bench.schema.ranges import choice, number


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
