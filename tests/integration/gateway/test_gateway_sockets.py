"""WebSockets: everything is asked before the handshake; streams are bounded, told of losses, and end with their key."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sim.errors import ConfigError
from sim.integration.gateway.kinds import APIVersion, EndpointType
from sim.integration.gateway.ports import Message
from sim.integration.gateway.sockets import Connection
from tests.integration.gateway.rig import Rig, scope_of

EVENTS = "/v1/events"


class Socket:
    """A client of a WebSocket on virtual time."""

    def __init__(
        self, rig: Rig, path: str = EVENTS, key: str | None = "read", denial: bool = True, **headers: str
    ) -> None:
        pairs = [(b"host", b"localhost")]
        pairs += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        if key is not None:
            pairs.append((b"x-api-key", rig.keys.get(key, key).encode()))
        self.rig = rig
        self.told: list[Message] = []
        self.says = rig.runtime.queue(100)
        self.says.put_nowait({"type": "websocket.connect"})
        scope = scope_of("", path, pairs, kind="websocket")
        scope["extensions"] = {"websocket.http.response": {}} if denial else {}
        self.task = rig.runtime.spawn(self._serve(scope))
        rig.pass_time(0.001)

    async def _serve(self, scope: dict[str, Any]) -> None:
        async def send(message: Message) -> None:
            self.told.append(message)

        await self.rig.gateway(scope, self.says.get, send)

    def say(self, **message: Any) -> None:
        self.says.put_nowait({"type": "websocket.receive", **message})
        self.rig.pass_time(0.001)

    def leave(self) -> None:
        self.says.put_nowait({"type": "websocket.disconnect", "code": 1001})
        self.rig.pass_time(0.001)

    @property
    def types(self) -> list[str]:
        return [message["type"].removeprefix("websocket.") for message in self.told]

    @property
    def texts(self) -> list[Any]:
        return [json.loads(message["text"]) for message in self.told if message["type"] == "websocket.send"]


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"key": None}, 401), ({"key": "vs_00000000_" + "A" * 43}, 401), ({"path": "/v1/nowhere"}, 404),
        ({"path": "/v1/nodes"}, 405), ({"origin": "https://evil.example"}, 403), ({"origin": "null"}, 403),
        ({"origin": "http://localhost"}, 403), ({"path": "/v1//events"}, 400),
    ],
)  # fmt: skip
def test_who_may_not_come_in_is_told_before_the_handshake(how: dict[str, Any], status: int) -> None:
    socket = Socket(Rig(), **how)
    assert socket.types == ["http.response.start", "http.response.body"]
    assert socket.told[0]["status"] == status
    assert json.loads(socket.told[1]["body"])["status"] == status
    assert Socket(Rig(), denial=False, **how).types == ["close"]  # which servers turn into 403


def test_a_listed_origin_and_no_origin_may() -> None:
    rig = Rig({"cors_origins": ["https://ui.example"]})
    assert Socket(rig, origin="https://ui.example").types == ["accept"]
    assert Socket(rig).types == ["accept"]
    assert Socket(rig, origin="https://ui.example.evil").told[0]["status"] == 403
    assert Socket(Rig({"cors_origins": ["*"], "enable_cors": False}), origin="https://a").told[0]["status"] == 403


def test_a_scope_is_needed() -> None:
    rig = Rig()

    async def admin_only(connection: Connection) -> None:
        await connection.send_json({"hello": connection.params["room"]})

    rig.gateway.register_endpoint(
        "/rooms/{room}", "GET", admin_only, APIVersion.V2, EndpointType.WEBSOCKET, scope="admin"
    )
    assert Socket(rig, "/v2/rooms/7").told[0]["status"] == 403
    let_in = Socket(rig, "/v2/rooms/7", "admin")
    assert let_in.types == ["accept", "send", "close"]
    assert let_in.texts == [{"hello": "7"}]
    assert let_in.told[-1]["code"] == 1000


def test_events_arrive_in_order_with_their_reasons() -> None:
    rig = Rig()
    first, second = Socket(rig), Socket(rig)
    for number in range(3):
        rig.gateway.events.write(float(number), "node_left", f"node-{number}", reason="drained", count=number)
    rig.pass_time(0.001)
    wanted = [{"at": float(n), "kind": "node_left", "subject": f"node-{n}", "fields": {"count": n, "reason": "drained"}}
              for n in range(3)]  # fmt: skip
    assert first.texts == second.texts == wanted
    first.leave()
    assert first.task.done()
    rig.gateway.events.write(9.0, "late", "a")
    rig.pass_time(0.001)
    assert len(first.texts) == 3
    assert len(second.texts) == 4
    assert len(rig.gateway.events.subscriptions) == rig.gateway.metrics.sockets == 1


def test_a_slow_reader_loses_events_is_told_and_holds_up_nobody() -> None:
    rig = Rig({"events_queue_max": 5})
    socket = Socket(rig)
    for number in range(12):  # all at one instant: it reads none of them before
        rig.gateway.events.write(0.0, "kind", str(number))
    rig.pass_time(0.001)
    assert [text.get("subject") for text in socket.texts if text["kind"] == "kind"] == ["0", "1", "2", "3", "4"]
    assert [text["count"] for text in socket.texts if text["kind"] == "events_lost"] == [7]


def test_a_revoked_key_ends_its_stream_at_the_next_event() -> None:
    rig = Rig()
    socket = Socket(rig)
    assert rig.gateway.keys is not None
    rig.gateway.keys.revoke("read", rig.runtime.wall_at())
    rig.gateway.events.write(0.0, "kind", "a")
    rig.pass_time(0.001)
    assert socket.texts == []
    assert socket.told[-1] == {"type": "websocket.close", "code": 1008}


def test_messages_are_bounded_and_json() -> None:
    rig = Rig({"websocket_message_bytes_max": 10})

    async def echo(connection: Connection) -> None:
        while True:
            await connection.send_json(await connection.receive_json())

    rig.gateway.register_endpoint("/echo", "GET", echo, endpoint_type=EndpointType.WEBSOCKET)
    good = Socket(rig, "/v1/echo")
    good.say(text="[1,2]")
    good.say(bytes=b'"a"')
    assert good.texts == [[1, 2], "a"]
    good.say(text="no json")
    assert good.told[-1] == {"type": "websocket.close", "code": 1008}
    long = Socket(rig, "/v1/echo")
    long.say(text='"' + "é" * 5 + '"')  # 7 signs, 12 bytes
    assert long.told[-1] == {"type": "websocket.close", "code": 1009}


def test_sockets_are_bounded_and_a_place_comes_back() -> None:
    rig = Rig({"websockets_max": 2})
    first, second, third = Socket(rig), Socket(rig), Socket(rig)
    assert [socket.types[0] for socket in (first, second)] == ["accept", "accept"]
    assert third.told[0]["status"] == 503
    first.leave()
    assert Socket(rig).types == ["accept"]


def test_a_handshake_is_charged_like_a_request() -> None:
    rig = Rig({"default_rate_limit": 2})
    assert [Socket(rig).types[0] for _ in range(3)] == ["accept", "accept", "http.response.start"]
    assert rig.call("GET", "/v1/status", "read").status == 429


def test_a_handler_that_fails_closes_its_socket_and_says_nothing() -> None:
    rig = Rig()

    async def breaks(connection: Connection) -> None:
        raise RuntimeError("hunter2")

    rig.gateway.register_endpoint("/breaks", "GET", breaks, endpoint_type=EndpointType.WEBSOCKET)
    socket = Socket(rig, "/v1/breaks")
    assert socket.told[-1] == {"type": "websocket.close", "code": 1011}
    assert "hunter2" not in str(socket.told)


@pytest.mark.parametrize(
    ("change", "key"),
    [({"path": "no"}, "path"), ({"path": "/a/{B}"}, "path"), ({"method": "BREW"}, "method"),
     ({"handler": None}, "handler"),
     ({"version": "v1"}, "version"),
     ({"endpoint_type": "rest"}, "endpoint_type"), ({"scope": "root"}, "scope"),
     ({"rate_limit": 0}, "rate_limit"), ({"path": "/nodes"}, "path"), ({"handler": lambda a, b: None}, "handler")],
)  # fmt: skip
def test_what_cannot_be_registered_is_named(change: dict[str, Any], key: str) -> None:
    async def handler() -> None:
        return None

    good: dict[str, Any] = {"path": "/a", "method": "GET", "handler": handler}
    with pytest.raises(ConfigError) as refused:
        Rig().gateway.register_endpoint(**{**good, **change})
    assert refused.value.key == key
    assert Rig().gateway.register_endpoint(**good).path == "/v1/a"


def test_what_an_owner_registered_is_taken_back_as_a_whole() -> None:
    rig = Rig()

    async def handler() -> dict[str, int]:
        return {"a": 1}

    before = len(rig.gateway.router)
    for path in ("/p/a", "/p/{b}", "/p/{b}/c"):
        rig.gateway.register_endpoint(path, "GET", handler, owner="plugin", rate_limit=5)
    assert rig.call("GET", "/v1/p/7/c").json() == {"a": 1}
    assert "/v1/p/{b}/c" in rig.gateway.openapi()["paths"]
    assert rig.gateway.remove_endpoints("plugin") == 3
    assert rig.call("GET", "/v1/p/7/c").status == 404
    assert "/v1/p/{b}/c" not in rig.gateway.openapi()["paths"]
    assert len(rig.gateway.router) == before
    assert rig.gateway.quota is not None
    assert rig.gateway.quota.routes == {}
    with pytest.raises(ConfigError):
        rig.gateway.remove_endpoints("core")
