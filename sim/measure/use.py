"""How busy the fleet was and what it cost, from the busy agent-seconds of each node after the cut."""

from __future__ import annotations

import math

import numpy as np

from sim.measure.incidents import SECONDS_PER_HOUR
from sim.measure.occupancy import present_s, ready_s
from sim.measure.summary import Floats
from sim.types.records import RunRecord


def use_metrics(record: RunRecord, busy_s: Floats, cut_s: float, price_per_node_hour: float) -> dict[str, float]:
    """Utilization, imbalance, node-hours and cost; `busy_s` has shape (nodes,), from `cut_s` to the horizon."""
    horizon_s = record.horizon_s
    agent_s = ready_s(record, cut_s, horizon_s)
    used = agent_s > 0.0
    result = {}
    if bool(np.any(used)):
        result["utilization_ratio"] = math.fsum(busy_s[used].tolist()) / math.fsum(agent_s[used].tolist())
        shares = busy_s[used] / agent_s[used]
        if float(np.mean(shares)) > 0.0:
            result["imbalance_ratio"] = float(np.max(shares) / np.mean(shares))
    there_s = present_s(record.nodes, np.array([0.0]), np.array([horizon_s]))
    hours = math.fsum(there_s.ravel().tolist()) / SECONDS_PER_HOUR
    return result | {"node_hours": hours, "cost": hours * price_per_node_hour}
