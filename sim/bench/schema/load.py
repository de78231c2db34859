"""Keys of what is run: the fleet, its load, and who shares the requests out. Units stand in the names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.bench.schema.ranges import choice, choice_or, number, rule

OWN_RATE = ("trace", "closed_loop")  # arrivals that a rate says nothing to


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
    signal: str = choice_or("signal", "local", "local", "polled", "probed")  # or a board of a plugin
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
