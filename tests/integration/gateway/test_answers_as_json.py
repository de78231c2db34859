"""Answers' JSON: as the standard library's encoder writes it, over one encoder that is kept between answers."""

import json
from typing import Any

import pytest

from sim.integration.gateway.exchange import Response, _encoder, as_json
from sim.integration.gateway.kinds import APIVersion, Principal

PLAIN: list[Any] = [
    {}, [], "", "Zürich \u2028\ud83d\ude00\"\\\n\x00", 0, -1.5, 1e300, 10**30, True, None,
    {"a": [1, {"b": (2, "c")}], 3: None, True: 1.0, None: "x"}, [[[[]]]], {"nested": {"deep": [{}] * 50}},
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=range(len(PLAIN)))
def test_plain_values_are_written_as_by_the_standard_library(value: Any) -> None:
    assert as_json(value) == json.dumps(value, separators=(",", ":")).encode()


def test_ours_are_taken_apart() -> None:
    assert as_json({"at": APIVersion.V1, "some": frozenset({2, 1})}) == b'{"at":"v1","some":[1,2]}'
    told = json.loads(as_json(Principal("id", "me", ("read",))))
    assert told == {"key_id": "id", "name": "me", "scopes": ["read"], "covered": ["read"]}


@pytest.mark.parametrize("value", [float("nan"), {"x": float("inf")}, [-float("inf")]])
def test_what_json_has_no_number_for_is_no_answer(value: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json(value)


def test_a_value_that_cannot_be_written_leaves_nothing_behind() -> None:
    ring: list[Any] = []
    ring.append(ring)
    for _ in range(3):
        with pytest.raises(RecursionError):
            as_json(ring)
        with pytest.raises(TypeError, match="object is nothing that JSON can hold"):
            as_json({"a": object()})
    ring.clear()
    assert as_json([ring, ring]) == b"[[],[]]"
    assert Response.of({"a": ring}).body == b'{"a":[]}'


def test_an_interpreter_without_the_c_encoder_writes_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    slow = _encoder()
    for value in PLAIN:
        assert "".join(slow(value, 0)).encode() == as_json(value)
