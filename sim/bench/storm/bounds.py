"""How long the control plane may take to notice and to recover: the stated deadlines of a storm, from its settings.

Detection D of a silent machine: for `heartbeat_timeout` the timeout and two distances of checks; for detectors of
checks as many failed ones as they need and one distance more, with one timeout; `phi_accrual` adapts to what it saw and
states none. Recovery R after the last fault: signs of life as many as the detector wants, then two rounds of what the
manager asks of a host (each bounded by the deployment timeout, tried again at the next check), an ejection or breaker
that has to run out, and a provisioned machine. Virtual seconds, over settings as a mapping of dotted keys.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sim.bench.storm.base import value_of

SLACK = 1e-9


def interval_s(found: Mapping[str, Any]) -> float:
    """The longest distance of two checks."""
    return float(value_of(found, "health.interval_s")) * (1.0 + float(value_of(found, "health.jitter_ratio")))


def beat_s(found: Mapping[str, Any]) -> float:
    """The longest distance of two heartbeats."""
    own = value_of(found, "health.heartbeat_s")
    interval = float(value_of(found, "health.interval_s")) if own is None else float(own)
    return interval * (1.0 + float(value_of(found, "health.jitter_ratio")))


def detection_s(found: Mapping[str, Any]) -> float:
    """D: a machine that is silent for longer is known to be; infinity where nothing is promised."""
    kind = value_of(found, "health.detector")
    if kind == "heartbeat_timeout":
        return (float(value_of(found, "health.node_timeout_s")) + 2.0 * interval_s(found)) * (1.0 + SLACK)
    timeout_s = float(value_of(found, "health.probe_timeout_s"))
    if kind == "consecutive_failures":
        needed = int(value_of(found, "health.misses_max"))
    elif kind == "success_rate":
        window, least = (
            int(value_of(found, "health.success_window")),
            float(value_of(found, "health.success_min_ratio")),
        )
        needed = next(failed for failed in range(1, window + 1) if 1.0 - failed / window < least)
    else:
        return math.inf
    return ((needed + 1) * (interval_s(found) + timeout_s)) * (1.0 + SLACK)


def return_s(found: Mapping[str, Any]) -> float:
    """How long signs of life of a sound machine take until its detector is content."""
    kind = value_of(found, "health.detector")
    if kind == "heartbeat_timeout":
        return 2.0 * beat_s(found) + 2.0 * interval_s(found)
    if kind == "phi_accrual":  # what it learned in the storm has left its window
        return (2 + int(value_of(found, "health.phi_samples_max"))) * beat_s(found) + 2.0 * interval_s(found)
    if kind == "none":
        return 0.0
    timeout_s = float(value_of(found, "health.probe_timeout_s"))
    return (int(value_of(found, "health.rises_min")) + 2) * (interval_s(found) + timeout_s)


def recovery_s(found: Mapping[str, Any]) -> float:
    """R: nodes are back, agents placed, copies made, everybody in service, so long after the last fault."""
    check_s = float(value_of(found, "health.interval_s"))
    deploy_s = float(value_of(found, "failover.deployment_timeout_s")) if value_of(found, "failover.enabled") else 0.0
    start_s = float(value_of(found, "fleet.agent_start_s"))
    total_s = return_s(found) + 3.0 * check_s + 3.0 * deploy_s + 3.0 * start_s
    if value_of(found, "health.ejection.enabled"):
        ejection = "health.ejection."
        total_s += float(value_of(found, ejection + "max_s")) + float(value_of(found, ejection + "jitter_s"))
        total_s += 2.0 * float(value_of(found, ejection + "interval_s"))
    if value_of(found, "breaker.enabled"):
        total_s += float(value_of(found, "breaker.open_s"))
    if value_of(found, "autoscaler.kind") != "none":
        total_s += 3.0 * float(value_of(found, "autoscaler.interval_s")) + float(value_of(found, "autoscaler.drain_s"))
        total_s += 3.0 * float(value_of(found, "autoscaler.provisioning_s"))
    return total_s


def calm_s(found: Mapping[str, Any], storm_s: float, mean_s: float) -> float:
    """Length of the liveness phase: R, and some demands more."""
    return min(recovery_s(found), 1.5 * storm_s) + 5.0 * mean_s
