"""The way of a request: guard -> who -> how often -> where -> may they -> body -> hooks -> handler -> answer.

Default deny: a path that nobody registered asks for a credential like any other, so that nothing is told to strangers;
only endpoints without a scope are open (and not limited, for who checks health must not be turned away). A request that
failed to show who it is costs its address a token. What goes wrong inside is a 500 without a word of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sim.contracts import Runtime
from sim.integration.gateway.access_log import AccessLog
from sim.integration.gateway.auth import Authenticator
from sim.integration.gateway.body import Disconnected, read_body
from sim.integration.gateway.cors import Cors
from sim.integration.gateway.exchange import JSON, Pairs, Request, Response
from sim.integration.gateway.guard import KNOWN, Guard, Headers, safe_value
from sim.integration.gateway.kinds import Principal
from sim.integration.gateway.metrics import UNKNOWN, GatewayMetrics
from sim.integration.gateway.ports import WHOLE, Hooks, Receive, Scope, Send, WholeAnswer
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.quota import Quota
from sim.integration.gateway.redact import redact
from sim.integration.gateway.router import NOWHERE, Match, Route, Router
from sim.integration.gateway.settings import GatewayConfig

TOLD_PATHS_MAX, TOLD_PATH_SIGNS_MAX = 256, 64
FRAMING = frozenset({b"content-length", b"transfer-encoding"})  # the core's own to say
NO_EXTENSIONS: dict[str, Any] = {}
GONE = 499  # the client left before its answer; nobody is told
HEAVY_SHARE = 0.9  # of requests_max that tasks may fill, so that the fleet can still be managed
ALWAYS: Pairs = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)


PLAIN_HEAD = b"".join(name + b": " + value + b"\r\n" for name, value in ALWAYS) + b"x-request-id: "
JSON_HEAD = b"\r\ncontent-type: " + JSON + b"\r\ncontent-length: "


class Preflight(Exception):
    """A page asks whether it may ask: answered before anybody is asked for a credential."""

    def __init__(self, response: Response) -> None:
        super().__init__(response)
        self.response = response


@dataclass(slots=True)
class Visit:
    """What is known of a request so far, for its answer and the books."""

    request_id: str
    began_at: float
    address: str
    method: str
    path: str
    told_path: str = ""  # without what looks like a secret, for the log
    endpoint: str = UNKNOWN
    key_id: str = ""
    told: Pairs = ()  # headers that every answer to it carries
    body_bytes: int = 0
    reason: str = ""


@dataclass(slots=True)
class Parts:
    """What the core stands on; None where a part is switched off."""

    config: GatewayConfig
    runtime: Callable[[], Runtime]
    router: Router
    guard: Guard
    cors: Cors
    log: AccessLog
    metrics: GatewayMetrics
    auth: Authenticator | None
    quota: Quota | None
    hooks: Hooks | None = None
    tracer: Any = None


class Core:
    """Answers HTTP requests; `enter` is shared with WebSockets."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.closing = False  # no new work is taken
        self._ordinal = 0
        requests_max = parts.config.requests_max
        self._logs = parts.config.request_logging or parts.config.response_logging
        self._told_paths: dict[str, str] = {}  # of paths that hold no secret; at most TOLD_PATHS_MAX
        self._clock: Callable[[], float] | None = None  # the runtime's `now`, once there is a runtime
        self._most, self._most_heavy = requests_max, max(1, int(HEAVY_SHARE * requests_max))

    def visit(self, scope: Scope, method: str) -> Visit:
        """A request begins."""
        self._ordinal += 1
        client = scope.get("client")
        path = scope["path"]
        told_path = ""
        if self._logs:
            told_path = self._told_paths.get(path) or self._told(path)
        now = (self._clock or self._known_clock())()
        return Visit(f"req-{self._ordinal:08x}", now, client[0] if client else "", method, path, told_path)

    def _known_clock(self) -> Callable[[], float]:
        self._clock = self.parts.runtime().now
        return self._clock

    def _told(self, path: str) -> str:
        told = redact(path)
        if told == path and len(self._told_paths) < TOLD_PATHS_MAX and len(path) <= TOLD_PATH_SIGNS_MAX:
            self._told_paths[path] = told
        return told

    async def http(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request and its answer, whatever happens; a client that has left gets none."""
        parts, visit = self.parts, self.visit(scope, scope["method"])
        metrics = parts.metrics
        span = None if parts.tracer is None else parts.tracer.start_span("gateway request")
        metrics.in_flight += 1
        try:
            try:  # in one coroutine: each further one under it costs as much as a check
                route, request = self._let_in(visit, scope)
                headers = request.headers
                if b"content-length" in headers or b"transfer-encoding" in headers:
                    request.body = await read_body(receive, headers, parts.runtime(), parts.config)
                    visit.body_bytes = len(request.body)
                answer = await (route.handler(request) if parts.hooks is None else self._hooked(route, request))
                response = answer if type(answer) is Response else Response.of(answer)
            except Preflight as preflight:
                response = preflight.response
            except Problem as problem:
                visit.reason = problem.detail
                response = Response.problem(problem, visit.request_id)
            except Disconnected:
                self.book(visit, GONE)
                return
            except Exception as error:  # a handler's; what it says may hold anything
                visit.reason = type(error).__name__
                response = Response.problem(Problem(500, "the request could not be handled"), visit.request_id)
            self.book(visit, response.status)
            whole = scope.get("extensions", NO_EXTENSIONS).get(WHOLE)
            if whole is None or not self._sent_whole(response, visit, whole):
                await self._send(response, visit, send)
        finally:
            metrics.in_flight -= 1
            if span is not None:
                span.set_attribute("http.route", visit.endpoint)
                span.set_attribute("http.request.method", visit.method)
                span.end()

    def _let_in(self, visit: Visit, scope: Scope) -> tuple[Route, Request]:
        """Where a request leads, without its body; raises `Problem` for one that leads nowhere, and `Preflight`."""
        parts = self.parts
        headers = parts.guard.headers(scope)
        visit.method = method = scope["method"]
        if method not in KNOWN:
            raise Problem(501, "an unknown method")
        if parts.config.request_logging:
            parts.log.request(visit.began_at, visit.request_id, method, visit.told_path, visit.address)
        if method == "OPTIONS":
            preflight = parts.cors.preflight(headers)
            if preflight is not None:
                raise Preflight(preflight)
        origin = headers.get(b"origin")
        if origin is not None:
            visit.told = parts.cors.marks(origin)
        match, principal = self.enter(visit, headers, method)
        route = self.admitted(match, principal, method)
        return route, Request(visit.request_id, method, visit.path, headers, scope, match.params or {}, principal)

    async def _hooked(self, route: Route, request: Request) -> Any:
        hooks = self.parts.hooks
        assert hooks is not None
        response = await hooks.before(request)
        if response is None:
            response = Response.of(await route.handler(request))
        return await hooks.after(request, response)

    def enter(self, visit: Visit, headers: Headers, method: str) -> tuple[Match, Principal | None]:
        """Who asks and how often; raises `Problem` 401, 429, 503."""
        parts = self.parts
        match = parts.router.match(visit.path, method)
        route = match.route
        if route is not None:
            visit.endpoint = route.name
            if route.scope is None:
                return match, None
        limit = self._most_heavy if route is not None and route.heavy else self._most
        if self.closing or parts.metrics.in_flight > limit:
            why = "the gateway is about to stop" if self.closing else "too many requests are under way"
            raise Problem(503, why, "temporary-reduced-capacity", ((b"retry-after", b"1"),))
        principal: Principal | None = None
        if parts.auth is not None:
            try:
                principal = parts.auth.principal(headers)
            except Problem:
                parts.metrics.auth_failures += 1
                self._charge(visit, None)
                raise
            visit.key_id = principal.key_id
        self._charge(visit, principal)
        return match, principal

    def admitted(self, match: Match, principal: Principal | None, method: str) -> Route:
        """The endpoint, if there is one and its scope is covered; raises `Problem` 403, 404, 405."""
        route = match.route
        if route is None:
            if match is NOWHERE or not match.methods:
                raise Problem(404, "nothing is served under this path")
            allowed = ", ".join(sorted(match.methods)).encode()
            raise Problem(405, f"this path does not take {method}", headers=((b"allow", allowed),))
        if principal is not None and route.scope is not None and not principal.covers(route.scope):
            raise Problem(403, f"the scope {route.scope} is needed")
        return route

    def _charge(self, visit: Visit, principal: Principal | None) -> None:
        parts = self.parts
        if parts.quota is None:
            return
        verdict = parts.quota.take(principal, visit.address, visit.endpoint, visit.began_at)
        if not verdict.allowed:
            parts.metrics.refused(verdict.name)
            raise parts.quota.refusal(verdict)
        told = parts.quota.headers(verdict)
        visit.told = (*visit.told, *told) if visit.told else told

    def book(self, visit: Visit, status: int) -> None:
        """The request is answered."""
        parts = self.parts
        config, now = parts.config, (self._clock or self._known_clock())()
        spent_s = now - visit.began_at
        if config.metrics_collection:
            parts.metrics.answered(visit.endpoint, status, spent_s, visit.body_bytes)
        if config.response_logging:
            parts.log.response(
                now, visit.request_id, visit.method, visit.told_path, visit.endpoint, visit.key_id, status, spent_s,
                visit.body_bytes, visit.reason,
            )  # fmt: skip

    def _sent_whole(self, response: Response, visit: Visit, whole: WholeAnswer) -> bool:
        """The usual answer, JSON without a header of its own, in one piece; False: it has to go the long way."""
        if response.headers or response.media_type != JSON or response.status == 204 or visit.method == "HEAD":
            return False
        body, pieces = response.body, [PLAIN_HEAD, visit.request_id.encode()]
        for name, value in visit.told:
            pieces += (b"\r\n", name, b": ", value)
        pieces += (JSON_HEAD, str(len(body)).encode(), b"\r\n")
        return whole(response.status, b"".join(pieces), body)

    async def _send(self, response: Response, visit: Visit, send: Send) -> None:
        body = response.body
        headers = [(b"x-request-id", visit.request_id.encode()), *ALWAYS, *visit.told]
        for name, value in response.headers:
            if safe_value(value) and safe_value(name) and name.lower() not in FRAMING:  # CR, LF: another answer
                headers.append((name.lower(), value))
        if response.media_type and safe_value(response.media_type):
            headers.append((b"content-type", response.media_type))
        if response.status != 204:
            headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if visit.method == "HEAD" else body})
