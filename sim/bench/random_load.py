"""The plain half of a random configuration: fleet, balancer, arrivals, service, and how its requests are kept.

Lengths are chosen so that a run has about 150 to 1,500 requests, near or beyond what the fleet can serve. Some runs
have round times (a deterministic law whose instants fall together with polls and finishes), since the order of equal
instants is where engines part.
"""

from __future__ import annotations

from pathlib import Path

from sim.bench.dice import FILES_SPAN_S, POINTS, RATES, TRACE, TRACE_ROWS, Dice, Overrides, digits
from sim.bench.schema.load import OWN_RATE

STRATEGIES = (
    "random", "round_robin", "weighted_round_robin", "least_connections", "weighted_least_connections", "power_of_d",
    "join_idle_queue", "consistent_hash", "response_time", "prequal",
)  # fmt: skip
COUNTS = ("least_connections", "weighted_least_connections", "power_of_d")
SERVICES = ("exponential", "deterministic", "lognormal", "hyperexponential", "llm")
ARRIVALS = ("poisson", "deterministic", "gamma", "mmpp", "diurnal", "flash_crowd", "closed_loop")
LLM_MEAN_S = 1.1  # of a node of one agent, about


def draw_load(dice: Dice, inputs: Path | None) -> Overrides:
    """Every key of a plain run; without `inputs` (a folder of `write_inputs`) no law that reads a file."""
    files = inputs is not None
    kind = dice.of(*STRATEGIES)
    found: Overrides = {
        "seed": 1 + int(dice.throw() * 1_000_000),
        "horizon_s": 1.0,  # below
        "balancer.kind": kind,
        "fleet.nodes": dice.of(1, 2, 3, 4, 5, 6, 8),
        "fleet.agents_per_node": dice.of(1, 1, 2, 3, 4, 6),
        "service.kind": dice.of(*SERVICES, *(("empirical",) if files else ())),
        "arrivals.kind": dice.of(*ARRIVALS, *(("rates", "trace") if files else ())),
    }
    if files and dice.happens(0.04):
        found |= {"service.kind": "trace", "arrivals.kind": "trace"}
    servers = draw_fleet(dice, found)
    mean_s = draw_service(dice, found, inputs)
    _draw_arrivals(dice, found, servers, mean_s, inputs)
    horizon_s = found["horizon_s"]
    found["drain_s"] = dice.of(0.0, digits(0.1 * horizon_s), digits(30.0 * horizon_s))
    draw_balancer(dice, kind, found, mean_s)
    if found["arrivals.kind"] not in ("trace", "rates") and dice.happens(0.15):
        found["stats.requests_max"] = 0  # counted, not kept
        found["warmup"] = dice.of("auto", "none", repr(digits(0.2 * horizon_s)))
        dice.may(found, 0.5, "slo.max", digits(2.0 * mean_s))
    return found


def draw_fleet(dice: Dice, found: Overrides) -> float:
    """Gives the number of agents, weighted with their speeds."""
    dice.may(found, 0.4, "fleet.speeds", [1.0, 2.0], [0.5, 1.0, 2.0], [1.0, 1.25])
    dice.may(found, 0.4, "fleet.queue_max", 0, 1, 3, 20)
    dice.may(found, 0.2, "fleet.weights", "equal")
    dice.may(found, 0.25, "fleet.zones", ["a", "b"], ["a", "b", "c"])
    if dice.happens(0.25):
        types = found["fleet.agent_types"] = dice.of({"a": 1, "b": 2}, {"a": 2, "b": 1, "c": 1}, {"a": 1, "b": 1})
        found["fleet.agents_per_node"] = sum(types.values())
        if dice.happens(0.7):
            found["arrivals.type_mix"] = {name: dice.between(0.2, 1.0) for name in types}
    agents = found["fleet.agents_per_node"]
    if dice.happens(0.2):
        found["fleet.capacity_agents"] = agents + dice.of(0, 1, agents)
    speeds = found.get("fleet.speeds", [1.0])
    return float(found["fleet.nodes"] * agents * sum(speeds) / len(speeds))


def draw_service(dice: Dice, found: Overrides, inputs: Path | None) -> float:
    """Gives the mean demand, seconds."""
    law = found["service.kind"]
    if law == "llm":
        dice.may(found, 0.3, "service.hardware", "a100-80gb-tp4", "h100-80gb-tp8")
        dice.may(found, 0.4, "service.prompt_tokens_median", 200.0, 1469.0, 3000.0)
        dice.may(found, 0.4, "service.prompt_tokens_sigma", 0.3, 1.5)
        dice.may(found, 0.4, "service.output_tokens_median", 2.0, 40.0)
        dice.may(found, 0.4, "service.output_tokens_sigma", 0.3, 2.0)
        dice.may(found, 0.3, "service.prompt_tokens_max", 2000, 20_000)
        dice.may(found, 0.3, "service.output_tokens_max", 1, 100)
        return LLM_MEAN_S
    dice.may(found, 0.35, "service.discipline", "ps")
    if law == "trace":
        return 1.0
    mean_s = dice.of(0.05, 0.25, 1.0)
    if law == "empirical":
        assert inputs is not None
        found |= {"service.path": str(inputs / POINTS), "service.scale": mean_s}
    else:
        found["service.mean_s"] = mean_s
    if law in ("lognormal", "hyperexponential"):
        found["service.scv"] = dice.of(1.0, 4.0, 20.0)
    return float(mean_s)


