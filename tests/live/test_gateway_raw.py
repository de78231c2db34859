"""The gateway's socket, byte by byte: what parsers let through, hidden requests, slow clients."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from sim import APIGateway
from sim.live.server import UvicornServer
from tests.integration.gateway.rig import scope_of
from tests.live.running import live

RAW: dict[str, tuple[bytes, list[int]]] = {
    "fine": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", [200]),
    "no Host": (b"GET /healthz HTTP/1.1\r\n\r\n", [400]),
    "two Hosts": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", [400]),
    "an absolute target with another Host": (
        b"GET http://evil/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", [200, 400],
    ),
    "both lengths": (
        (b"POST /v1/nodes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"0\r\n\r\n"), [400],
    ),
    "a length in a list": (b"POST /v1/nodes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3, 3\r\n\r\nabc", [400]),
    "two lengths": (
        b"POST /v1/nodes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", [400],
    ),
    "identity, chunked": (
        (b"POST /v1/nodes HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity, chunked\r\n\r\n"
        b"0\r\n\r\n"), [400, 501],
    ),
    "a coding on HTTP/1.0": (
        b"POST /v1/nodes HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", [400],
    ),
    "an obsolete fold": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", [400]),
    "a bare line feed": (b"GET /healthz HTTP/1.1\nHost: localhost\n\n", [400]),
    "a chunk size that is none": (
        b"POST /v1/nodes HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", [400, 401],
    ),
    "a space before the colon": (b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n", [400]),
    "a long header": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", [431]),
    "many headers": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 10_000 + b"\r\n", [431]),
    "a long target": (b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", [414]),
    "another version": (b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n", [400, 505]),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),
    "an unknown method": (b"BREW /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", [400, 501]),
    "bad UTF-8": (b"GET /v1/%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
    "a zero": (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n", [400]),
}  # fmt: skip


async def exchanged(port: int, sent: bytes) -> bytes:
    """All that comes back until the server closes, or the first answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10.0)
    finally:
        writer.close()


async def raw_bytes(state: Path, sent: bytes, accepted: list[int]) -> None:
    gateway = APIGateway({"port": 0}, state=state)
    await gateway.start()
    assert gateway.port is not None
    try:
        head = await exchanged(gateway.port, sent)
        assert int(head.split(b" ")[1]) in accepted, head
        assert b"server:" not in head.lower()
    finally:
        await gateway.stop()


@pytest.mark.parametrize("case", RAW)
def test_raw_bytes(case: str, tmp_path: Path) -> None:
    live(raw_bytes, tmp_path, *RAW[case])


async def smuggled(state: Path) -> None:
    """A body that hides a second request is not run: who is refused before its body is read is disconnected."""
    gateway = APIGateway({"port": 0}, state=state)
    await gateway.start()
    hidden = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        length = len(hidden) + 100
        writer.write(b"POST /v1/nodes HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % length + hidden)
        told = await asyncio.wait_for(reader.read(), 10.0)
        assert told.count(b"HTTP/1.1 ") == 1
        assert told.startswith(b"HTTP/1.1 401 ")
        writer.close()
    finally:
        await gateway.stop()


def test_a_body_is_never_a_request(tmp_path: Path) -> None:
    live(smuggled, tmp_path)


async def slow_heads(state: Path) -> None:
    servers: list[UvicornServer] = []

    def make(gateway: Any) -> UvicornServer:
        servers.append(UvicornServer(gateway))
        return servers[0]

    config = {"port": 0, "header_timeout_s": 0.2, "connections_per_address_max": 3}
    gateway = APIGateway(config, state=state, make_server=make)
    await gateway.start()
    assert gateway.port is not None
    try:
        slow = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(3)]
        for number, (_, writer) in enumerate(slow):
            writer.write((b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: lo")[number])
        one_more = await exchanged(gateway.port, b"")
        assert b" 503 " in one_more
        for reader, writer in slow:
            assert (await asyncio.wait_for(reader.read(), 10.0)).startswith(b"HTTP/1.1 408 ")
            writer.close()
        assert b" 200 " in await exchanged(gateway.port, RAW["fine"][0])
        assert (servers[0].bounds.timed_out_count, servers[0].bounds.refused_count) == (3, 1)
    finally:
        await gateway.stop()


def test_slow_heads_are_ended_and_connections_bounded(tmp_path: Path) -> None:
    live(slow_heads, tmp_path)


async def beside_slow_ones(state: Path) -> None:
    config = {"port": 0, "rate_limiting": False, "header_timeout_s": 60.0, "body_timeout_s": 90.0, "body_grace_s": 60.0}
    gateway = APIGateway(config, state=state)
    key = gateway.issue_key("me", "operate")
    await gateway.start()
    loop = asyncio.get_running_loop()
    request = f"GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n\r\n".encode()

    async def p99_s(count: int) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        spent = []
        for _ in range(count):
            begun = loop.time()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 "), head
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            spent.append(loop.time() - begun)
        writer.close()
        return sorted(spent)[int(0.99 * count)]

    def drip(writer: asyncio.StreamWriter) -> None:
        """A byte every tenth of a second: a header without an end, or a body."""
        if not writer.is_closing():
            writer.write(b"a")
            loop.call_later(0.1, drip, writer)

    await p99_s(500)
    alone = [await p99_s(2_000) for _ in range(3)]
    slow = []
    for number in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        head = b"POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nX-API-Key: " + key.encode()
        writer.write(head + (b"\r\nContent-Length: 100000\r\n\r\n" if number % 2 else b"\r\nX-Slow: "))
        drip(writer)
        slow.append(writer)
    beside = [await p99_s(2_000) for _ in range(3)]
    assert gateway.metrics.in_flight == 10  # the slow bodies are still there
    for writer in slow:
        writer.close()
    await gateway.stop()
    print(f"p99 alone {alone}, beside 20 slow clients {beside}")
    assert sorted(beside)[1] <= 2.0 * sorted(alone)[1]


@pytest.mark.soak
def test_twenty_slow_clients_leave_a_good_one_within_twice_its_p99(tmp_path: Path) -> None:
    asyncio.run(asyncio.wait_for(beside_slow_ones(tmp_path), 300.0))


class Spans:
    """A tracer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def start_span(self, name: str) -> Spans:
        self.told.append(("span", name))
        return self

    def set_attribute(self, name: str, value: str) -> None:
        self.told.append((name, value))

    def end(self) -> None:
        self.told.append(("end", ""))


def test_a_tracer_that_is_given_is_the_one_that_traces(tmp_path: Path) -> None:
    async def body() -> None:
        spans = Spans()
        gateway = APIGateway(state=tmp_path, tracer=spans)
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await gateway(scope_of("GET", "/healthz", [(b"host", b"localhost")]), receive, send)
        assert sent[0]["status"] == 200
        assert [name for name, _ in spans.told] == ["span", "http.route", "http.request.method", "end"]
        assert spans.told[2] == ("http.request.method", "GET")

    live(body)
