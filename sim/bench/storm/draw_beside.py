"""What stands beside the fleet in a storm: a gateway, plugins, clients that wait for their answers, an optimizer.

Drawn after all else, from dice of their own, so that what a seed drew before these existed it still draws. The shipped
plugins run in this process with latencies that are virtual; those in workers of their own, and hostile ones, are struck
by the tests of plugins. The optimizer tunes the agents of a part of the nodes; its models are linear, since a forest
costs as much as a hundred storms.
"""

from __future__ import annotations

from sim.bench.dice import Dice, Overrides, digits

GATED_PROB, PLUGGED_PROB, CLOSED_PROB = 0.06, 0.12, 0.08
# From a seed on, the optimizer is drawn oftener: with .12 it stands in too few schedules of one `make storm` for every
# fault to have met it 30 times. Below, what a seed draws stays: 41 of those seeds are kept as tests.
TUNED_PROB, TUNED_MORE_PROB, TUNED_MORE_FROM = 0.12, 0.3, 1_600_001
AGENT_MEAN_S = 20.0  # least mean demand of a load in whose time an agent's half minute fits
GUARD, STICKY, BUDGET = "security.request_guard", "custom.sticky_sessions", "analytics.slo_budget"
TARGETS = ("response_time", "success_rate", "resource_usage")
SHAPE = ("cv", "burst_ratio", "burst_s", "calm_s", "period_s", "amplitude_ratio", "peak_at", "peak_s", "peak_ratio",
         "ramp_s", "rate_per_s")  # fmt: skip


def draw_door(dice: Dice, found: Overrides, storm_s: float, prob: float) -> None:
    """A gateway before the fleet, in few schedules: building one costs as much as a small schedule."""
    if not dice.happens(prob):
        return
    found |= {"gateway.enabled": True, "gateway.clients_count": dice.of(1, 2, 5)}
    found["gateway.default_rate_limit"] = dice.of(1, 3, 10, 1000)
    found["gateway.rate_period_s"] = dice.share(storm_s, 0.05, 0.2, 1.0)
    dice.may(found, 0.5, "gateway.rate_burst", 1, 2, 5)
    dice.may(found, 0.3, "gateway.address_rate_limit", 2, 20)
    dice.may(found, 0.5, "gateway.unknown_key_ratio", 0.1, 0.5)
    dice.may(found, 0.2, "gateway.limiter_keys_max", 1, 3)


def draw_beside(dice: Dice, found: Overrides, storm_s: float, mean_s: float) -> None:
    """Whole features, each in few schedules."""
    tuned_prob = TUNED_MORE_PROB if found["seed"] >= TUNED_MORE_FROM else TUNED_PROB
    if dice.happens(CLOSED_PROB):
        _draw_clients(dice, found, mean_s)
    if not found.get("gateway.enabled"):
        draw_door(dice, found, storm_s, GATED_PROB)
    if dice.happens(PLUGGED_PROB):
        _draw_plugins(dice, found, mean_s)
    if mean_s >= AGENT_MEAN_S and dice.happens(tuned_prob):
        _draw_optimizer(dice, found, storm_s)


def _draw_clients(dice: Dice, found: Overrides, mean_s: float) -> None:
    """About the same rate from clients that think, ask, and wait; nothing multiplies what has no rate."""
    clients = dice.of(2, 5, 20)
    think_s = max(mean_s, clients / found["arrivals.rate_per_s"] - mean_s)
    gone = [f"arrivals.{name}" for name in SHAPE] + [key for key in found if key.startswith("faults.overload.")]
    for key in gone:
        found.pop(key, None)
    found |= {"arrivals.kind": "closed_loop", "arrivals.clients_count": clients, "arrivals.think_s": digits(think_s)}


def _draw_plugins(dice: Dice, found: Overrides, mean_s: float) -> None:
    enabled = dice.several((GUARD, STICKY, BUDGET), dice.of(1, 2, 3))
    found["plugins.enabled"] = sorted(enabled)
    found["plugins.plugin_timeout"] = dice.of(10.0, 30.0)  # wall seconds of a plugin count against it too
    found["plugins.latency_s"] = {name: dice.share(mean_s, 0.0, 0.01, 0.3) for name in sorted(enabled)}
    found["plugins.failures_max"] = dice.of(1, 5)
    found["plugins.probe_after_s"] = dice.share(mean_s, 1.0, 20.0)
    found["plugins.metrics_interval_s"] = dice.share(mean_s, 2.0, 20.0)
    if GUARD in enabled:
        settings = {"prompt_tokens_max": dice.of(400, 16_384), "deny_keys": dice.of([], [0.0, 3.0])}
        found["plugins.settings"] = {"security": {"request_guard": settings}}


def _draw_optimizer(dice: Dice, found: Overrides, storm_s: float) -> None:
    for key in [key for key in found if key.startswith("service.")]:
        del found[key]
    found |= {"service.kind": "agent", "optimizer.enabled": True, "optimizer.min_data_points": dice.of(2, 10)}
    found["optimizer.model_types"] = dict.fromkeys(TARGETS, "linear_regression")
    found["optimizer.optimization_interval"] = dice.share(storm_s, 0.2, 0.4)
    found["optimizer.model_retrain_interval"] = dice.share(storm_s, 0.4, 1.0)
    found["optimizer.window_s"] = dice.share(storm_s, 0.04, 0.1)
    found["optimizer.window_requests_min"] = dice.of(2, 5)
    found["optimizer.pairs_max"] = dice.of(3, 10)
    found["optimizer.canary_ratio"] = dice.of(0.25, 0.5)
    found["optimizer.prediction_confidence_threshold"] = dice.of(0.0, 0.5)
