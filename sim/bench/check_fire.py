"""What a run under fire refuses before time 0: settings of scaling, health, failover and faults that contradict.

Ranges of single keys are the schema's. What a room can judge by itself is asked of it (its own params and checks), so
that a config and a use of the room in Python are refused alike; here stands what needs two rooms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.bench.fleet_shape import shape_of
from sim.bench.params import copy
from sim.bench.rules import check_requests, faults_of
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.registry import lookup
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.world.faults.check import check_places, check_values

HEARTBEATS = ("heartbeat_timeout",)  # detectors that read node_timeout_s
PROBES = ("consecutive_failures", "success_rate")  # detectors that read probe_timeout_s
OVERLAP_MAX = 10  # checks of one node on their way at once; Ray Serve's 30 s for checks every 10 s are 3


def _scaling(config: Config) -> None:
    scaler, nodes = config.autoscaler, config.fleet.nodes
    params = copy(AutoscalerParams, scaler)  # refuses what contradicts itself, also while nothing scales
    if scaler.kind == "none":
        return
    if not scaler.min_nodes <= nodes <= scaler.max_nodes:
        wanted = f"from autoscaler.min_nodes={scaler.min_nodes} to autoscaler.max_nodes={scaler.max_nodes}"
        raise ConfigError("fleet.nodes", nodes, wanted)
    lookup("autoscaler", scaler.kind)(params)  # a policy refuses what only it needs


def _health(config: Config) -> None:
    health = config.health
    if health.detector in HEARTBEATS:
        beat_s = health.interval_s if health.heartbeat_s is None else health.heartbeat_s
        least_s = beat_s * max(health.misses_max, 1.0 + health.jitter_ratio)
        if health.node_timeout_s < least_s:
            wanted = f"at least {least_s:g}, the time of health.misses_max={health.misses_max} heartbeats"
            raise ConfigError("health.node_timeout_s", health.node_timeout_s, wanted)
    if health.detector in PROBES and health.probe_timeout_s > OVERLAP_MAX * health.interval_s:
        wanted = f"at most {OVERLAP_MAX} times health.interval_s={health.interval_s:g}"
        raise ConfigError("health.probe_timeout_s", health.probe_timeout_s, wanted)
    ejection = health.ejection
    if ejection.base_s > ejection.max_s:
        wanted = f"at most health.ejection.max_s={ejection.max_s:g}"
        raise ConfigError("health.ejection.base_s", ejection.base_s, wanted)


def _failover(config: Config) -> None:
    failover, nodes = config.failover, config.fleet.nodes
    if failover.enabled and failover.copies_min >= nodes:
        wanted = f"below fleet.nodes={nodes} (copies lie on other nodes than the agent)"
        raise ConfigError("failover.copies_min", failover.copies_min, wanted)
    start_s, limit_s = config.fleet.agent_start_s, failover.deployment_timeout_s
    if start_s >= limit_s and (failover.enabled or config.autoscaler.kind != "none"):
        wanted = f"above fleet.agent_start_s={start_s:g} (no agent would ever be ready in time)"
        raise ConfigError("failover.deployment_timeout_s", limit_s, wanted)


def _faults(config: Config) -> None:
    shape = shape_of(config)
    for kind, fault in faults_of(config).items():
        check_values(kind, fault)
        check_places(kind, fault, shape.nodes_max, shape.zones[: shape.nodes_max])
        _within(f"faults.{kind}.at_s", getattr(fault, "at_s", []), config.horizon_s)
    if config.faults.overload.enabled and config.arrivals.kind == "closed_loop":
        wanted = "false with arrivals=closed_loop (its clients have no rate to be multiplied)"
        raise ConfigError("faults.overload.enabled", True, wanted)


def _within(key: str, at_s: Any, horizon_s: float) -> None:
    for instant in at_s if isinstance(at_s, list) else [at_s]:
        if instant >= horizon_s:
            raise ConfigError(key, instant, f"instants below horizon_s={horizon_s:g}")


FIRE_RULES: tuple[Callable[[Config], None], ...] = (_scaling, _health, _failover, _faults, check_requests)
