"""What a handler gets and gives: bodies, queries, every kind of answer, and handlers of every shape."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest

from sim.errors import ConfigError
from sim.integration.gateway.exchange import QUERY_FIELDS_MAX, Request, Response, as_json, takes_argument
from sim.integration.gateway.problem import Problem, title_of
from tests.integration.gateway.rig import Rig


def request(body: bytes = b"", query: bytes | None = None) -> Request:
    scope = {} if query is None else {"query_string": query}
    return Request("req-1", "GET", "/v1/any", {}, scope, body=body)


def test_a_body_that_is_no_json_is_told() -> None:
    assert request(b'{"a": 1}').json() == {"a": 1}
    for body in (b"", b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(Problem, match="400 the body is no JSON"):
            request(body).json()


def test_a_query_gives_the_last_of_each_name_or_is_told() -> None:
    assert request().query() == {}
    assert request(query=b"a=1&b=&a=%20x").query() == {"a": " x", "b": ""}
    for query in (b"\xff=1", b"&".join([b"a=1"] * (QUERY_FIELDS_MAX + 1))):
        with pytest.raises(Problem, match="400 a query that cannot be read"):
            request(query=query).query()


@pytest.mark.parametrize(
    ("value", "status", "body", "media_type"),
    [
        ({"a": 1}, 200, b'{"a":1}', b"application/json"),
        (({"a": 1}, 201), 201, b'{"a":1}', b"application/json"),
        (None, 204, b"", b""),
        ((None, 202), 202, b"", b""),
        (b"\x00", 200, b"\x00", b"application/octet-stream"),
        (("Zürich", 418), 418, "Zürich".encode(), b"text/plain; charset=utf-8"),
        ([1, 2], 200, b"[1,2]", b"application/json"),
        ((1, 2, 3), 200, b"[1,2,3]", b"application/json"),
    ],
)
def test_what_a_handler_gives_is_an_answer(value: Any, status: int, body: bytes, media_type: bytes) -> None:
    found = Response.of(value)
    assert (found.status, found.body, found.media_type) == (status, body, media_type)


def test_an_answer_stays_as_it_is() -> None:
    own = Response(299, b"x", b"text/css")
    assert Response.of(own) is own
    assert Response.of((own, 200)) is own


class Told:
    """What tells of itself as a mapping."""

    def as_dict(self) -> dict[str, int]:
        return {"n": 3}


@dataclass
class Pair:
    left: int
    right: Any


def test_values_of_other_kinds_are_taken_apart() -> None:
    assert as_json([Told(), MappingProxyType({"m": 1})]) == b'[{"n":3},{"m":1}]'
    assert as_json(Pair(1, Pair(2, None))) == b'{"left":1,"right":{"left":2,"right":null}}'


class Callable:
    async def __call__(self, request: Request) -> str:
        return request.path


def test_handlers_of_every_shape_are_served() -> None:
    rig = Rig()
    handlers: dict[str, Any] = {
        "plain": lambda: "plain",
        "taking": lambda request: request.path,
        "object": Callable(),
        "later": lambda: _later("later"),
        "any": lambda *some: str(len(some)),
    }

    async def alone() -> str:
        return "alone"

    handlers["alone"] = alone
    for name, handler in handlers.items():
        rig.gateway.register_endpoint(f"/{name}", handler=handler)
    told = {name: rig.call("GET", f"/v1/{name}").body.decode() for name in handlers}
    assert told == {
        "plain": "plain", "taking": "/v1/taking", "object": "/v1/object", "later": "later", "any": "1",
        "alone": "alone",
    }  # fmt: skip


async def _later(text: str) -> str:
    return text


@pytest.mark.parametrize("handler", [lambda a, b: None, lambda *, must: None, itertools.chain, 5])
def test_what_cannot_be_called_so_is_named(handler: Any) -> None:
    with pytest.raises(ConfigError, match="handler"):
        Rig().gateway.register_endpoint("/x", handler=handler)


def test_one_parameter_with_a_default_is_the_request() -> None:
    assert takes_argument(lambda request=None: request)
    assert not takes_argument(lambda: None)


def test_a_status_without_a_phrase_has_a_title() -> None:
    assert (title_of(404), title_of(299)) == ("Not Found", "Error")
    assert str(Problem(404, "no such node")) == "404 no such node"
