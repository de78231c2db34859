"""The plugin protocol's own facts: what is plain, that answers are closed and frozen, which hooks are asked at once."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import msgspec
import pytest

from sim.integration.plugins.protocol import HOOKS, Bound, Mode, Rejection, ReplayDiffers, Routing, plain

AT_ONCE = {"before_request", "after_response", "before_route", "scaling_decided"}
ANSWERS = {"before_request": Rejection, "before_route": Routing, "scaling_decided": Bound,
           "optimization_proposed": Rejection}  # fmt: skip


@pytest.mark.parametrize("value", [None, True, 0, "", 0.5, [], {}, [1, [2.0, None]], {"a": {"b": [False]}}, (1, [2])])
def test_what_json_holds_is_plain(value: Any) -> None:
    assert plain(value) is True


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, b"", object(), {1: 2}, {"a": object()}, [math.nan], {"a": {2: 1}}]
)
def test_what_json_does_not_hold_is_not(value: Any) -> None:
    assert plain(value) is False


def nested(levels: int, leaf: Any) -> Any:
    for level in range(levels):
        leaf = [leaf] if level % 2 else {"a": leaf}
    return leaf


def test_plain_data_is_eight_levels_deep_at_most() -> None:
    assert plain(nested(7, []))
    assert not plain(nested(8, []))
    assert plain(nested(2, 1), depth_max=2)
    assert not plain(nested(3, 1), depth_max=2)
    assert plain([], depth_max=0) is False


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (Rejection("no"), b'{"reject": "no", "more": 1}'),
        (Routing(), b'{"veto": [], "more": 1}'),
        (Bound(3), b'{"desired": 3, "more": 1}'),
    ],
)
def test_answers_are_frozen_and_know_their_fields(made: msgspec.Struct, text: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `more`"):
        msgspec.json.decode(text, type=type(made))
    with pytest.raises(AttributeError, match="immutable"):
        setattr(made, made.__struct_fields__[0], None)


def test_every_hook_says_how_it_is_asked() -> None:
    assert {name for name, spec in HOOKS.items() if spec.at_once} == AT_ONCE
    assert {name: spec.answer for name, spec in HOOKS.items() if spec.answer is not None} == ANSWERS
    assert {name for name, spec in HOOKS.items() if spec.mode is Mode.NOTIFY} == HOOKS.keys() - ANSWERS.keys()
    assert all(name == spec.name for name, spec in HOOKS.items())
    with pytest.raises(FrozenInstanceError):
        HOOKS["startup"].at_once = True  # type: ignore[misc]
    assert not hasattr(HOOKS["startup"], "__dict__")


def test_a_replay_that_differs_tells_both() -> None:
    error = ReplayDiffers("a.b", 3, "before_route", "startup")
    assert (error.plugin, error.number, error.was, error.told) == ("a.b", 3, "before_route", "startup")
    assert str(error) == "call 3 of a.b: startup now, before_route in the journal"
    assert error.args == ("a.b", 3, "before_route", "startup")
