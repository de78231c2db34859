"""The body of a request, bounded before it is kept: size, an absolute deadline, and a least rate after a grace."""

from __future__ import annotations

from sim.contracts import Runtime
from sim.integration.gateway.guard import CLOSE, Headers
from sim.integration.gateway.ports import Receive
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.settings import GatewayConfig


class Disconnected(Exception):
    """The client is gone; there is nobody to answer."""


def has_body(headers: Headers) -> bool:
    """Whether a body is to come."""
    length = headers.get(b"content-length")
    return b"transfer-encoding" in headers or (length is not None and int(length) > 0)


async def read_body(receive: Receive, headers: Headers, runtime: Runtime, config: GatewayConfig) -> bytes:
    """All of it; raises `Problem` 413 (too large), 408 (too slow), `Disconnected`."""
    if not has_body(headers):
        return b""
    try:
        async with runtime.timeout(config.body_timeout_s):
            return await _read(receive, runtime, config)
    except TimeoutError:
        raise Problem(408, f"no whole body within {config.body_timeout_s:g} s", headers=CLOSE) from None


async def _read(receive: Receive, runtime: Runtime, config: GatewayConfig) -> bytes:
    started_at, size, parts = runtime.now(), 0, []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > config.body_bytes_max:
            raise Problem(413, f"a body of more than {config.body_bytes_max} bytes", headers=CLOSE)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
        spent_s = runtime.now() - started_at
        if spent_s > config.body_grace_s and size < config.body_rate_min * spent_s:
            raise Problem(408, f"a body slower than {config.body_rate_min:g} bytes a second", headers=CLOSE)
