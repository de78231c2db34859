"""Strict HTTP: what a careful gateway refuses, whatever server is beneath; deadlines to the instant."""

from __future__ import annotations

from typing import Any

import pytest

from sim.integration.gateway.exchange import Request, Response
from sim.integration.gateway.ports import Message
from tests.integration.gateway.rig import Rig, scope_of

HOST = (b"host", b"localhost")
CASES: dict[str, tuple[int, list[tuple[bytes, bytes]]]] = {
    "as it should be": (200, [HOST]),
    "no Host": (400, []),
    "two Hosts": (400, [HOST, HOST]),
    "an empty Host": (400, [(b"host", b"")]),
    "a Host with a path": (400, [(b"host", b"localhost/@evil")]),
    "a Host with a user": (400, [(b"host", b"evil@localhost")]),
    "a Host with two ports": (400, [(b"host", b"localhost:80:81")]),
    "a Host with a port that is none": (400, [(b"host", b"localhost:99999")]),
    "a Host in a list": (400, [(b"host", b"localhost, evil")]),
    "a Host nobody trusts": (421, [(b"host", b"evil.example")]),
    "a Host that ends alike": (421, [(b"host", b"evil-localhost")]),
    "a Host with a port": (200, [(b"host", b"LOCALHOST:8000")]),
    "an IPv6 Host": (200, [(b"host", b"[::1]:8000")]),
    "both lengths": (400, [HOST, (b"content-length", b"3"), (b"transfer-encoding", b"chunked")]),
    "two lengths": (400, [HOST, (b"content-length", b"3"), (b"content-length", b"3")]),
    "a length in a list": (400, [HOST, (b"content-length", b"3, 3")]),
    "a signed length": (400, [HOST, (b"content-length", b"+3")]),
    "a length in hexadecimal": (400, [HOST, (b"content-length", b"0x3")]),
    "an endless length": (400, [HOST, (b"content-length", b"9" * 40)]),
    "an identity coding": (501, [HOST, (b"transfer-encoding", b"identity, chunked")]),
    "a coding twice": (400, [HOST, (b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"chunked")]),
    "gzip": (501, [HOST, (b"transfer-encoding", b"gzip")]),
    "a line break in a value": (400, [HOST, (b"x-a", b"b\r\nx-c: d")]),
    "a zero in a value": (400, [HOST, (b"x-a", b"\x00")]),
    "a space in a name": (400, [HOST, (b"x a", b"b")]),
    "a colon in a name": (400, [HOST, (b"x:a", b"b")]),
    "a header too many": (431, [HOST] + [(b"x-%d" % n, b"") for n in range(100)]),
    "headers as many as may be": (200, [HOST] + [(b"x-%d" % n, b"") for n in range(98)]),
    "a long header": (431, [HOST, (b"x-a", b"a" * 20_000)]),
    "two credentials of a kind": (400, [HOST, (b"x-api-key", b"a"), (b"x-api-key", b"b")]),
    "a body too large": (413, [HOST, (b"content-length", b"2000000")]),
}


def rig(**config: Any) -> Rig:
    made = Rig({"authentication": False, "default_rate_limit": 100_000, **config})

    async def echo(request: Request) -> Response:
        return Response(200, request.body)

    for method in ("GET", "POST"):
        made.gateway.register_endpoint("/echo", method, echo)
    return made


@pytest.mark.parametrize("case", CASES)
def test_headers(case: str) -> None:
    status, pairs = CASES[case]
    answer = rig().call("GET", "/v1/echo", raw_headers=[*pairs, (b"accept", b"*/*")])
    assert answer.status == status
    assert status < 400 or answer.header("content-type") == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/echo", 200), ("/v1/echo/", 404), ("//v1/echo", 400), ("/v1//echo", 400), ("/v1/../v1/echo", 400),
     ("/v1/./echo", 400), ("/v1/..", 400), ("/v1\\echo", 400), ("/v1/ec\x00ho", 400), ("/v1/echo\ufffd", 400),
     ("*", 400), ("http://localhost/v1/echo", 400), ("/" + "a" * 5_000, 414), ("/V1/ECHO", 404)],
)  # fmt: skip
def test_paths(path: str, status: int) -> None:
    assert rig().call("GET", path).status == status


