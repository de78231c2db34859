"""What a run under fire adds to a random configuration: attempts, health, scaling, failover and faults.

Three strata in turn: one fault alone, the request path alone, and everything at once with up to four faults. Intervals
and episodes are shares of the run, time limits multiples of the mean demand.
"""

from __future__ import annotations

from sim.bench.dice import Dice, Overrides, digits
from sim.bench.random_faults import draw_fault
from sim.bench.random_load import LLM_MEAN_S
from sim.bench.rules import SILENT

STRATA = ("one fault", "requests", "everything")
DETECTORS = ("heartbeat_timeout", "consecutive_failures", "phi_accrual", "success_rate")
SCALERS = ("threshold", "hpa", "kpa", "predictive", "scheduled", "on_demand")
FAULTS = (
    "crash", "slow", "pause", "partition", "packet_loss", "zone_outage", "flapping", "clock_skew", "errors",
    "poison_request", "overload", "preemption",
)  # fmt: skip
TIMEOUT = "retry.attempt_timeout_s"


def draw_fire(dice: Dice, found: Overrides, stratum: str) -> None:
    """Add the keys of one of `STRATA`."""
    horizon_s = found["horizon_s"]
    mean_s = float(found.get("service.mean_s") or found.get("service.scale") or LLM_MEAN_S)
    if found.get("arrivals.think_s") == 0.0:
        found["arrivals.think_s"] = mean_s  # refused at 0: who is turned away would be back in the same instant
    everything, faults = stratum == "everything", [dice.of(*FAULTS)]
    if everything:
        faults = dice.several(FAULTS, dice.of(0, 1, 2, 3, 4))
    if stratum == "requests":
        faults = []
    if stratum == "requests" or dice.happens(0.6):
        draw_attempts(dice, found, mean_s)
        draw_gates(dice, found, horizon_s, mean_s)
    if everything and dice.happens(0.7):
        draw_health(dice, found, horizon_s)
    if everything and dice.happens(0.35):
        draw_failover(dice, found, horizon_s)
    if everything and dice.happens(0.5):
        draw_scaler(dice, found, horizon_s)
    for kind in faults:
        draw_fault(dice, found, kind, horizon_s, mean_s)
    if any(kind in SILENT for kind in faults) and not {"deadline_s", TIMEOUT} & set(found):
        found[TIMEOUT] = digits(6.0 * mean_s)


def draw_attempts(dice: Dice, found: Overrides, mean_s: float) -> None:
    """Deadlines, timeouts, retries, hedges."""
    limits_s = [float("inf")]
    if dice.happens(0.5):
        found["deadline_s"] = dice.share(mean_s, 2.0, 5.0, 20.0)
        limits_s.append(found["deadline_s"])
    if dice.happens(0.5):
        found[TIMEOUT] = min(*limits_s, dice.share(mean_s, 1.5, 4.0, 20.0))
        limits_s.append(found[TIMEOUT])
    dice.may(found, 0.5, "deadline_propagation", "dequeue", "kill")
    dice.may(found, 0.3, "service.per_attempt", "redraw")
    attempts = found["retry.attempts_max"] = dice.of(1, 2, 3, 5)
    if attempts > 1:
        found["retry.backoff_s"] = dice.share(mean_s, 0.0, 0.1, 1.0)
        found["retry.backoff_max_s"] = dice.share(mean_s, 1.0, 5.0)
        dice.may(found, 0.3, "retry.non_idempotent_ratio", 0.2, 1.0)
        if dice.happens(0.5):
            found["retry.budget_ratio"] = dice.of(0.0, 0.1, 0.5)
            found["retry.budget_of"] = dice.of("fresh", "active")
            found["retry.budget_depth"] = dice.of(0, 1, 10)
    after_s = dice.share(mean_s, 0.5, 1.0, 2.0)
    if dice.happens(0.4) and after_s < min(limits_s):
        found["hedge.after_s"] = after_s
        found["hedge.hedges_max"] = dice.of(1, 2, 3)
        found["hedge.cancel"] = dice.happens(0.6)


