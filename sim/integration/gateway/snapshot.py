"""What a status page is told of every few seconds: fleet, nodes with their load, tasks, plugins, optimizer decisions.

Nodes are in birth order; past `NODES_MAX` the rest is counted, not told, and past `AGENTS_MAX` agents are told for the
fleet alone, so that a message stays small (about 150 bytes a node). Durations are seconds, shares ratios.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sim.integration.gateway.redact import redact
from sim.integration.gateway.tasks import DONE
from sim.types.fleet import AgentStatus, NodeInfo

if TYPE_CHECKING:
    from sim.integration.gateway.gateway import APIGateway

NODES_MAX = 500
AGENTS_MAX = 20_000
DECISIONS_MAX = 20


def snapshot(gateway: APIGateway) -> dict[str, Any]:
    """The status with rows; what is not connected is None."""
    told = gateway.status()
    return {
        **told,
        "ready": gateway.is_ready,
        **_fleet(gateway),
        "tasks": _tasks(gateway),
        "plugin_rows": None if gateway.plugins is None else gateway.plugins.list_plugins(),
        "decisions": None if gateway.optimizer is None else gateway.optimizer.list_results()[-DECISIONS_MAX:],
    }


def _fleet(gateway: APIGateway) -> dict[str, Any]:
    manager, load = gateway.manager, gateway.load
    if manager is None:
        return {"node_rows": None, "nodes_left_out": 0, "waiting": None, "in_flight": None}
    nodes = manager.list_nodes()
    ready: dict[str, int] | None = None
    agents = manager.list_agents() if sum(node.current_load for node in nodes) <= AGENTS_MAX else None
    if agents is not None:
        ready = {}
        for agent in agents:
            if agent.status is AgentStatus.READY and agent.node_id is not None:
                ready[agent.node_id] = ready.get(agent.node_id, 0) + 1
    rows = []
    for node in nodes[:NODES_MAX]:
        row = _row(node)
        row["agents"] = None if ready is None else ready.get(node.node_id, 0)
        row["in_flight"] = None if load is None else load.in_flight(node.node_id)
        rows.append(row)
    return {
        "node_rows": rows,
        "nodes_left_out": max(0, len(nodes) - NODES_MAX),
        "waiting": None if load is None else load.waiting_count(),
        "in_flight": None if load is None else load.in_flight_count(),
    }


def _row(node: NodeInfo) -> dict[str, Any]:
    return {
        "node_id": redact(node.node_id),
        "status": node.status.value,
        "zone": redact(str(node.metadata.get("zone", ""))),
        "capacity": node.capacity,
        "placed": node.current_load,
        "cpu": node.cpu_usage,
    }


def _tasks(gateway: APIGateway) -> dict[str, Any] | None:
    desk = gateway.desk
    if desk is None:
        return None
    return {"running": desk.running_count, **desk.pace.as_dict(gateway.runtime.now(), DONE)}
