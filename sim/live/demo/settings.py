"""What the live demo runs, and by how much its intervals are shorter than the source's. Seconds of the wall clock."""

from __future__ import annotations

from sim.bench.demo.settings import KINDS, NODES

TYPES = tuple(kind.lower() for kind in KINDS)
FASTER = 150.0  # a fitted agent's answer takes 49 s, here a third of a second: above a busy machine's noise
AGENTS_EACH = 2  # of a type on a node
CLIENTS, BURST_CLIENTS = 4, 6  # of each type, in a closed loop; more while the burst is on
KILLED = "node-1"
KILL_AT, DEAD_FOR_S = 6.0, 5.0  # after the fleet is ready
BURST_AT, BURST_FOR_S = 20.0, 12.0
LIMIT_S = 95.0  # with start and stop under two minutes
HEALTH_S, SCALE_S, WINDOW_S = 0.5, 2.0, 0.6
SOURCE_HEALTH_S, SOURCE_SCALE_S = 30.0, 30.0

WORDS = (
    f"fleet.nodes={NODES}", "fleet.agent_types={" + ",".join(f"{name}: {AGENTS_EACH}" for name in TYPES) + "}",
    f"fleet.agents_per_node={AGENTS_EACH * len(TYPES)}",
    f"fleet.capacity_agents={2 * AGENTS_EACH * len(TYPES)}", "service=agent",
    "balancer=least_connections", "health=aggressive", f"health.interval_s={HEALTH_S:g}", "health.probe_timeout_s=1",
    "health.ejection.enabled=false", "health.slow_start_s=0", "failover=default", "retry=default",
    "retry.attempt_timeout_s=10", "autoscaler=hpa", f"autoscaler.min_nodes={NODES}",
    f"autoscaler.max_nodes={NODES + 1}", f"autoscaler.interval_s={SCALE_S:g}",
    "autoscaler.target_utilization_ratio=0.8", "autoscaler.stabilization_window_s=6", "autoscaler.readiness_s=0",
    "autoscaler.drain_s=3", "gateway.port=0", "gateway.default_rate_limit=1000000", "server.node_port=0",
    "server.respawn=false", "node.heartbeat_s=0.5", "node.rejoin_s=3", "node.drain_s=2", "plugins=shipped",
)  # fmt: skip
TUNING_WORDS = (
    "optimizer=default", "optimizer.unit=agent", "optimizer.pairs_max=30",
    f"optimizer.window_s={WINDOW_S:g}", "optimizer.window_requests_min=3",
    "optimizer.guard_success_rate_min=0.2", "optimizer.optimization_interval=86400",
)  # fmt: skip


def shortened() -> str:
    """What is quicker than in the source, and by how much."""
    return (
        f"answers are {FASTER:g} times as quick as the fitted agent's; health checks every {HEALTH_S:g} s (the "
        f"source: {SOURCE_HEALTH_S:g}), scale decisions every {SCALE_S:g} s ({SOURCE_SCALE_S:g})"
    )
