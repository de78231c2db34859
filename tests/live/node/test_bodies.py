"""What agents do: callables of both kinds, HTTP upstreams, and what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sim.errors import ConfigError, FleetError
from sim.live.node.agents import echo, sleeper
from sim.live.node.bodies import make_body
from sim.runtime.live import LiveRuntime
from tests.live.running import live


def double(content: dict[str, Any]) -> dict[str, Any]:
    return {"x": 2 * content["x"]}


def nothing(content: dict[str, Any]) -> None:
    return None


HERE = __name__


async def callables() -> None:
    runtime = LiveRuntime()
    assert await make_body("a", "sim.live.node.agents:echo", runtime, 1.0)({"x": 1}) == {"x": 1}
    assert await make_body("a", f"{HERE}:double", runtime, 1.0)({"x": 4}) == {"x": 8}  # in a thread
    with pytest.raises(FleetError, match="NoneType"):
        await make_body("a", f"{HERE}:nothing", runtime, 1.0)({})
    assert (await sleeper({"work_s": 0.0}))["worked_s"] >= 0.0
    with pytest.raises(ValueError, match="work_s"):
        await sleeper({"work_s": -1.0})
    assert await echo({"a": 1}) == {"a": 1}


def test_callables() -> None:
    live(callables)


@pytest.mark.parametrize("spec", ["", "os", "no.such.module:f", "os:nothing", "os:sep", "http://me:pw@host/"])
def test_what_is_no_body_is_refused_with_its_key(spec: str) -> None:
    async def body() -> None:
        with pytest.raises(ConfigError) as caught:
            make_body("research", spec, LiveRuntime(), 1.0)
        assert caught.value.key == "node.agents.research"
        assert "pw" not in str(caught.value)

    live(body)


async def upstreams() -> None:
    answers = [
        (b"200 OK", b'{"y": 1}'), (b"200 OK", b"[1]"), (b"500 No", b"{}"), (b"200 OK", b"no json"),
    ]  # fmt: skip
    heard: list[Any] = []

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        heard.append((head.split(b"\r\n")[0], json.loads(await reader.readexactly(length))))
        status, text = answers[len(heard) - 1]
        writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\n\r\n%s" % (status, len(text), text))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(come, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    body = make_body("a", f"http://127.0.0.1:{port}/run?v=1", LiveRuntime(), 5.0)
    assert await body({"q": "x"}) == {"y": 1}
    assert heard == [(b"POST /run?v=1 HTTP/1.1", {"q": "x"})]
    assert await body({}) == {"answer": [1]}
    for problem in ("answered 500", "no JSON"):
        with pytest.raises(FleetError, match=problem):
            await body({})
    server.close()
    await server.wait_closed()
    with pytest.raises(FleetError, match="ConnectionRefusedError"):
        await body({})


def test_upstreams() -> None:
    live(upstreams)
