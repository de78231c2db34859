"""One model of what the gateway decides, held against it on virtual time, on asyncio, and over a real socket.

Every path x method x credential x exhausted-or-not; the model is the order of the source: authentication, limit, route,
scope, handler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import httpx2
import pytest

from sim.integration.gateway.gateway import APIGateway
from sim.integration.gateway.kinds import SCOPES, APIVersion
from sim.live.server import UvicornServer
from sim.runtime.live import LiveRuntime
from sim.runtime.virtual import VirtualRuntime
from tests.integration.gateway.rig import EPOCH_S, Entropy, send_to

ENDPOINTS = {  # path -> method -> scope it needs
    "/v1/echo": {"GET": "read", "POST": "operate"},
    "/v2/echo": {"GET": "admin"},
    "/v1/items/{item}": {"GET": "read", "DELETE": "admin"},
}
OPEN = ("/healthz",)
PATHS = ("/v1/echo", "/v2/echo", "/v1/items/7", "/v1/items/", "/v1/nowhere", "/v9/echo", "/echo", "/healthz")
METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PROPFIND")
CREDENTIALS = ("none", "read", "operate", "admin", "token", "forged key", "forged token", "both", "expired")
Call = Callable[[str, str, dict[str, str]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Case:
    path: str
    method: str
    credential: str


CASES = [Case(*one) for one in product(PATHS, METHODS, CREDENTIALS)]


def granted(credential: str) -> str | None:
    """The scope that a credential has, None for one that lets nobody in."""
    return {"read": "read", "operate": "operate", "admin": "admin", "token": "operate"}.get(credential)


def expected(case: Case, exhausted: bool) -> int:
    """The model."""
    if case.method == "PROPFIND":
        return 501
    if case.path in OPEN and case.method in ("GET", "HEAD"):
        return 200
    scope = granted(case.credential)
    if exhausted:
        return 429
    if scope is None:
        return 401
    template = "/v1/items/{item}" if case.path == "/v1/items/7" else case.path
    methods = {"GET": None} if case.path in OPEN else ENDPOINTS.get(template)
    if methods is None:
        return 404
    method = "GET" if case.method == "HEAD" and "HEAD" not in methods else case.method
    if method not in methods:
        return 405
    needed = methods[method]
    return 200 if SCOPES.index(scope) >= SCOPES.index(str(needed)) else 403


def make(runtime: Any, exhausted: bool, **parts: Any) -> tuple[APIGateway, dict[str, dict[str, str]]]:
    """A gateway with these endpoints, and the headers of every credential."""
    config = {"port": 0, "default_rate_limit": 1 if exhausted else 1_000_000, "rate_period_s": 3600.0}
    gateway = APIGateway(config, runtime=runtime, entropy=Entropy(), **parts)

    async def echo() -> dict[str, bool]:
        return {"ok": True}

    for path, methods in ENDPOINTS.items():
        version = APIVersion(path.split("/")[1])
        for method, scope in methods.items():
            gateway.register_endpoint(path[3:], method, echo, version, scope=scope)
    keys = {scope: gateway.issue_key(scope, scope) for scope in SCOPES}
    assert gateway.keys is not None
    assert gateway.tokens is not None
    now = runtime.wall_at()
    bearer = gateway.issue_key("bearer", "operate")
    token = gateway.tokens.make(gateway.keys.find("bearer"), now)
    stale = gateway.keys.issue("stale", ("admin",), now - 10.0, now - 1.0)
    assert bearer != stale
    shown = {scope: {"X-API-Key": key} for scope, key in keys.items()}
    forged = keys["admin"][:-1] + ("A" if keys["admin"][-1] != "A" else "B")
    head, claims, _ = token.split(".")
    shown |= {
        "none": {},
        "token": {"Authorization": f"Bearer {token}"},
        "forged key": {"X-API-Key": forged},
        "forged token": {"Authorization": f"Bearer {head}.{claims}.{'A' * 43}"},
        "both": {"X-API-Key": keys["admin"], "Authorization": f"Bearer {token}"},
        "expired": {"X-API-Key": stale},
    }
    return gateway, shown


async def held_against(make_call: Callable[[APIGateway], Call], runtime: Any, **parts: Any) -> None:
    """Every case with room in the bucket, through one gateway."""
    gateway, shown = make(runtime, False, **parts)
    await _started(gateway, parts)
    try:
        call = make_call(gateway)
        found = {case: await call(case.method, case.path, shown[case.credential]) for case in CASES}
    finally:
        await gateway.stop()
    assert found == {case: expected(case, False) for case in CASES}


async def held_exhausted(make_call: Callable[[APIGateway], Call], runtime: Any, **parts: Any) -> None:
    """Every case as the second request of a bucket of one; each caller is new, or time has passed."""
    gateway, shown = make(runtime, True, **parts)
    await _started(gateway, parts)
    try:
        call = make_call(gateway)
        for credential in CREDENTIALS:
            await call("GET", "/v1/echo", shown[credential])
        found = {case: await call(case.method, case.path, shown[case.credential]) for case in CASES}
    finally:
        await gateway.stop()
    assert found == {case: expected(case, True) for case in CASES}


async def _started(gateway: APIGateway, parts: dict[str, Any]) -> None:
    if "make_server" in parts:
        await gateway.start()


def in_process(gateway: APIGateway) -> Call:
    async def call(method: str, path: str, headers: dict[str, str]) -> int:
        return (await send_to(gateway, method, path, headers)).status

    return call


@pytest.mark.parametrize("held", [held_against, held_exhausted])
def test_on_virtual_time(held: Callable[..., Any]) -> None:
    runtime = VirtualRuntime(wall_epoch_s=EPOCH_S)
    runtime.run_task(held(in_process, runtime))


@pytest.mark.parametrize("held", [held_against, held_exhausted])
def test_on_asyncio(held: Callable[..., Any]) -> None:
    async def main() -> None:
        await held(in_process, LiveRuntime())

    asyncio.run(main())


@pytest.mark.parametrize("held", [held_against, held_exhausted])
def test_over_a_real_socket(held: Callable[..., Any]) -> None:
    async def main() -> None:
        async with httpx2.AsyncClient() as client:

            def over_http(gateway: APIGateway) -> Call:
                async def call(method: str, path: str, headers: dict[str, str]) -> int:
                    url = f"http://127.0.0.1:{gateway.port}{path}"
                    return (await client.request(method, url, headers=headers)).status_code

                return call

            await held(over_http, LiveRuntime(), make_server=UvicornServer)

    asyncio.run(main())


def test_the_table_meets_every_decision() -> None:
    assert len(CASES) == 432
    assert {expected(case, False) for case in CASES} == {200, 401, 403, 404, 405, 501}
    assert {expected(case, True) for case in CASES} == {200, 429, 501}
