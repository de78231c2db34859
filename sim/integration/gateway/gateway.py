"""APIGateway: the source's face of the way in, one object on virtual time and behind a real socket.

It is an ASGI application. Time, chance, fleet, plugins, optimizer, keys and the socket are handed in; whoever is
missing answers 503. Closed unless opened: loopback, no foreign page, no credential no answer; beyond loopback it does
not start in plain text or without a key, unless told so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sim.contracts import EventSink, Runtime
from sim.errors import ConfigError
from sim.integration.gateway.access_log import AccessLog, AccessRow
from sim.integration.gateway.auth import Authenticator
from sim.integration.gateway.builtin import add_builtin, core_entries
from sim.integration.gateway.core import Core, Parts
from sim.integration.gateway.cors import Cors
from sim.integration.gateway.events import EventHub
from sim.integration.gateway.exchange import adapted
from sim.integration.gateway.face import make_face, mounted
from sim.integration.gateway.guard import Guard
from sim.integration.gateway.keys import SECRET_BYTES, KeyRing
from sim.integration.gateway.kinds import OPERATE, READ, APIVersion, EndpointType
from sim.integration.gateway.metrics import GatewayMetrics
from sim.integration.gateway.openapi import with_routes
from sim.integration.gateway.ports import (
    Entropy,
    FleetManager,
    Hooks,
    LoadOf,
    Optimizer,
    Plugins,
    Scope,
    Server,
    TaskBook,
    TaskRunner,
)
from sim.integration.gateway.ports import Receive as ReceiveCall
from sim.integration.gateway.ports import Send as SendCall
from sim.integration.gateway.quota import Quota
from sim.integration.gateway.router import Route, Router, full_path, method_of
from sim.integration.gateway.settings import GatewayConfig
from sim.integration.gateway.sockets import Sockets
from sim.integration.gateway.tasks import TaskDesk
from sim.integration.gateway.tokens import Tokens

MakeServer = Callable[["APIGateway"], Server]
ENCRYPT = "gateway.tls_cert=FILE gateway.tls_key=FILE, or gateway.host=127.0.0.1 behind a proxy that encrypts"
MAKE_KEY = "victor-sim keys create me --scope operate"


class APIGateway:
    """`config` takes the source's keys; raises `ConfigError`. `manager`, `plugins`, `optimizer` may be set later."""

    def __init__(
        self, config: Mapping[str, Any] | GatewayConfig | None = None, *, runtime: Runtime | None = None,
        manager: FleetManager | None = None, plugins: Plugins | None = None, optimizer: Optimizer | None = None,
        tasks: TaskRunner | None = None, keys: KeyRing | None = None, entropy: Entropy | None = None,
        events: EventSink | None = None, hooks: Hooks | None = None, make_server: MakeServer | None = None,
        log_sink: Callable[[AccessRow], None] | None = None, tracer: Any = None,
        targets: Callable[[str], Any] = str, book: TaskBook | None = None,
    ) -> None:  # fmt: skip
        self.config = settings = GatewayConfig.of(config)
        self._runtime, self._make_server = runtime, make_server
        self._server: Server | None = None
        self.manager, self.optimizer, self.targets = manager, optimizer, targets
        self._plugins: Plugins | None = None
        self.keys = self._ring(keys, entropy)
        self.tokens = None if self.keys is None else Tokens(self.keys, settings)
        self.events, self.metrics = EventHub(events), GatewayMetrics()
        self.access_log = AccessLog(settings.log_rows_max, log_sink)
        self.router = Router()
        auth = None
        if settings.authentication and self.keys is not None and self.tokens is not None:
            auth = Authenticator(self.keys, self.tokens, lambda: self.runtime)
        self.quota = Quota(settings) if settings.rate_limiting else None
        self.core = Core(
            Parts(
                settings, lambda: self.runtime, self.router, Guard(settings), Cors(settings), self.access_log,
                self.metrics, auth, self.quota, hooks, tracer,
            )
        )  # fmt: skip
        self.sockets = Sockets(self.core)
        self.desk = None if tasks is None else TaskDesk(tasks, lambda: self.runtime, settings.tasks_max, book)
        self._entries = core_entries(self)
        for entry in self._entries:
            answer = mounted(entry)
            self.router.add(Route(entry.method, entry.path, answer, entry.scope, entry.summary, heavy=entry.heavy))
        add_builtin(self)
        self._document: dict[str, Any] | None = None
        self.port: int | None = None  # while it listens
        self.load: LoadOf | None = None  # of the nodes, for the status page
        self.plugins = plugins

    def _ring(self, keys: KeyRing | None, entropy: Entropy | None) -> KeyRing | None:
        if keys is not None or not self.config.authentication:
            return keys
        if entropy is None:
            raise ConfigError("keys", None, "a key ring, or entropy to make one, while authentication is on")
        return KeyRing(entropy(SECRET_BYTES), entropy)

    @property
    def plugins(self) -> Plugins | None:
        """The plugin manager that is reached over REST; whoever is set is asked for the routes that plugins bring."""
        return self._plugins

    @plugins.setter
    def plugins(self, plugins: Plugins | None) -> None:
        self._plugins = plugins
        if plugins is not None:
            plugins.routes_to(self)

    @property
    def runtime(self) -> Runtime:
        """The clock and tasks; a live runtime made at first use when none was given."""
        if self._runtime is None:
            from sim.runtime.live import LiveRuntime  # a simulated gateway never loads asyncio's machinery

            self._runtime = LiveRuntime()
        return self._runtime

    async def __call__(self, scope: Scope, receive: ReceiveCall, send: SendCall) -> None:
        """ASGI 3: HTTP, WebSocket, lifespan."""
        if scope["type"] == "http":
            await self.core.http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.sockets.serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                await send({"type": "lifespan.startup.complete"})
            await send({"type": "lifespan.shutdown.complete"})

    def register_endpoint(
        self, path: str, method: str = "GET", handler: Callable[..., Any] | None = None,
        version: APIVersion = APIVersion.V1, endpoint_type: EndpointType = EndpointType.REST, *,
        scope: str | None = None, rate_limit: int | None = None, summary: str = "", owner: str = "user",
    ) -> Route:  # fmt: skip
        """Serve `handler` under the version's path; raises `ConfigError` for what is not accepted or is taken.

        A handler takes the request (a WebSocket's takes the connection) or nothing. `scope`: what a caller must have,
        by default `read` to read and `operate` for all else. `rate_limit`: of each caller, per `rate_period_s`.
        """
        if handler is None or not callable(handler):
            raise ConfigError("handler", handler, "a function")
        kind = method_of(method, endpoint_type)
        is_socket = endpoint_type is EndpointType.WEBSOCKET
        if rate_limit is not None and (isinstance(rate_limit, bool) or rate_limit < 1):
            raise ConfigError("rate_limit", rate_limit, "a whole number from 1, or none")
        if scope is None:
            scope = READ if is_socket or kind in ("GET", "HEAD", "OPTIONS") else OPERATE
        answer = handler if is_socket else adapted(handler, lambda: self.runtime)
        route = Route(kind, full_path(path, version), answer, scope, summary, owner)
        self.router.add(route)
        if rate_limit is not None and self.quota is not None:
            self.quota.add_route(route.name, rate_limit)
        self._document = None
        return route

    def remove_endpoints(self, owner: str) -> int:
        """Take back all that an owner registered, a plugin that is unloaded for one; gives how many."""
        if owner == "core":
            raise ConfigError("owner", owner, "an owner of registered endpoints")
        for route in self.router.routes():
            if route.owner == owner and self.quota is not None:
                self.quota.remove_route(route.name)
        self._document = None
        return self.router.remove(owner)

    def issue_key(self, name: str, *scopes: str, expires_at: float | None = None) -> str:
        """A new API key, the only time that it is seen; raises `ConfigError`."""
        if self.keys is None:
            raise ConfigError("authentication", False, "true, to have keys")
        return self.keys.issue(name, scopes or (READ,), self.runtime.wall_at(), expires_at)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document of all REST endpoints."""
        if self._document is None:
            self._document = with_routes(make_face(self._entries).openapi(), self.router)
        return self._document

    def status(self) -> dict[str, Any]:
        """Fleet and gateway at this instant, as plain data."""
        metrics = self.metrics
        return {
            "at": self.runtime.now(),
            "fleet": None if self.manager is None else self.manager.status(),
            "plugins": None if self.plugins is None else len(self.plugins.list_plugins()),
            "optimizations": None if self.optimizer is None else len(self.optimizer.list_results()),
            "gateway": {
                "endpoints": len(self.router),
                "requests": sum(metrics.requests.values()),
                "in_flight": metrics.in_flight,
                "rate_limited": sum(metrics.refusals.values()),
                "auth_failures": metrics.auth_failures,
                "websockets": metrics.sockets,
                "tasks_running": 0 if self.desk is None else self.desk.running_count,
            },
        }

    @property
    def is_ready(self) -> bool:
        """Whether new work may be sent here."""
        return self.manager is not None and not self.core.closing

    async def start(self) -> None:
        """Listen; returns once it does. Raises `ConfigError` for a place that would be open to strangers."""
        config = self.config
        if not config.is_loopback:
            if not config.is_encrypted and not config.allow_plaintext:
                raise ConfigError(
                    "host", config.host, "loopback, or tls_cert and tls_key, or allow_plaintext=true", ENCRYPT
                )
            if config.authentication and not len(self.keys or ()):
                raise ConfigError("keys", "none", "at least one key before it listens beyond loopback", MAKE_KEY)
        if self._make_server is None:
            raise ConfigError("make_server", None, "a server: sim.APIGateway brings its own")
        if self._server is not None:
            return
        server = self._make_server(self)
        self.port = await server.start()
        self._server = server
        self.core.closing = False

    async def stop(self) -> None:
        """No new work; what is under way ends; the socket is closed. Again does nothing."""
        self.core.closing = True
        server, self._server, self.port = self._server, None, None
        if server is not None:
            await server.stop()
