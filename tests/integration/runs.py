"""Small runs for tests of the whole: a config from keyword groups, and fleets that a test deploys itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.bench.assemble import Assembly, assemble, run_replication
from sim.bench.check import check
from sim.bench.schema import Config
from sim.measure.audits import audit, problems_of
from sim.types.fleet import NodeInfo
from sim.types.records import AttemptTable, RunRecord

STRATEGIES = (
    "consistent_hash",
    "join_idle_queue",
    "least_connections",
    "power_of_d",
    "prequal",
    "random",
    "response_time",
    "round_robin",
    "weighted_least_connections",
    "weighted_round_robin",
)
COLUMNS = tuple(AttemptTable.__slots__)


def small_config(
    *,
    seed: int = 1,
    horizon_s: float = 20.0,
    drain_s: float = 1000.0,
    fleet: dict[str, Any] | None = None,
    arrivals: dict[str, Any] | None = None,
    service: dict[str, Any] | None = None,
    balancer: dict[str, Any] | None = None,
    autoscaler: dict[str, Any] | None = None,
) -> Config:
    """A checked config of 3 nodes of 2 agents at utilization .9; the groups' keys change what they name."""
    config = Config(seed=seed, horizon_s=horizon_s, drain_s=drain_s)
    config.fleet.nodes, config.fleet.agents_per_node = 3, 2
    if (arrivals or {}).get("kind") != "closed_loop" and "rate_per_s" not in (arrivals or {}):
        config.arrivals.utilization_ratio = 0.9
    groups: Sequence[tuple[Any, dict[str, Any] | None]] = (
        (config.fleet, fleet),
        (config.arrivals, arrivals),
        (config.service, service),
        (config.balancer, balancer),
        (config.autoscaler, autoscaler),
    )
    for group, values in groups:
        for key, value in (values or {}).items():
            assert hasattr(group, key), key
            setattr(group, key, value)
    if config.balancer.kind == "prequal":
        config.balancer.signal = "probed"
    check(config)
    return config


def valid_run(config: Config, replication: int = 0) -> RunRecord:
    """Run a replication; every audit has to hold."""
    record = run_replication(config, replication)
    problems = problems_of(audit(record))
    assert not problems, f"{problems} of {config}"
    return record


class OwnFleet:
    """An assembly whose fleet the test deploys: its own names, its own order."""

    def __init__(self, config: Config, replication: int = 0) -> None:
        self.assembly: Assembly = assemble(config, replication)
        self.config = config

    async def node(self, node_id: str, agents: dict[str, int] | None = None) -> None:
        """A node at speed 1 with `agents` by type (2 of the only type when not given)."""
        assembly, counts = self.assembly, {"agent": 2} if agents is None else agents
        assembly.world.add_node(node_id, 1.0, "zone-1")
        capacity = max(1, sum(counts.values()))
        await assembly.manager.register_node(NodeInfo(node_id, "127.0.0.1", 8080, capacity=capacity))
        for agent_type, count in counts.items():
            for number in range(count):
                config = {"name": f"{agent_type}-{node_id}-{number}", "type": agent_type, "model": "simulated"}
                await assembly.manager.deploy_agent(config)

    def nodes(self, *node_ids: str, agents: dict[str, int] | None = None) -> OwnFleet:
        """Deploy nodes that are alike, one after another."""
        for node_id in node_ids:
            self.assembly.runtime.run_task(self.node(node_id, agents))
        return self

    def run(self) -> RunRecord:
        """Load it, and close the runtime."""
        record = self.assembly.world.run(self.assembly.load)
        self.assembly.runtime.close()
        problems = problems_of(audit(record))
        assert not problems, f"{problems} of {self.config}"
        return record
