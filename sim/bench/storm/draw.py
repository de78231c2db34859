"""A storm's scenario from one seed: fleet, load, buggified settings, faults, deeds, the order of equal instants.

Swarm testing (Groce et al. 2012): whole features are left out at random, since features that are always on hide each
other's bugs. Settings are extreme but legal: a draw that the assembly refuses is drawn again, under the next number of
the same seed. Small: 2 to 5 nodes, up to some 120 requests; large: 6 to 16 nodes over hours. Everything that has a
length in time is a share of the phase that may be struck, or a multiple of the mean demand.
"""

from __future__ import annotations

from sim.bench.check import check
from sim.bench.dice import Dice, Overrides, digits
from sim.bench.random_configs import configured
from sim.bench.random_fire import TIMEOUT, draw_attempts, draw_failover, draw_gates, draw_health, draw_scaler
from sim.bench.random_load import STRATEGIES, draw_balancer, draw_fleet, draw_shape
from sim.bench.rules import SILENT, is_under_fire
from sim.bench.schema import Config
from sim.bench.storm.base import base
from sim.bench.storm.bounds import calm_s
from sim.bench.storm.draw_beside import draw_beside, draw_door
from sim.bench.storm.draw_strikes import draw_deeds, draw_loads, draw_strikes
from sim.bench.storm.scenario import LARGE, SMALL, Scenario, size_of
from sim.errors import ConfigError
from sim.runtime.draws import STORM

TRIES_MAX = 50
SERVICES = ("exponential", "exponential", "deterministic", "deterministic", "lognormal", "llm")
ARRIVALS = ("poisson", "poisson", "deterministic", "gamma", "mmpp", "flash_crowd", "diurnal")
LLM_MEAN_S = 1.1
DRAIN_RATIO = 20.0  # of the horizon
ORDER_PROB = 0.5


def config_of(scenario: Scenario) -> Config:
    """The validated config of a scenario: the first strike of a kind stands in it; raises `ConfigError`."""
    found = dict(scenario.overrides)
    for strike in reversed(scenario.strikes):
        prefix = f"faults.{strike.kind}."
        found = {key: value for key, value in found.items() if not key.startswith(prefix)}
        found |= {prefix + "enabled": True, prefix + "at_s": [strike.at_s], prefix + "for_s": strike.for_s}
        if strike.nodes:
            found[prefix + "nodes"] = list(strike.nodes)
        found |= {prefix + name: list(value) if isinstance(value, tuple) else value for name, value in strike.settings}
    config = configured(base(), found, "simpy")
    if not is_under_fire(config):
        raise ConfigError("storm", scenario.seed, "a run under fire: anything that a plain run does not have")
    check(config, base())
    return config


def draw_scenario(seed: int, size: str | None = None) -> Scenario:
    """The scenario of a seed; raises `ConfigError` when `TRIES_MAX` draws in a row are refused."""
    return drawn(seed, size)[0]


def drawn(seed: int, size: str | None = None) -> tuple[Scenario, Config]:
    """The scenario of a seed with its config; raises as `draw_scenario`."""
    refused: ConfigError | None = None
    for number in range(TRIES_MAX):
        beside = Dice(seed, TRIES_MAX + number, STORM)
        scenario = _drawn(seed, Dice(seed, number, STORM), beside, size or size_of(seed))
        try:
            return scenario, config_of(scenario)
        except ConfigError as error:
            refused = error
    assert refused is not None
    raise refused


