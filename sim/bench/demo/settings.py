"""What the demo runs: the source's numbers, its fleet as config words, and when what strikes. Virtual seconds.

Nodes are ten times as fast as the fitted agent (4.9 s an answer in place of 49 s), so that an hour of the
fleet's life holds a hundred samples of an agent: a sample is one minute under one setting. The life ends a little after
the story, at the latest at its horizon.
"""

from __future__ import annotations

NODES, AGENTS, PLUGINS, ENDPOINTS = 3, 5, 3, 5  # what the source promises, at least
SAMPLES_AN_AGENT = 50  # the source's; then as many as min_data_points asks
KINDS = ("Research", "Analysis", "Writing", "Coding", "Review")  # names of the agents
ASKS_MAX = 10  # agents that an improvement is asked for, in turn, until one is proved

CRASHED, CRASH_AT, CRASH_FOR_S = 1, 400.0, 150.0
BURST_AT, BURST_FOR_S = 1_000.0, 500.0
AFTER_S = 60.0  # that the fleet lives on once everything is told

WORDS = (
    f"fleet.nodes={NODES}", "fleet.agents_per_node=2", "fleet.capacity_agents=4", "fleet.speeds=[10]",
    "service=agent", "arrivals.rate_per_s=0.9", "horizon_s=9000", "drain_s=300", "deadline_s=600",
    "balancer=least_connections", "gateway=default", "gateway.clients_count=5", "plugins=shipped",
    "health=aggressive", "health.interval_s=5", "health.ejection.enabled=false", "failover=default",
    "retry=default", "retry.attempt_timeout_s=120",
    "autoscaler=hpa", "autoscaler.target_utilization_ratio=0.8", "autoscaler.interval_s=60",
    f"autoscaler.min_nodes={NODES}", f"autoscaler.max_nodes={NODES + 2}",
    "faults=[crash,overload]", "faults.crash.mttf_s=null", f"faults.crash.at_s=[{CRASH_AT:g}]",
    f"faults.crash.for_s={CRASH_FOR_S:g}", f"faults.crash.nodes=[{CRASHED}]",
    f"faults.overload.at_s={BURST_AT:g}", f"faults.overload.for_s={BURST_FOR_S:g}", "faults.overload.ratio=1.5",
    "optimizer=default", "optimizer.unit=agent", "optimizer.window_s=60", "optimizer.window_requests_min=3",
    "optimizer.guard_success_rate_min=0.2", "optimizer.optimization_interval=86400",
)  # fmt: skip
