"""What the gateway's tests stand on: a gateway with fixed entropy, and a client that speaks ASGI to it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sim.integration.gateway.gateway import APIGateway
from sim.integration.gateway.ports import Message
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.manager import DistributedManager

EPOCH_S = 1_800_000_000.0


class Entropy:
    """Bytes that differ from call to call, the same in every test run."""

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.count = seed, 0

    def __call__(self, size: int) -> bytes:
        self.count += 1
        return hashlib.shake_256(f"{self.seed} {self.count}".encode()).digest(size)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value.decode() for key, value in self.headers if key == name.encode()]
        return found[0] if found else None

    def json(self) -> Any:
        return json.loads(self.body)


def scope_of(
    method: str, path: str, headers: Sequence[tuple[bytes, bytes]], query: bytes = b"", client: str = "127.0.0.1",
    kind: str = "http", version: str = "1.1",
) -> dict[str, Any]:  # fmt: skip
    scope: dict[str, Any] = {
        "type": kind, "asgi": {"version": "3.0"}, "http_version": version, "scheme": "http", "path": path,
        "raw_path": path.encode("utf-8", "surrogatepass"), "query_string": query, "root_path": "",
        "headers": list(headers), "client": (client, 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    if kind == "http":
        scope["method"] = method
    return scope


async def send_to(
    app: Any, method: str, path: str, headers: Mapping[str, str] | None = None, body: Any = None, *,
    raw_headers: Sequence[tuple[bytes, bytes]] | None = None, client: str = "127.0.0.1", query: bytes = b"",
    version: str = "1.1",
) -> Answer:  # fmt: skip
    """One request. `body`: bytes as they are, anything else as JSON; `raw_headers` replace all."""
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    pairs = [(b"host", b"localhost")]
    pairs += [(name.lower().encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    if content:
        pairs += [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    if raw_headers is not None:
        pairs = list(raw_headers)
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope_of(method, path, pairs, query, client, version=version), receive, send)
    start = messages[0]
    told = b"".join(message.get("body", b"") for message in messages[1:])
    return Answer(start["status"], list(start["headers"]), told)


@dataclass(slots=True)
class Rig:
    """A gateway on virtual time with a key of each scope."""

    config: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)
    fleet: bool = False  # whether a real manager stands behind it
    runtime: VirtualRuntime = field(init=False)
    gateway: APIGateway = field(init=False)
    keys: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.runtime = VirtualRuntime(wall_epoch_s=EPOCH_S)
        if self.fleet:
            self.parts["manager"] = DistributedManager({"auto_scaling": False}, runtime=self.runtime)
        self.gateway = APIGateway(self.config, runtime=self.runtime, entropy=Entropy(), **self.parts)
        if self.gateway.keys is not None:
            self.keys = {scope: self.gateway.issue_key(scope, scope) for scope in ("read", "operate", "admin")}

    def call(self, method: str, path: str, key: str | None = "admin", body: Any = None, **how: Any) -> Answer:
        """One request with the key of a scope (None: without; a text that is no scope: that text)."""
        headers = dict(how.pop("headers", {}))
        if key is not None:
            headers["X-API-Key"] = self.keys.get(key, key)
        return self.runtime.run_task(send_to(self.gateway, method, path, headers, body, **how))

    def pass_time(self, duration_s: float) -> None:
        self.runtime.run_task(self.runtime.sleep(duration_s))