def _drawn(seed: int, dice: Dice, beside: Dice, size: str) -> Scenario:
    large = size == LARGE
    found = _draw_load(dice, seed, large)
    storm_s = float(found["horizon_s"])
    mean_s = float(found.get("service.mean_s", LLM_MEAN_S))
    if dice.happens(0.75):
        draw_attempts(dice, found, mean_s)
    if dice.happens(0.5):
        draw_gates(dice, found, storm_s, mean_s)
    if dice.happens(0.85):
        draw_health(dice, found, storm_s)
        if "health.panic_ratio" in found and dice.happens(0.5):
            del found["health.panic_ratio"]  # a panic allows nearly everything
    if dice.happens(0.65):
        draw_failover(dice, found, storm_s)
        found["failover.deployment_timeout_s"] = dice.share(storm_s, 0.005, 0.02, 0.05)
    if dice.happens(0.35):
        draw_scaler(dice, found, storm_s)
    if found.get("failover.enabled") and "fleet.agent_start_s" in found:
        least_s = digits(2.0 * found["fleet.agent_start_s"])
        found["failover.deployment_timeout_s"] = max(least_s, found["failover.deployment_timeout_s"])
    strikes = draw_strikes(dice, found, storm_s, mean_s, large)
    draw_loads(dice, found, storm_s, mean_s)
    deeds = draw_deeds(dice, found, storm_s, large)
    silent = any(strike.kind in SILENT or strike.kind == "pause" for strike in strikes)
    if silent and not {"deadline_s", TIMEOUT} & set(found):
        found[TIMEOUT] = digits(6.0 * mean_s)
    word = 1 + int(dice.throw() * 2**40) if dice.happens(ORDER_PROB) else 0
    looks = tuple(sorted(dice.share(storm_s, 0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95) for _ in range(2)))
    records_max = dice.of(40, 100_000) if found.get("failover.enabled") else 100_000
    draw_door(dice, found, storm_s, 0.06)
    draw_beside(beside, found, storm_s, mean_s)
    least_s = storm_s + calm_s(found, storm_s, mean_s)
    found["horizon_s"] = max(digits(least_s), digits(1.005 * least_s))  # rounded up: R must not lie beyond it
    found["drain_s"] = digits(DRAIN_RATIO * found["horizon_s"])
    return Scenario(seed, LARGE if large else SMALL, found, strikes, deeds, storm_s, word, records_max, looks)


def _draw_load(dice: Dice, seed: int, large: bool) -> Overrides:
    """Fleet, balancer, arrivals, service; `horizon_s` is the length of the phase that may be struck."""
    kind = dice.of(*STRATEGIES)
    found: Overrides = {
        "seed": seed,
        "horizon_s": 1.0,
        "balancer.kind": kind,
        "fleet.nodes": dice.of(6, 8, 12, 16) if large else dice.of(2, 2, 3, 4, 5),
        "fleet.agents_per_node": dice.of(1, 2, 3),
        "service.kind": dice.of(*SERVICES),
        "arrivals.kind": dice.of(*ARRIVALS),
        "arrivals.utilization_ratio": None,
        "warmup": "none",
    }
    servers, mean_s = draw_fleet(dice, found), LLM_MEAN_S
    if found["service.kind"] != "llm":
        mean_s = found["service.mean_s"] = dice.of(5.0, 20.0, 40.0) if large else dice.of(0.05, 0.5, 1.0, 20.0)
        dice.may(found, 0.3, "service.discipline", "ps")
    if found["service.kind"] == "lognormal":
        found["service.scv"] = dice.of(1.0, 4.0, 20.0)
    load = dice.of(0.2, 0.4, 0.6, 0.8)
    rate_per_s = load * servers / mean_s
    requests = dice.of(200, 400) if large else dice.of(30, 60, 90)
    storm_s = found["horizon_s"] = digits(dice.of(3000.0, 7200.0) if large else requests / rate_per_s)
    if large:
        rate_per_s = requests / storm_s
    if found["arrivals.kind"] == "deterministic":
        rate_per_s = max(1, round(rate_per_s * mean_s)) / mean_s if not large else rate_per_s
    found["arrivals.rate_per_s"] = digits(rate_per_s)
    draw_shape(dice, found, found["arrivals.kind"], storm_s)
    if dice.happens(0.2):
        found["arrivals.keys_count"] = dice.of(1, 5, 100)
    draw_balancer(dice, kind, found, mean_s)
    return found