def _draw_arrivals(dice: Dice, found: Overrides, servers: float, mean_s: float, inputs: Path | None) -> None:
    """The law and the length of the run."""
    law, load = found["arrivals.kind"], dice.between(0.3, 1.3)
    rate_per_s, requests = load * servers / mean_s, dice.of(150, 300, 600, 1500)
    span_s = requests / rate_per_s
    if law == "closed_loop":
        clients, think_s = dice.of(1, 5, 20, 60), dice.share(mean_s, 0.0, 1.0, 5.0)
        found |= {"arrivals.clients_count": clients, "arrivals.think_s": think_s}
        span_s = requests / min(servers / mean_s, clients / (think_s + mean_s))
    elif law == "trace":
        assert inputs is not None
        speedup = digits(rate_per_s * FILES_SPAN_S / TRACE_ROWS)
        found |= {"arrivals.path": str(inputs / TRACE), "arrivals.speedup": speedup}
        found["arrivals.resample"] = dice.of("blocks", "none")
        found["arrivals.block_s"] = dice.of(2.0, 10.0)
        span_s = FILES_SPAN_S / speedup * dice.of(0.5, 1.2)
    elif law == "rates":
        assert inputs is not None
        found |= {"arrivals.path": str(inputs / RATES), "arrivals.speedup": digits(FILES_SPAN_S / span_s)}
        span_s *= dice.of(0.5, 1.2)
    horizon_s = found["horizon_s"] = digits(span_s)
    if law in OWN_RATE:
        found["arrivals.utilization_ratio"] = None
    elif dice.happens(0.6 if law == "deterministic" else 0.15):
        round_per_s = max(1, round(load * servers)) / mean_s  # with round gaps and demands, instants fall together
        found["arrivals.rate_per_s"] = round_per_s if law == "deterministic" else digits(rate_per_s)
        found["arrivals.utilization_ratio"] = None
    else:
        found["arrivals.utilization_ratio"] = load
    draw_shape(dice, found, law, horizon_s)
    if dice.happens(0.25):
        found["arrivals.keys_count"] = dice.of(1, 5, 100)
        dice.may(found, 0.5, "arrivals.keys_zipf", 0.5, 1.1)


def draw_shape(dice: Dice, found: Overrides, law: str, horizon_s: float) -> None:
    """How the rate moves within the run."""
    if law == "gamma":
        found["arrivals.cv"] = dice.of(0.3, 0.5, 2.0)
    elif law == "mmpp":
        found["arrivals.burst_ratio"] = dice.of(1.0, 2.0)
        found["arrivals.burst_s"] = dice.share(horizon_s, 0.02, 0.1)
        found["arrivals.calm_s"] = dice.share(horizon_s, 0.1, 0.3)
    elif law == "diurnal":
        found["arrivals.period_s"] = dice.share(horizon_s, 0.1, 0.5, 2.0)
        dice.may(found, 0.5, "arrivals.amplitude_ratio", 0.0, 0.9, 1.0)
    elif law == "flash_crowd":
        found["arrivals.peak_at"] = dice.share(horizon_s, 0.0, 0.3)
        found["arrivals.peak_s"] = dice.share(horizon_s, 0.1, 0.4)
        found["arrivals.ramp_s"] = dice.share(horizon_s, 0.0, 0.05)
        dice.may(found, 0.5, "arrivals.peak_ratio", 0.5, 6.0)


def draw_balancer(dice: Dice, kind: str, found: Overrides, mean_s: float) -> None:
    """How the balancer of this kind is set up."""
    central = kind != "prequal" and dice.happens(0.2)
    if central:
        found["balancer.queue"] = "central"
    elif dice.happens(0.4):
        found["balancer.dispatchers"] = dice.of(2, 3, 4)
    if kind == "power_of_d":
        found["balancer.d"] = dice.of(1, 2, 2, 3, 10)
    dice.may(found, 0.3, "balancer.queue_max", 0, 3, 50)
    dice.may(found, 0.6, "balancer.ties", "random", "rotate", "lowest")
    if kind in COUNTS and dice.happens(0.4):
        refresh_s = dice.of(mean_s, 5.0 * mean_s, digits(found["horizon_s"] / 50.0), 3.0 * found["horizon_s"])
        found |= {"balancer.signal": "polled", "balancer.refresh_s": refresh_s}
        found["balancer.count_own_dispatches"] = dice.happens(0.5)
    elif kind == "prequal":
        found["balancer.signal"] = "probed"
        dice.may(found, 0.7, "balancer.probe_delay_s", 0.0, digits(0.05 * mean_s), mean_s)
        dice.may(found, 0.7, "balancer.probe_pool_max", 2, 4)
        dice.may(found, 0.7, "balancer.probe_age_s", digits(0.5 * mean_s), 5.0 * mean_s)
        dice.may(found, 0.5, "balancer.probes_per_request", 1, 2, 8)
        dice.may(found, 0.5, "balancer.rif_quantile", 0.0, 0.5, 1.0)
    elif kind == "consistent_hash":
        dice.may(found, 0.7, "balancer.load_factor", 1.0, 1.1, 2.0)
        dice.may(found, 0.5, "balancer.ring_points", 1, 10)
    elif kind == "response_time":
        dice.may(found, 0.7, "balancer.ewma_tau_s", mean_s, 20.0 * mean_s)
