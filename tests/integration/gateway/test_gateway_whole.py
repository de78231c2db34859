"""An answer in one piece says what the long way says, and only where it may; what the way remembers is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from sim.integration.gateway.core import TOLD_PATHS_MAX
from sim.integration.gateway.exchange import Request, Response
from sim.integration.gateway.guard import Guard
from sim.integration.gateway.ports import WHOLE, Message
from tests.integration.gateway.rig import Rig, scope_of


class Server:
    """Takes answers in one piece while it is `willing`."""

    def __init__(self, willing: bool = True) -> None:
        self.willing = willing
        self.whole: list[tuple[int, bytes, bytes]] = []
        self.messages: list[Message] = []

    def take(self, status: int, head: bytes, body: bytes) -> bool:
        if self.willing:
            self.whole.append((status, head, body))
        return self.willing

    async def send(self, message: Message) -> None:
        self.messages.append(message)


def asked(rig: Rig, server: Server, path: str, method: str = "GET", key: str = "read") -> Server:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = scope_of(method, path, [(b"host", b"localhost"), (b"x-api-key", rig.keys.get(key, key).encode())])
    scope["extensions"] = {WHOLE: server.take}
    rig.runtime.run_task(rig.gateway(scope, receive, server.send))
    return server


def echoing(answer: Any) -> Rig:
    rig = Rig()

    async def echo(request: Request) -> Any:
        return answer

    rig.gateway.register_endpoint("/echo", "GET", echo)
    return rig


def lines(head: bytes) -> list[tuple[bytes, bytes]]:
    assert head.endswith(b"\r\n")
    pairs = [line.split(b": ", 1) for line in head[:-2].split(b"\r\n")]
    return sorted((name, value) for name, value in pairs if name != b"x-request-id")


def test_both_ways_say_the_same() -> None:
    ((status, head, body),) = asked(echoing({"ok": True}), Server(), "/v1/echo").whole
    long = asked(echoing({"ok": True}), Server(willing=False), "/v1/echo")
    start, rest = long.messages
    assert (status, body) == (start["status"], rest["body"]) == (200, b'{"ok":true}')
    assert lines(head) == sorted(pair for pair in start["headers"] if pair[0] != b"x-request-id")
    assert {b"ratelimit", b"ratelimit-policy", b"content-length", b"x-content-type-options"} < dict(lines(head)).keys()


@pytest.mark.parametrize(
    ("answer", "method", "key", "status"),
    [
        (None, "GET", "read", 204),
        ("text", "GET", "read", 200),
        (Response(200, b"{}", headers=((b"x-more", b"1"),)), "GET", "read", 200),
        ({"ok": True}, "HEAD", "read", 200),
        ({"ok": True}, "GET", "nobody", 401),
    ],
)
def test_whatever_is_not_usual_goes_the_long_way(answer: Any, method: str, key: str, status: int) -> None:
    server = asked(echoing(answer), Server(), "/v1/echo", method, key)
    assert not server.whole
    assert server.messages[0]["status"] == status


def test_an_endpoint_does_not_say_where_its_answer_ends() -> None:
    framed = Response(200, b"{}", headers=((b"Content-Length", b"9"), (b"Transfer-Encoding", b"chunked")))
    start = asked(echoing(framed), Server(), "/v1/echo").messages[0]
    assert [value for name, value in start["headers"] if name == b"content-length"] == [b"2"]
    assert b"transfer-encoding" not in dict(start["headers"])


def test_what_is_remembered_of_paths_is_bounded() -> None:
    rig = echoing({})
    for number in range(2 * TOLD_PATHS_MAX):
        asked(rig, Server(), f"/v1/{number}", key="nobody")
    asked(rig, Server(), "/v1/vs_00000000_" + "a" * 43)
    core = rig.gateway.core
    assert len(core._told_paths) == TOLD_PATHS_MAX
    assert len(core.parts.guard._plain_paths) == Guard.PATHS_MAX
    assert len(rig.gateway.router._found) <= len(rig.gateway.router)
    assert not any("vs_" in path for path in core._told_paths)
    assert [row.path for row in rig.gateway.access_log.rows if "redacted" in row.path]


def test_a_route_that_goes_is_forgotten_with_its_limit() -> None:
    rig = echoing({})

    async def echo() -> dict[str, int]:
        return {}

    assert asked(rig, Server(), "/v1/echo").whole
    for limit in (5, 7):
        rig.gateway.remove_endpoints("user")
        assert asked(rig, Server(), "/v1/echo").messages[0]["status"] == 404
        rig.gateway.register_endpoint("/echo", "GET", echo, rate_limit=limit)
        ((_, head, _),) = asked(rig, Server(), "/v1/echo").whole
        assert dict(lines(head))[b"ratelimit-policy"] == b'"GET /v1/echo";q=%d;w=60' % limit