def draw_gates(dice: Dice, found: Overrides, horizon_s: float, mean_s: float) -> None:
    """Breaker, admission and priorities."""
    if dice.happens(0.3):
        found |= {"breaker.enabled": True, "breaker.failures_max": dice.of(1, 3, 10)}
        found["breaker.open_s"] = dice.share(horizon_s, 0.01, 0.1)
        found["breaker.trials_max"], found["breaker.successes_min"] = dice.of(1, 2), dice.of(1, 2)
    if dice.happens(0.4):
        found["admission.priority_mix"] = dice.of([1.0, 1.0], [0.2, 0.8], [1.0, 2.0, 1.0])
    if dice.happens(0.4):
        kind = found["admission.kind"] = dice.of("concurrency", "success_rate")
        if kind == "concurrency":
            found["admission.in_flight_max"] = dice.of(2, 8, 40)
            shares = {1: [0.9], 2: [1.0, 0.5], 3: [1.0, 0.7, 0.3]}
            found["admission.priority_shares"] = shares[len(found.get("admission.priority_mix", [1.0]))]
        else:
            found["admission.window_s"] = max(mean_s, dice.share(horizon_s, 0.05, 0.3))
            found["admission.success_min_ratio"] = dice.of(0.5, 0.99)
            found["admission.aggression"] = dice.of(0.5, 2.0)
            found["admission.shed_max_ratio"] = dice.of(0.3, 1.0)


def draw_health(dice: Dice, found: Overrides, horizon_s: float) -> None:
    """A detector, panic, slow start, ejection."""
    kind = found["health.detector"] = dice.of(*DETECTORS)
    interval_s = found["health.interval_s"] = dice.share(horizon_s, 0.01, 0.02, 0.05)
    dice.may(found, 0.4, "health.heartbeat_s", digits(0.5 * interval_s), digits(1.5 * interval_s))
    dice.may(found, 0.4, "health.jitter_ratio", 0.1, 0.5)
    misses = found["health.misses_max"] = dice.of(1, 2, 3)
    found["health.rises_min"] = dice.of(1, 2, 3)
    if kind == "heartbeat_timeout":
        beat_s = found.get("health.heartbeat_s", interval_s)
        shortest_s = beat_s * max(misses, 1.0 + found.get("health.jitter_ratio", 0.0))
        found["health.node_timeout_s"] = dice.share(shortest_s, 1.1, 2.0)
    elif kind == "phi_accrual":
        found["health.phi_threshold"] = dice.of(2.0, 8.0)
        found["health.phi_samples_max"] = dice.of(2, 20)
        found["health.phi_stdev_min_s"] = dice.share(interval_s, 0.01, 0.3)
    else:
        found["health.probe_timeout_s"] = dice.share(interval_s, 0.2, 0.5, 2.5)
        if kind == "success_rate":
            found["health.success_min_ratio"], found["health.success_window"] = dice.of(0.3, 0.9), dice.of(1, 4)
    dice.may(found, 0.4, "health.panic_ratio", 0.3, 0.8)
    if dice.happens(0.4):
        found["health.slow_start_s"] = dice.share(horizon_s, 0.05, 0.2)
        dice.may(found, 0.5, "health.slow_start_min_ratio", 0.01, 0.5)
        dice.may(found, 0.5, "health.slow_start_aggression", 0.5, 2.0)
    if dice.happens(0.5):
        _draw_ejection(dice, found, horizon_s)


def _draw_ejection(dice: Dice, found: Overrides, horizon_s: float) -> None:
    base_s = dice.share(horizon_s, 0.02, 0.1)
    found |= {"health.ejection.enabled": True, "health.ejection.failures_max": dice.of(1, 3, 5)}
    found |= {"health.ejection.base_s": base_s, "health.ejection.max_s": dice.share(base_s, 1.5, 4.0)}
    found["health.ejection.interval_s"] = dice.share(horizon_s, 0.02, 0.1)
    found["health.ejection.ejected_max_ratio"] = dice.of(0.0, 0.5, 1.0)
    dice.may(found, 0.5, "health.ejection.success_nodes_min", 1, 2)
    dice.may(found, 0.5, "health.ejection.success_requests_min", 2, 10)
    dice.may(found, 0.5, "health.ejection.success_stdev_factor", 0.5, 1.0)
    dice.may(found, 0.3, "health.ejection.jitter_s", digits(0.1 * base_s))
    dice.may(found, 0.5, "health.ejection.readmit_on_check", False)


