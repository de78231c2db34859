"""Speed of the control plane's own calls: a node registered, an agent deployed, a heartbeat, a status snapshot."""

from __future__ import annotations

from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from sim.runtime.virtual import VirtualRuntime
from sim.scalability.manager import DistributedManager
from tests.scalability.manager.rig import AGENT, Books, node

NODES, AGENTS_PER_NODE = 100, 12


def manager() -> DistributedManager:
    return DistributedManager({"max_nodes": NODES}, runtime=VirtualRuntime(), membership=Books())


async def register(fleet: DistributedManager) -> None:
    for number in range(NODES):
        await fleet.register_node(node(f"node-{number}", zone=f"zone-{number % 3}"))


async def deploy(fleet: DistributedManager) -> None:
    for _ in range(NODES * AGENTS_PER_NODE):
        await fleet.deploy_agent(AGENT)


def run(fleet: DistributedManager, job: Any) -> None:
    runtime = fleet.runtime
    assert isinstance(runtime, VirtualRuntime)
    runtime.run_task(job(fleet))


def test_bench_register_100_nodes(benchmark: BenchmarkFixture) -> None:
    benchmark.pedantic(run, setup=lambda: ((manager(), register), {}), rounds=5)


def test_bench_deploy_1200_agents(benchmark: BenchmarkFixture) -> None:
    def ready() -> tuple[tuple[DistributedManager, Any], dict[str, Any]]:
        fleet = manager()
        run(fleet, register)
        return (fleet, deploy), {}

    benchmark.pedantic(run, setup=ready, rounds=5)


def test_bench_heartbeat(benchmark: BenchmarkFixture) -> None:
    fleet = manager()
    run(fleet, register)
    benchmark(fleet.heartbeat, "node-7", cpu_usage=0.5, memory_usage=0.5)


def test_bench_status_of_1200_agents(benchmark: BenchmarkFixture) -> None:
    fleet = manager()
    run(fleet, register)
    run(fleet, deploy)
    status = benchmark(fleet.status)
    assert status.agents["ready"] == NODES * AGENTS_PER_NODE
