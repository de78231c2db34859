"""What the manager counts since it began; `latencies_s` are the newest deployments, for quantiles."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

LATENCIES_MAX = 1_000


@dataclass(slots=True)
class Counters:
    """Cumulative counts; durations in seconds."""

    nodes_registered: int = 0
    nodes_refused: int = 0
    nodes_removed: int = 0
    nodes_lost: int = 0
    nodes_returned: int = 0
    nodes_fenced: int = 0
    drains: int = 0
    drains_cut: int = 0  # whose deadline passed first
    heartbeats_received: int = 0
    heartbeats_stale: int = 0
    checks: int = 0
    deploys: int = 0
    deploys_failed: int = 0
    undeploys: int = 0
    stops_failed: int = 0
    moves: int = 0
    failovers: int = 0
    restarts: int = 0
    given_up: int = 0
    scale_outs: int = 0
    scale_ins: int = 0
    scales_failed: int = 0
    states_saved: int = 0
    states_restored: int = 0
    states_lost: int = 0
    states_found: int = 0  # lost ones that came back with their node
    states_copied: int = 0  # copies made to restore the number of copies
    states_dropped: int = 0  # stale or unacknowledged copies that a returning node had to give up
    saves_fenced: int = 0  # writes of an old epoch
    deploy_sum_s: float = 0.0
    deploy_max_s: float = 0.0
    latencies_s: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_MAX))

    def deployed(self, latency_s: float) -> None:
        """An agent was deployed within `latency_s`."""
        self.deploys += 1
        self.deploy_sum_s += latency_s
        self.deploy_max_s = max(self.deploy_max_s, latency_s)
        self.latencies_s.append(latency_s)
