"""The ends of what the gateway began: streams, tasks, listeners, each of them once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sim.errors import ConfigError, FleetError, NodeError
from sim.integration.gateway.gateway import APIGateway
from sim.integration.gateway.ports import TaskOrder
from sim.integration.gateway.router import Route, Router
from sim.integration.gateway.settings import GatewayConfig
from sim.integration.gateway.snapshot import snapshot
from sim.integration.gateway.sockets import Connection, SocketClosed
from sim.integration.gateway.tasks import CANCELLED, DONE, FAILED, RoutedTasks, TaskDesk
from sim.runtime.virtual import VirtualRuntime
from sim.types.fleet import NodeInfo, NodeStatus
from tests.integration.gateway.rig import Rig
from tests.integration.gateway.test_gateway_sockets import Socket


def test_a_connection_ends_once_whoever_ends_it() -> None:
    runtime, told = VirtualRuntime(), list[dict[str, Any]]()
    broken = False

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.receive", "bytes": b"{}"}

    async def send(message: dict[str, Any]) -> None:
        if broken:
            raise BrokenPipeError
        told.append(message)

    connection = Connection(receive, send, {}, None, 100)
    assert runtime.run_task(connection.receive_json()) == {}
    broken = True
    with pytest.raises(SocketClosed):
        runtime.run_task(connection.send_json({"a": 1}))
    for again in (connection.send_text("x"), connection.receive_text()):
        with pytest.raises(SocketClosed):
            runtime.run_task(again)
    runtime.run_task(connection.close())
    assert (connection.closed, told) == (True, [])


def test_a_denied_socket_is_logged_or_not_and_closed_where_no_answer_can_be() -> None:
    rig = Rig(config={"request_logging": False})
    assert Socket(rig, key=None, denial=False).types == ["close"]


def test_a_stream_has_a_lock_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the core to let somebody in without a principal, the stream would still not open."""
    rig = Rig()
    core = rig.gateway.core
    real = core.enter
    monkeypatch.setattr(type(core), "enter", lambda self, *how: (real(*how)[0], None))
    monkeypatch.setattr(type(core), "admitted", lambda self, match, who, method: match.route)
    assert Socket(rig).told[0]["status"] == 401


def test_fields_of_events_are_plain() -> None:
    rig = Rig()
    socket = Socket(rig)
    rig.gateway.events.write(1.0, "told", "a", some=[1, "x", None], other=Path("p"))
    rig.pass_time(0.001)
    assert [one["fields"] for one in socket.texts if one["kind"] == "told"] == [{"some": [1, "x", None], "other": "p"}]


class Balancer:
    """One node; none while `empty`."""

    def __init__(self) -> None:
        self.finished: list[Any] = []
        self.node_id = "node-1"

    def route_request(self, agent_type: str | None = None, *, key: int | None = None) -> Any:
        if agent_type == "none":
            raise NodeError("node-1", "no agent of this type")
        return self

    def finish_request(self, route: Any) -> None:
        self.finished.append(route)


def test_a_task_called_off_ends_once() -> None:
    runtime = VirtualRuntime()

    class Slow:
        async def run(self, order: TaskOrder) -> dict[str, Any]:
            await runtime.sleep(10.0)
            return {}

    desk = TaskDesk(Slow(), lambda: runtime, 10)

    async def body() -> None:
        running = desk.submit(None, None, {}, None)
        await runtime.sleep(1.0)
        told = await desk.cancel(running.order.task_id, None)
        assert (told.state, told.ended_at, len(desk)) == (CANCELLED, 1.0, 0)
        done = desk.submit(None, None, {}, None)
        await runtime.sleep(20.0)
        assert (await desk.cancel(done.order.task_id, None)).state == DONE
        assert (told.ended_at, len(desk)) == (1.0, 0)

    runtime.run_task(body())


@pytest.mark.parametrize("works", [True, False])
def test_a_routed_task_is_counted_to_its_end(works: bool) -> None:
    balancer, runtime = Balancer(), VirtualRuntime()

    async def perform(order: TaskOrder, node_id: str) -> dict[str, Any]:
        if order.input.get("bad"):
            raise FleetError("no")
        return {"done_by": node_id}

    tasks = RoutedTasks(balancer, perform if works else None)
    desk = TaskDesk(tasks, lambda: runtime, 10)
    orders = [desk.submit(None, None, {}, None), desk.submit("none", None, {}, None)]
    bad = desk.submit(None, None, {"bad": True}, None)
    runtime.run_task(desk.drained())
    said = {"done_by": "node-1"} if works else {}
    assert orders[0].result == {"node_id": "node-1", **said}
    assert (orders[0].state, orders[1].state, bad.state) == (DONE, FAILED, FAILED if works else DONE)
    assert len(balancer.finished) == 2
    assert json.loads(json.dumps(orders[0].as_dict()))["state"] == DONE


