"""The manager behaves alike on virtual and on live time: one body for each behavior, run on both runtimes.

Durations are short because the live runtime really waits, and no assertion depends on how short.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from sim.contracts import Runtime
from sim.errors import DeployError, NodeError
from sim.runtime.cancelled import Cancelled
from sim.runtime.live import LiveRuntime
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.manager import DistributedManager
from sim.types.fleet import AgentStatus, NodeInfo, NodeStatus

AGENT = {"name": "Research Agent", "type": "research", "model": "gpt-4"}
Body = Callable[[Runtime], Coroutine[Any, Any, None]]


def on_virtual(body: Body) -> None:
    runtime = VirtualRuntime()
    try:
        runtime.run_task(body(runtime))
    finally:
        runtime.close()


def on_live(body: Body) -> None:
    async def main() -> None:
        await body(LiveRuntime())

    asyncio.run(main())


@pytest.fixture(params=[on_virtual, on_live], ids=["virtual", "live"])
def everywhere(request: pytest.FixtureRequest) -> Callable[[Body], None]:
    """Runs a body on one of the runtimes."""
    run: Callable[[Body], None] = request.param
    return run


class GateHost:
    """Starts wait for `gate`, an event of the runtime under test."""

    def __init__(self, runtime: Runtime) -> None:
        self.gate = runtime.event()
        self.stopped: list[tuple[str, str]] = []

    async def start_agent(self, node_id: str, agent_id: str, config: dict[str, Any], epoch: int = 0) -> None:
        await self.gate.wait()

    async def stop_agent(self, node_id: str, agent_id: str) -> None:
        self.stopped.append((node_id, agent_id))


def node(name: str, capacity: int = 2) -> NodeInfo:
    return NodeInfo(node_id=name, host="localhost", port=8080, capacity=capacity)


async def until(runtime: Runtime, condition: Callable[[], bool]) -> None:
    """Let others run until it holds; bounded."""
    for _ in range(1_000):
        if condition():
            return
        await runtime.sleep(0.001)
    raise AssertionError("it never came to hold")


def test_register_deploy_undeploy_remove(everywhere: Callable[[Body], None]) -> None:
    async def body(runtime: Runtime) -> None:
        manager = DistributedManager(runtime=runtime)
        assert await manager.register_node(node("a")) is True
        with pytest.raises(NodeError):
            await manager.register_node(node("a"))
        agent_id = await manager.deploy_agent(AGENT)
        assert manager.route_request("research").node_id == "a"
        await manager.undeploy_agent(agent_id)
        assert manager.get_agent(agent_id).status is AgentStatus.STOPPED
        await manager.remove_node("a")
        assert manager.list_nodes() == []

    everywhere(body)


def test_ten_at_once_fill_and_never_over_fill(everywhere: Callable[[Body], None]) -> None:
    async def body(runtime: Runtime) -> None:
        host = GateHost(runtime)
        manager = DistributedManager(runtime=runtime, host=host)
        for name in ("a", "b", "c"):
            await manager.register_node(node(name))
        tasks = [runtime.spawn(manager.deploy_agent(AGENT)) for _ in range(10)]
        await until(runtime, lambda: manager.status().registered == 10)
        assert [info.current_load for info in manager.list_nodes()] == [2, 2, 2]
        host.gate.set()
        refused = 0
        for task in tasks:
            try:
                await task.join()
            except DeployError:
                refused += 1
        assert refused == 4
        assert manager.status().agents == {"pending": 0, "starting": 0, "ready": 6, "stopped": 4}

    everywhere(body)


def test_the_deployment_timeout_fires_and_undoes(everywhere: Callable[[Body], None]) -> None:
    async def body(runtime: Runtime) -> None:
        host = GateHost(runtime)
        manager = DistributedManager({"deployment_timeout": 0.02}, runtime=runtime, host=host)
        await manager.register_node(node("a"))
        with pytest.raises(DeployError, match=r"not ready on a within 0\.02 s, undone"):
            await manager.deploy_agent(AGENT)
        assert host.stopped == [("a", "agent-1")]
        assert manager.status().free == 2

    everywhere(body)


@pytest.mark.parametrize("steps", [0, 1])
def test_a_cancelled_deploy_frees_its_place(everywhere: Callable[[Body], None], steps: int) -> None:
    async def body(runtime: Runtime) -> None:
        host = GateHost(runtime)
        manager = DistributedManager(runtime=runtime, host=host)
        await manager.register_node(node("a", 1))
        task = runtime.spawn(manager.deploy_agent(AGENT))
        if steps:
            await until(runtime, lambda: manager.status().load == 1)
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()
        assert manager.status().load == 0
        assert len(host.stopped) == steps

    everywhere(body)


def test_silence_failover_and_return(everywhere: Callable[[Body], None]) -> None:
    async def body(runtime: Runtime) -> None:
        config = {"health_check_interval": 0.01, "node_timeout": 0.2, "auto_scaling": False}
        manager = DistributedManager(config, runtime=runtime)
        await manager.register_node(node("a"))
        await manager.register_node(node("b"))
        agent_id = await manager.deploy_agent(AGENT)
        await manager.save_state(agent_id, {"step": 1})
        await manager.start()

        def moved() -> bool:
            manager.heartbeat("b")
            return manager.get_agent(agent_id).node_id == "b"

        await until(runtime, moved)
        await until(runtime, lambda: manager.get_agent(agent_id).status is AgentStatus.READY)
        assert manager.get_node("a").status is NodeStatus.OFFLINE
        assert manager.load_state(agent_id).state == {"step": 1}
        manager.heartbeat("a")
        await until(runtime, lambda: manager.get_node("a").status is NodeStatus.ONLINE)
        await manager.stop()
        assert not manager.status().running

    everywhere(body)


def test_removal_moves_agents(everywhere: Callable[[Body], None]) -> None:
    async def body(runtime: Runtime) -> None:
        manager = DistributedManager(runtime=runtime)
        for name in ("a", "b"):
            await manager.register_node(node(name))
        agents = [await manager.deploy_agent(AGENT) for _ in range(3)]
        await manager.remove_node("a")
        homes = [manager.get_agent(agent_id).node_id for agent_id in agents]
        assert homes.count("b") == 2
        assert manager.status().pending == 1
        await manager.register_node(node("c"))
        await until(runtime, lambda: manager.status().agents["ready"] == 3)

    everywhere(body)


def test_stop_calls_restarts_off(everywhere: Callable[[Body], None]) -> None:
    async def body(runtime: Runtime) -> None:
        host = GateHost(runtime)
        host.gate.set()
        manager = DistributedManager(runtime=runtime, host=host)
        for name in ("a", "b"):
            await manager.register_node(node(name))
        agent_id = await manager.deploy_agent(AGENT)
        host.gate = runtime.event()
        manager.heartbeat("a", status=NodeStatus.OFFLINE)
        await until(runtime, lambda: manager.get_agent(agent_id).status is AgentStatus.STARTING)
        await manager.stop()
        assert manager.get_agent(agent_id).status is AgentStatus.PENDING
        assert manager.status().load == 0

    everywhere(body)
