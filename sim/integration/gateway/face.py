"""The documented endpoints on FastAPI: validation, OpenAPI, and how its world meets the core's.

The core has authenticated, limited and routed a request before FastAPI sees it, and has read its body; here FastAPI
validates and calls. Its routes are listed once (`Entry`), for its own table and for the core's, so that both agree on
what is served and which scope it needs. An answer is collected and goes out through the core.
"""

from __future__ import annotations

import inspect
import re
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response as FastResponse
from starlette.exceptions import HTTPException

from sim.errors import ConfigError, SimError
from sim.integration.gateway.exchange import Answering, Response, as_json
from sim.integration.gateway.exchange import Request as CoreRequest
from sim.integration.gateway.ports import AsgiApp, Message, Scope
from sim.integration.gateway.problem import MEDIA_TYPE, Problem
from sim.integration.gateway.redact import redact

TITLE, VERSION = "victor-sim gateway", "1.0"
ERRORS_SHOWN_MAX = 10
FIELD = re.compile(r"[A-Za-z0-9_]{1,32}").fullmatch


@dataclass(frozen=True, slots=True)
class Entry:
    """One documented endpoint."""

    method: str
    path: str  # with its version
    scope: str
    call: Callable[..., Any]
    summary: str
    gives: Any = None  # a model of the answer
    status: int = 200
    problems: tuple[int, ...] = ()  # besides those of every endpoint
    heavy: bool = False
    also: tuple[int, ...] = ()  # further statuses of success


PROBLEM = {"$ref": "#/components/schemas/ProblemOut"}
EVERY = (400, 401, 403, 408, 413, 414, 422, 429, 431, 500, 503)


def make_face(entries: Sequence[Entry]) -> FastAPI:
    """The FastAPI application of these endpoints; its docs are served by the core."""
    app = FastAPI(
        title=TITLE, version=VERSION, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # the core has the span, without any content
    )  # fmt: skip
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(SimError, _on_sim_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    for entry in entries:
        answers: dict[int | str, dict[str, Any]] = {
            status: {"description": "problem", "content": {MEDIA_TYPE: {"schema": PROBLEM}}}
            for status in (*EVERY, *entry.problems)
        }
        for status in entry.also:
            answers[status] = {"model": entry.gives}
        app.add_api_route(
            entry.path, unheld(entry.call), methods=[entry.method], status_code=entry.status, summary=entry.summary,
            response_model=None, responses=answers | _gives(entry), operation_id=_operation(entry),
        )  # fmt: skip
    return app


def unheld(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call as FastAPI gets it: a function that does not keep the call's owner alive.

    FastAPI remembers callables process-wide (an `lru_cache` of their kinds): a bound method there keeps its gateway and
    fleet after their end, megabytes for every run of a sweep. The call lives as long as its `Entry` does.
    """
    found: Callable[[], Any] = weakref.WeakMethod(call) if inspect.ismethod(call) else weakref.ref(call)

    async def endpoint(*args: Any, **values: Any) -> Any:
        return await found()(*args, **values)

    endpoint.__name__, endpoint.__doc__ = call.__name__, call.__doc__
    endpoint.__signature__ = inspect.signature(call, eval_str=True)  # type: ignore[attr-defined]
    return endpoint


def _gives(entry: Entry) -> dict[int | str, dict[str, Any]]:
    if entry.gives is None:
        return {}
    return {entry.status: {"model": entry.gives, "description": "done"}}


def _operation(entry: Entry) -> str:
    words = entry.path.replace("{", "").replace("}", "").strip("/").replace("/", "_")
    return f"{entry.method.lower()}_{words}"


def mounted(entry: Entry) -> Answering:
    """A handler of the core's that has FastAPI answer; what that sends is collected.

    An application for one endpoint alone, made when it is first asked: the core knows where a path leads, so that
    nobody has to look through all of them again.
    """
    made: list[AsgiApp] = []

    async def answer(request: CoreRequest) -> Response:
        if not made:
            made.append(make_face([entry]))  # type: ignore[arg-type] # Starlette's own names for the same three
        app = made[0]
        messages: list[Message] = []
        pending: list[Message] = [{"type": "http.request", "body": request.body, "more_body": False}]

        async def receive() -> Message:
            return pending.pop() if pending else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            messages.append(message)

        method = "GET" if request.method == "HEAD" else request.method
        inner: Scope = {**request.scope, "method": method, "gateway": request}
        await app(inner, receive, send)
        return _collected(messages)

    return answer


def _collected(messages: Sequence[Message]) -> Response:
    status, headers, body = 500, [], []
    media_type = b""
    for message in messages:
        if message["type"] == "http.response.start":
            status = message["status"]
            for name, value in message.get("headers", ()):
                if name == b"content-type":
                    media_type = value
                elif name != b"content-length":
                    headers.append((name, value))
        else:  # a piece of its body
            body.append(message.get("body", b""))
    return Response(status, body[0] if len(body) == 1 else b"".join(body), media_type, tuple(headers))


def core_request(request: Request) -> CoreRequest:
    """The core's view of a request that FastAPI handles."""
    found: CoreRequest = request.scope["gateway"]
    return found


def told(value: Any, status: int = 200) -> FastResponse:
    """An answer as it stands: what is ours needs no second validation."""
    return FastResponse(as_json(value), status, media_type="application/json")


async def _on_problem(request: Request, error: Exception) -> FastResponse:
    assert isinstance(error, Problem)
    return _problem(request, error)


async def _on_sim_error(request: Request, error: Exception) -> FastResponse:
    status = 422 if isinstance(error, ConfigError) else 409
    return _problem(request, Problem(status, redact(str(error))))


async def _on_invalid(request: Request, error: Exception) -> FastResponse:
    """Where and why, never what was sent."""
    assert isinstance(error, RequestValidationError)
    errors = [
        {"where": [_where(part) for part in one["loc"]], "problem": one["type"]}
        for one in error.errors()[:ERRORS_SHOWN_MAX]
    ]
    broken = any(one["problem"] == "json_invalid" for one in errors)
    status, detail = (400, "the body is no JSON") if broken else (422, "the request does not fit the schema")
    return _problem(request, Problem(status, detail, fields={"errors": errors}))


def _where(part: object) -> str:
    """The name of a field, never a name that the client made up."""
    text = str(part)
    return text if FIELD(text) and text == redact(text) else "?"


async def _on_http(request: Request, error: Exception) -> FastResponse:
    assert isinstance(error, HTTPException)
    return _problem(request, Problem(error.status_code, "the request could not be handled"))


def _problem(request: Request, problem: Problem) -> FastResponse:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in problem.headers}
    body = problem.body(core_request(request).request_id)
    return FastResponse(body, problem.status, headers, MEDIA_TYPE)