class Server:
    """Counts how often it was started and stopped."""

    def __init__(self) -> None:
        self.started = self.stopped = 0

    async def start(self) -> int:
        self.started += 1
        return 8080

    async def stop(self) -> None:
        self.stopped += 1


def test_a_gateway_listens_once_and_stops_once() -> None:
    server, runtime = Server(), VirtualRuntime()
    gateway = APIGateway({"authentication": False, "host": "localhost"}, runtime=runtime, make_server=lambda _: server)
    for step in (gateway.start, gateway.start, gateway.stop, gateway.stop):
        runtime.run_task(step())
    assert (server.started, server.stopped, gateway.port) == (1, 1, None)
    assert [GatewayConfig.of({"host": host}).is_loopback for host in ("localhost", "[::1]", "example.org")] == [
        True, True, False,
    ]  # fmt: skip


def test_two_who_call_off_the_same_task_are_both_told() -> None:
    runtime = VirtualRuntime()

    class Book:
        def __init__(self) -> None:
            self.ended_states: list[str] = []

        async def accepted(self, order: TaskOrder, owner: str) -> None:
            """Kept."""

        async def ended(self, task_id: str, state: str, result: dict[str, Any], error: str) -> bool:
            is_first = not self.ended_states
            self.ended_states.append(state)
            await runtime.sleep(1.0)
            return is_first

        def forget(self, task_id: str) -> None:
            forgotten.append(task_id)

    class Slow:
        async def run(self, order: TaskOrder) -> dict[str, Any]:
            await runtime.sleep(100.0)
            return {}

    forgotten: list[str] = []
    desk = TaskDesk(Slow(), lambda: runtime, 10, Book())

    async def body() -> None:
        record = desk.submit(None, None, {}, None)
        await desk.accepted(record)
        both = [runtime.spawn(desk.cancel(record.order.task_id, None), f"cancel {n}") for n in range(2)]
        assert [(await one.join()).state for one in both] == [CANCELLED, CANCELLED]
        assert forgotten == [record.order.task_id]

    runtime.run_task(body())


def test_a_path_that_is_none_is_named() -> None:
    async def nothing(request: Any) -> None:
        """No answer."""

    with pytest.raises(ConfigError, match="path"):
        Router().add(Route("GET", "no slash", nothing, None, ""))
    Router().add(Route("GET", "/", nothing, None, ""))


class Optimizer:
    """Refuses in the two ways that a gateway tells apart."""

    def list_results(self) -> list[Any]:
        return []

    async def optimize_agent(self, agent_id: str, target: str) -> Any:
        if agent_id == "settings":
            raise ConfigError("optimizer.window_s", 0, "above 0")
        raise FleetError("not now")


def test_what_the_parts_refuse_is_no_fault_of_the_gateways() -> None:
    rig = Rig(parts={"optimizer": Optimizer()})
    told = [
        rig.call("POST", "/v1/optimizations", body={"agent_id": agent_id, "target": "latency"}).status
        for agent_id in ("settings", "agent-1")
    ]
    assert told == [422, 409]


class Idle:
    async def run(self, order: TaskOrder) -> dict[str, Any]:
        return {}


def test_the_page_tells_of_agents_that_are_not_ready_and_of_tasks() -> None:
    rig = Rig(fleet=True, parts={"tasks": Idle()})
    manager = rig.parts["manager"]
    for name in ("a", "b"):
        rig.runtime.run_task(manager.register_node(NodeInfo(name, "h", 1, capacity=2)))
        manager.heartbeat(name)
    for number in range(4):
        rig.runtime.run_task(manager.deploy_agent({"name": f"agent {number}", "type": "t", "model": "m"}))
    manager.heartbeat("a", status=NodeStatus.OFFLINE)
    told = snapshot(rig.gateway)
    assert told["tasks"]["running"] == 0
    assert [(row["node_id"], row["agents"]) for row in told["node_rows"]] == [("a", 0), ("b", 2)]
    assert manager.status().agents["pending"] == 2
