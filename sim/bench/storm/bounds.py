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

SLACK = 1e-9


def interval_s(found: Mapping[str, Any]) -> float:
    """The longest distance of two checks."""
    return float(found.get("health.interval_s", 10.0)) * (1.0 + float(found.get("health.jitter_ratio", 0.0)))


def beat_s(found: Mapping[str, Any]) -> float:
    """The longest distance of two heartbeats."""
    own = found.get("health.heartbeat_s")
    interval = float(found.get("health.interval_s", 10.0)) if own is None else float(own)
    return interval * (1.0 + float(found.get("health.jitter_ratio", 0.0)))


def detection_s(found: Mapping[str, Any]) -> float:
    """D: a machine that is silent for longer is known to be; infinity where nothing is promised."""
    kind = found.get("health.detector", "none")
    if kind == "heartbeat_timeout":
        return (float(found["health.node_timeout_s"]) + 2.0 * interval_s(found)) * (1.0 + SLACK)
    timeout_s = float(found.get("health.probe_timeout_s", 5.0))
    if kind == "consecutive_failures":
        needed = int(found.get("health.misses_max", 3))
    elif kind == "success_rate":
        window, least = int(found.get("health.success_window", 10)), float(found.get("health.success_min_ratio", 0.8))
        needed = next(failed for failed in range(1, window + 1) if 1.0 - failed / window < least)
    else:
        return math.inf
    return ((needed + 1) * (interval_s(found) + timeout_s)) * (1.0 + SLACK)


def return_s(found: Mapping[str, Any]) -> float:
    """How long signs of life of a sound machine take until its detector is content."""
    kind = found.get("health.detector", "none")
    if kind in ("heartbeat_timeout", "phi_accrual"):
        return 2.0 * beat_s(found) + 2.0 * interval_s(found)
    if kind == "none":
        return 0.0
    timeout_s = float(found.get("health.probe_timeout_s", 5.0))
    return (int(found.get("health.rises_min", 2)) + 2) * (interval_s(found) + timeout_s)


def recovery_s(found: Mapping[str, Any]) -> float:
    """R: nodes are back, agents placed, copies made, everybody in service, so long after the last fault."""
    check_s = float(found.get("health.interval_s", 10.0))
    deploy_s = float(found.get("failover.deployment_timeout_s", 300.0)) if found.get("failover.enabled") else 0.0
    start_s = float(found.get("fleet.agent_start_s", 0.0))
    total_s = return_s(found) + 3.0 * check_s + 3.0 * deploy_s + 3.0 * start_s
    if found.get("health.ejection.enabled"):
        ejection = "health.ejection."
        total_s += float(found[ejection + "max_s"]) + float(found.get(ejection + "jitter_s", 0.0))
        total_s += 2.0 * float(found[ejection + "interval_s"])
    if found.get("breaker.enabled"):
        total_s += float(found["breaker.open_s"])
    if found.get("autoscaler.kind", "none") != "none":
        total_s += 3.0 * float(found["autoscaler.interval_s"]) + float(found["autoscaler.drain_s"])
        total_s += 3.0 * float(found["autoscaler.provisioning_s"])
    return total_s


def calm_s(found: Mapping[str, Any], storm_s: float, mean_s: float) -> float:
    """Length of the liveness phase: R, and some demands more."""
    return min(recovery_s(found), 1.5 * storm_s) + 5.0 * mean_s
