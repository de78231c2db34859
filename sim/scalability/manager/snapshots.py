"""What the manager shows of itself: plain frozen data at one instant, which JSON can hold.

Counts are of nodes and agents; `capacity`, `load` and `free` count places on online nodes; instants and durations are
seconds of the runtime's clock.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from sim.scalability.manager.counters import Counters
from sim.scalability.manager.ledger import Ledger
from sim.scalability.manager.replication import StateStore
from sim.scalability.manager.scaling import Scaler
from sim.types.fleet import AgentStatus, NodeStatus

NODE_STATUSES = tuple(status.value for status in NodeStatus)
AGENT_STATUSES = tuple((status.value, status) for status in AgentStatus)


@dataclass(frozen=True, slots=True)
class ManagerStatus:
    """The fleet as it is."""

    at: float
    strategy: str
    running: bool  # the loops are on
    nodes: dict[str, int]  # by status
    nodes_max: int
    agents: dict[str, int]  # by status; stopped counts all that ever stopped
    agents_by_type: dict[str, int]  # that hold a place or wait
    agents_max: int
    registered: int  # agents ever
    pending: int
    unreachable: int  # ready agents on nodes that are offline
    orphans: int  # agents that nodes may still run although they are stopped or live elsewhere; they take places
    capacity: int
    load: int
    free: int
    utilization_ratio: float  # load / capacity, 0 without capacity
    scale_recommendation: int  # nodes more (1) or less (-1) that no provider carried out
    scale_reason: str
    states: int  # agents with a saved state
    states_single: int  # of which only one node holds it
    states_under_replicated: int  # of which fewer nodes hold it than are asked for

    def as_dict(self) -> dict[str, Any]:
        """Plain dicts, texts and numbers."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class ManagerMetrics:
    """What happened since the manager began; latencies over the newest deployments."""

    at: float
    nodes_registered: int
    nodes_refused: int
    nodes_removed: int
    nodes_lost: int
    nodes_returned: int
    nodes_fenced: int
    drains: int
    drains_cut: int
    heartbeats_received: int
    heartbeats_stale: int
    checks: int
    deploys: int
    deploys_failed: int
    undeploys: int
    stops_failed: int
    moves: int
    failovers: int
    restarts: int
    given_up: int
    scale_outs: int
    scale_ins: int
    scales_failed: int
    states_saved: int
    states_restored: int
    states_lost: int
    states_found: int
    states_copied: int
    states_dropped: int
    saves_fenced: int
    deploy_latency_s_mean: float
    deploy_latency_s_p50: float
    deploy_latency_s_p95: float
    deploy_latency_s_max: float

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers by name."""
        return dataclasses.asdict(self)


def status_of(ledger: Ledger, scaler: Scaler, states: StateStore, running: bool) -> ManagerStatus:
    """The status at this instant. O(nodes + agents)."""
    config = ledger.context.config
    nodes = dict.fromkeys(NODE_STATUSES, 0)
    capacity = load = unreachable = 0
    for node in ledger.nodes.values():
        nodes[node.info.status._value_] += 1  # an enum's `value` is a call
        if node.online:
            capacity += node.info.capacity
            load += node.load
        elif not node.reachable:
            unreachable += sum(node.ready.values())
    by_type: dict[str, int] = {}
    for agent in ledger.agents.values():
        by_type[agent.info.agent_type] = by_type.get(agent.info.agent_type, 0) + 1
    return ManagerStatus(
        at=ledger.context.now(),
        strategy=config.load_balancing_strategy,
        running=running,
        nodes=nodes,
        nodes_max=config.max_nodes,
        agents={name: ledger.agents_count[status] for name, status in AGENT_STATUSES},
        agents_by_type=by_type,
        agents_max=config.agents_limit,
        registered=ledger.registered_count,
        pending=ledger.agents_count[AgentStatus.PENDING],
        unreachable=unreachable,
        orphans=sum(len(node.orphans) for node in ledger.nodes.values()),
        capacity=capacity,
        load=load,
        free=capacity - load,
        utilization_ratio=load / capacity if capacity else 0.0,
        scale_recommendation=scaler.recommendation.change,
        scale_reason=scaler.recommendation.reason,
        states=len(states),
        states_single=states.single_count(),
        states_under_replicated=states.short_count(),
    )


def metrics_of(counters: Counters, now: float) -> ManagerMetrics:
    """The counts so far."""
    latencies_s = sorted(counters.latencies_s)

    def quantile(prob: float) -> float:
        return latencies_s[int(prob * (len(latencies_s) - 1))] if latencies_s else 0.0

    counts = {
        field.name: getattr(counters, field.name)
        for field in dataclasses.fields(counters)
        if field.name not in ("deploy_sum_s", "deploy_max_s", "latencies_s")
    }
    return ManagerMetrics(
        at=now,
        **counts,
        deploy_latency_s_mean=counters.deploy_sum_s / counters.deploys if counters.deploys else 0.0,
        deploy_latency_s_p50=quantile(0.5),
        deploy_latency_s_p95=quantile(0.95),
        deploy_latency_s_max=counters.deploy_max_s,
    )