@pytest.mark.parametrize(
    ("method", "status"), [("TRACE", 405), ("CONNECT", 405), ("get", 501), ("", 501), ("DELETE", 405)]
)
def test_methods(method: str, status: int) -> None:
    assert rig().call(method, "/v1/echo").status == status


@pytest.mark.parametrize(("version", "status"), [("1.1", 200), ("1.0", 200), ("2", 200), ("0.9", 505), ("9.9", 505)])
def test_versions(version: str, status: int) -> None:
    assert rig().call("GET", "/v1/echo", version=version).status == status


def test_a_coding_on_an_old_version_is_refused() -> None:
    pairs = [HOST, (b"transfer-encoding", b"chunked")]
    assert rig().call("POST", "/v1/echo", raw_headers=pairs, version="1.0").status == 400


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"\x00"])
def test_no_line_break_leaves_in_a_header(value: bytes) -> None:
    made = rig()

    async def splits() -> Response:
        return Response(200, b"", headers=((b"x-a", value), (b"x-b", b"fine")))

    made.gateway.register_endpoint("/splits", "GET", splits)
    answer = made.call("GET", "/v1/splits")
    assert answer.header("x-b") == "fine"
    assert answer.header("x-a") is None
    assert not [one for _, one in answer.headers if b"\n" in one or b"\r" in one or b"\0" in one]


class Drip:
    """A client that sends parts at instants, and then nothing."""

    def __init__(self, made: Rig, parts: list[tuple[float, bytes]], ends: bool) -> None:
        self.rig, self.parts, self.ends, self.reads = made, list(parts), ends, 0

    async def receive(self) -> Message:
        self.reads += 1
        if not self.parts:
            await self.rig.runtime.event().wait()
        at, part = self.parts.pop(0)
        await self.rig.runtime.sleep_until(at)
        return {"type": "http.request", "body": part, "more_body": bool(self.parts) or not self.ends}

    def status(self) -> tuple[int, float]:
        """Status of the answer, and when it came."""
        told: list[Message] = []

        async def send(message: Message) -> None:
            told.append(message)

        async def call() -> float:
            pairs = [HOST, (b"transfer-encoding", b"chunked")]
            await self.rig.gateway(scope_of("POST", "/v1/echo", pairs), self.receive, send)
            return self.rig.runtime.now()

        at = self.rig.runtime.run_task(call())
        return told[0]["status"], at


def test_a_body_has_until_its_deadline() -> None:
    assert Drip(rig(), [(29.0, b"x" * 100_000)], True).status() == (200, 29.0)
    assert Drip(rig(), [(0.0, b"x" * 100_000)], False).status() == (408, 30.0)
    assert Drip(rig(), [], False).status() == (408, 30.0)


def test_a_body_comes_at_a_least_rate_after_a_grace() -> None:
    """1,000 bytes a second after 5 s, as soon as a part shows it."""
    slow = [(float(second), b"x" * 900) for second in range(30)]
    assert Drip(rig(), slow, True).status() == (408, 10.0)  # after 9 s it was 9,000 bytes, just enough
    fast = [(float(second), b"x" * 1_100) for second in range(29)]
    assert Drip(rig(), fast, True).status() == (200, 28.0)


def test_a_body_without_a_length_is_cut_before_it_is_kept() -> None:
    drip = Drip(rig(body_bytes_max=1_000), [(0.0, b"x" * 400)] * 50, True)
    assert drip.status() == (413, 0.0)
    assert drip.reads == 3


def test_a_client_that_leaves_is_booked_and_not_answered() -> None:
    made = rig()
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        told.append(message)

    pairs = [HOST, (b"content-length", b"5")]
    made.runtime.run_task(made.gateway(scope_of("POST", "/v1/echo", pairs), receive, send))
    assert told == []
    assert made.gateway.metrics.requests == {("POST /v1/echo", 499): 1}
    assert made.gateway.metrics.in_flight == 0
