"""What a handler gets and gives: a request whose body is there, and an answer."""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from sim.contracts import Runtime
from sim.errors import ConfigError
from sim.integration.gateway.guard import Headers
from sim.integration.gateway.kinds import Principal
from sim.integration.gateway.ports import Scope
from sim.integration.gateway.problem import MEDIA_TYPE, Problem

JSON = b"application/json"
QUERY_FIELDS_MAX = 100

Pairs = tuple[tuple[bytes, bytes], ...]


@dataclass(slots=True)
class Request:
    """A request that was let in; `params` are the path's, `principal` is None where authentication is off."""

    request_id: str
    method: str
    path: str
    headers: Headers
    scope: Scope
    params: dict[str, str] = field(default_factory=dict)
    principal: Principal | None = None
    body: bytes = b""

    def json(self) -> Any:
        """The body as JSON; raises `Problem` 400."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise Problem(400, "the body is no JSON") from None

    def query(self) -> dict[str, str]:
        """The query's fields, the last of each name; raises `Problem` 400."""
        try:
            text = self.scope.get("query_string", b"").decode("ascii")
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX))
        except ValueError:
            raise Problem(400, "a query that cannot be read") from None


@dataclass(slots=True)
class Response:
    """An answer; `headers` are further ones."""

    status: int = 200
    body: bytes = b""
    media_type: bytes = JSON
    headers: Pairs = ()

    @classmethod
    def of(cls, value: Any) -> Response:
        """What a handler gave: a `Response`, None (204), text, bytes, or anything that JSON can hold.

        `(value, status)` sets the status.
        """
        if type(value) is dict:  # by far the usual
            return cls(200, as_json(value))
        status = 200
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], int):
            value, status = value
        if isinstance(value, Response):
            return value
        if value is None:
            return cls(204 if status == 200 else status, b"", b"")
        if isinstance(value, bytes):
            return cls(status, value, b"application/octet-stream")
        if isinstance(value, str):
            return cls(status, value.encode(), b"text/plain; charset=utf-8")
        return cls(status, as_json(value))

    @classmethod
    def problem(cls, problem: Problem, request_id: str) -> Response:
        """A problem as an answer."""
        return cls(problem.status, problem.body(request_id), MEDIA_TYPE.encode(), problem.headers)


def as_json(value: Any) -> bytes:
    """Compact JSON; dataclasses, enums and mappings are taken apart."""
    return "".join(_pieces(value, 0)).encode()


def _plain(value: Any) -> Any:
    if hasattr(value, "as_dict"):  # it knows what of it is for others
        return value.as_dict()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    if hasattr(value, "value"):  # an enum
        return value.value
    raise TypeError(f"{type(value).__name__} is nothing that JSON can hold")


def _encoder() -> Callable[[Any, int], Iterable[str]]:
    """The C encoder that `JSONEncoder` makes anew for every call, made once."""
    usual = json.JSONEncoder(default=_plain, separators=(",", ":"), allow_nan=False)
    make, quoted = getattr(json.encoder, "c_make_encoder", None), json.encoder.encode_basestring_ascii
    if make is None:  # an interpreter without it
        return lambda value, _: usual.iterencode(value)
    # Without its table of what it is in: what holds itself ends in a RecursionError, and leaves nothing behind.
    found: Callable[[Any, int], Iterable[str]] = make(None, _plain, quoted, None, ":", ",", False, False, False)
    return found


_pieces = _encoder()

Answering = Callable[[Request], Awaitable[Any]]  # what it gives goes through `Response.of`


def adapted(handler: Callable[..., Any], runtime: Callable[[], Runtime]) -> Answering:
    """A handler of the user's as the core calls it: with or without the request, a coroutine or a plain function.

    A plain function runs beside the loop, so that it may block. Raises `ConfigError` for what cannot be called so.
    """
    takes = takes_argument(handler)
    method = handler if inspect.isroutine(handler) else type(handler).__call__
    is_coroutine = inspect.iscoroutinefunction(method)

    def without(request: Request) -> Awaitable[Any]:
        awaited: Awaitable[Any] = handler()
        return awaited

    async def beside(request: Request) -> Any:
        value = await runtime().run_blocking(lambda: handler(request) if takes else handler())
        return await value if inspect.isawaitable(value) else value

    if not is_coroutine:
        return beside
    return handler if takes else without


def takes_argument(handler: Callable[..., Any]) -> bool:
    """Whether it wants one argument; raises `ConfigError` when it needs more."""
    try:
        parameters = inspect.signature(handler).parameters.values()
    except ValueError:  # some builtins have none
        raise ConfigError("handler", handler, "a function whose parameters can be told") from None
    places = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    needed = [one for one in places if one.default is one.empty]
    if len(needed) > 1 or any(one.kind is one.KEYWORD_ONLY and one.default is one.empty for one in parameters):
        raise ConfigError("handler", getattr(handler, "__name__", "?"), "a function of the request, or of nothing")
    return bool(places) or any(one.kind is one.VAR_POSITIONAL for one in parameters)
