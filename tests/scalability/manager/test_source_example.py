"""The source's usage example runs as written, live, with nothing handed in."""

from __future__ import annotations

import asyncio
import time

from sim import DistributedManager, NodeInfo, NodeStatus
from sim.types.fleet import AgentStatus


async def example() -> tuple[DistributedManager, str]:
    # fmt: off
    dm = DistributedManager()
    node = NodeInfo(node_id="node-1", host="192.168.1.10", port=8080, status=NodeStatus.ONLINE, capacity=10,
                    current_load=0, cpu_usage=0.3, memory_usage=0.4, last_heartbeat=time.time(), metadata={"region": "us-east"})  # noqa: E501
    await dm.register_node(node)
    agent_id = await dm.deploy_agent({"name": "Research Agent", "type": "research", "model": "gpt-4", "temperature": 0.7})  # noqa: E501
    # fmt: on
    return dm, agent_id


def test_the_example_runs_as_written() -> None:
    manager, agent_id = asyncio.run(example())
    agent = manager.get_agent(agent_id)
    assert (agent.node_id, agent.status, agent.config["name"]) == ("node-1", AgentStatus.READY, "Research Agent")
    assert manager.get_node("node-1").current_load == 1
    assert manager.route_request("research").node_id == "node-1"


def test_the_loops_run_live() -> None:
    async def go() -> DistributedManager:
        dm, _ = await example()
        await dm.start()
        await asyncio.sleep(0)
        assert dm.status().running
        await dm.stop()
        return dm

    assert asyncio.run(go()).status().running is False
