"""One request to a gateway as an ASGI call: no socket, any runtime."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sim.integration.gateway.gateway import APIGateway
from sim.integration.gateway.ports import Message, Scope


async def ask(
    gateway: APIGateway, key: str, method: str, path: str, body: Mapping[str, Any] | None = None,
    address: str = "127.0.0.1",
) -> tuple[int, Any]:  # fmt: skip
    """Status, and the body as JSON where it is JSON, else as text."""
    content = b"" if body is None else json.dumps(body).encode()
    status, kind, parts = 500, b"", []
    headers = [
        (b"host", b"localhost"), (b"x-api-key", key.encode()), (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]  # fmt: skip
    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
        "client": (address, 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, kind
        if message["type"] == "http.response.start":
            status = message["status"]
            kind = dict(message["headers"]).get(b"content-type", b"")
        else:
            parts.append(message.get("body", b""))

    await gateway(scope, receive, send)
    text = b"".join(parts).decode()
    return status, json.loads(text) if text and b"json" in kind else text