def draw_failover(dice: Dice, found: Overrides, horizon_s: float) -> None:
    """Copies of states, and room to move agents to."""
    found |= {"failover.enabled": True, "failover.copies_min": dice.of(0, 1, 2)}
    found["failover.copies_min"] = min(found["failover.copies_min"], found["fleet.nodes"] - 1)
    found["failover.deployment_timeout_s"] = dice.share(horizon_s, 0.1, 1.0)
    found["failover.save_interval_s"] = dice.share(horizon_s, 0.05, 0.2)
    found["fleet.capacity_agents"] = found["fleet.agents_per_node"] + dice.of(0, 1, 3)
    dice.may(found, 0.4, "fleet.agent_start_s", digits(0.02 * horizon_s))


def draw_scaler(dice: Dice, found: Overrides, horizon_s: float) -> None:
    """An autoscaler and its settings."""
    kind, nodes = dice.of(*SCALERS), found["fleet.nodes"]
    found |= {"autoscaler.kind": kind, "autoscaler.max_nodes": nodes + dice.of(0, 1, 4)}
    found["autoscaler.min_nodes"] = 0 if kind == "on_demand" else dice.of(1, nodes)
    found["autoscaler.interval_s"] = dice.share(horizon_s, 0.02, 0.05)
    found["autoscaler.stabilization_window_s"] = dice.share(horizon_s, 0.0, 0.1)
    found["autoscaler.provisioning_s"] = dice.share(horizon_s, 0.0, 0.03, 0.1)
    found["autoscaler.drain_s"] = dice.share(horizon_s, 0.0, 0.05, 1.0)
    dice.may(found, 0.5, "autoscaler.target_utilization_ratio", 0.3, 1.0)
    dice.may(found, 0.4, "autoscaler.tolerance_ratio", 0.0, 0.3)
    dice.may(found, 0.4, "autoscaler.provisioning", "exponential")
    dice.may(found, 0.4, "autoscaler.readiness_s", digits(0.05 * horizon_s))
    dice.may(found, 0.4, "autoscaler.step_out_nodes_max", 1, 2)
    dice.may(found, 0.4, "autoscaler.step_out_ratio_max", 0.0, 5.0)
    dice.may(found, 0.4, "autoscaler.step_in_nodes_max", 1, 2)
    dice.may(found, 0.3, "fleet.agent_start_s", digits(0.02 * horizon_s))
    if kind == "kpa":
        found["autoscaler.stable_window_s"] = dice.share(horizon_s, 0.1, 0.3)
        found["autoscaler.panic_window_s"] = dice.share(horizon_s, 0.02, 0.05)
        dice.may(found, 0.5, "autoscaler.panic_ratio", 1.2, 4.0)
    elif kind == "predictive":
        found["autoscaler.season_s"] = dice.share(horizon_s, 0.2, 0.5)
        found["autoscaler.bin_s"] = digits(found["autoscaler.season_s"] / 10.0)
        dice.may(found, 0.5, "autoscaler.headroom_ratio", 0.6, 0.99)
    elif kind == "scheduled":
        found["autoscaler.season_s"] = dice.share(horizon_s, 0.5, 1.0)
        season_s, low = found["autoscaler.season_s"], found["autoscaler.min_nodes"]
        found["autoscaler.at_s"] = [digits(0.2 * season_s), digits(0.6 * season_s)]
        found["autoscaler.counts"] = dice.of([found["autoscaler.max_nodes"], low], [low, found["autoscaler.max_nodes"]])
    elif kind == "on_demand":
        found["balancer.queue"] = "central"
        found.pop("balancer.dispatchers", None)
