"""The eligible set: what the next membership hears, panic, and random histories against a naive model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scalability.health.rig import Stage


def test_causes_are_kept_apart_and_the_last_one_lifted_lets_the_node_in() -> None:
    stage = Stage(2)
    eligible = stage.eligible
    eligible.exclude("n0", "ejection", "bad answers")
    eligible.exclude("n0", "breaker", "open")
    eligible.exclude("n0", "breaker", "its trials are out")
    assert eligible.excluded("n0") == {"ejection": "bad answers", "breaker": "its trials are out"}
    eligible.include("n0", "ejection")
    eligible.include("n0", "ejection")
    assert stage.used() == ["n1"]
    eligible.include("n0", "breaker")
    assert stage.used() == ["n0", "n1"]
    assert stage.heard.calls == [("n0", False, True), ("n0", True, False)]
    assert eligible.excluded("n0") == {}


def test_what_the_manager_says_comes_first() -> None:
    stage = Stage(1)
    stage.eligible.exclude("n0", "ejection", "bad answers")
    stage.eligible.set_eligible("n0", False)
    stage.eligible.include("n0", "ejection")
    assert stage.used() == []
    stage.eligible.exclude("n0", "ejection", "bad answers")
    stage.eligible.set_eligible("n0", True)
    assert stage.used() == []
    assert stage.eligible.in_service("n0")


def test_agents_and_fences_pass_through() -> None:
    stage = Stage(1)
    stage.eligible.agents_changed("n0", "chat", 3)
    stage.eligible.fence("n0")
    assert stage.heard.ready == {("n0", "chat"): 3}
    assert stage.heard.fenced == ["n0"]


def test_who_left_is_told_and_forgotten() -> None:
    stage = Stage(1)
    left: list[str] = []
    stage.eligible.left_listeners.append(left.append)
    stage.eligible.exclude("n0", "breaker", "open")
    stage.eligible.node_left("n0")
    stage.eligible.exclude("n0", "breaker", "late")
    stage.eligible.include("n0", "breaker")
    assert left == ["n0"]
    assert not stage.eligible.in_service("n0")
    stage.eligible.node_joined("n0", 1.0)
    assert stage.used() == ["n0"]
    assert stage.eligible.birth("n0") == 1
    assert (stage.eligible.in_service_count, stage.eligible.healthy_count) == (1, 1)


def test_a_panic_uses_all_in_service_and_nobody_else() -> None:
    stage = Stage(6, panic_ratio=0.5)
    eligible = stage.eligible
    eligible.set_eligible("n5", False)  # drains
    eligible.set_eligible("n0", False, silent=True)
    eligible.exclude("n1", "ejection", "bad answers")
    assert stage.used() == ["n2", "n3", "n4"]  # 3 of 5: no panic
    stage.pass_time(10.0)
    eligible.set_eligible("n2", False, silent=True)
    assert stage.used() == ["n0", "n1", "n2", "n3", "n4"]
    assert [name for name, silent in stage.heard.silent.items() if silent] == ["n0", "n1", "n2"]
    stage.pass_time(20.0)
    eligible.include("n1", "ejection")
    assert stage.used() == ["n1", "n3", "n4"]
    assert stage.events() == [
        (10.0, "panic_began", "fleet", "2 of 5 nodes in service are healthy, panic_ratio=0.5"),
        (20.0, "panic_ended", "fleet", "3 of 5 nodes in service are healthy, panic_ratio=0.5"),
    ]


def test_a_panic_begins_and_ends_by_joins_and_leaves_too() -> None:
    stage = Stage(2, panic_ratio=0.5)
    stage.eligible.exclude("n0", "ejection", "bad answers")
    assert not stage.eligible.panic  # half is not below half
    stage.eligible.node_left("n1")
    assert stage.eligible.panic
    assert stage.used() == ["n0"]
    stage.eligible.node_joined("n2", 1.0)
    assert not stage.eligible.panic
    assert stage.used() == ["n2"]


@pytest.mark.parametrize("panic_ratio", [0.0, 1.0])
def test_the_ends_of_the_panic_ratio(panic_ratio: float) -> None:
    stage = Stage(2, panic_ratio=panic_ratio)
    for node in range(2):
        stage.eligible.exclude(f"n{node}", "ejection", "bad answers")
    assert stage.used() == (["n0", "n1"] if panic_ratio else [])


class Naive:
    """The same by looking at everybody after every step."""

    def __init__(self, panic_ratio: float) -> None:
        self.panic_ratio = panic_ratio
        self.said: dict[str, tuple[bool, bool]] = {}
        self.against: dict[str, set[str]] = {}

    def used(self) -> dict[str, bool]:
        in_service = [node for node, (eligible, silent) in self.said.items() if eligible or silent]
        healthy = [node for node in in_service if self.said[node][0] and not self.against[node]]
        chosen = in_service if len(healthy) < self.panic_ratio * len(in_service) else healthy
        return {node: node in chosen for node in self.said}


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "up", "down", "silent", "exclude", "include"]),
        st.integers(0, 5),
        st.sampled_from(["ejection", "breaker"]),
    ),
    max_size=60,
)


@given(STEPS, st.sampled_from([0.0, 0.3, 0.5, 1.0]))
def test_random_histories_agree_with_the_naive_model(steps: list[tuple[str, int, str]], panic_ratio: float) -> None:
    stage, naive = Stage(panic_ratio=panic_ratio), Naive(panic_ratio)
    eligible = stage.eligible
    flips = 0
    for what, number, cause in steps:
        node: Any = f"n{number}"
        if (what == "join") == (node in naive.said):
            continue
        match what:
            case "join":
                naive.said[node], naive.against[node] = (True, False), set()
                eligible.node_joined(node, 1.0)
            case "leave":
                del naive.said[node], naive.against[node]
                eligible.node_left(node)
            case "up" | "down" | "silent":
                naive.said[node] = (what == "up", what == "silent")
                eligible.set_eligible(node, what == "up", what == "silent")
            case "exclude":
                naive.against[node].add(cause)
                eligible.exclude(node, cause, "tried")
            case "include":
                naive.against[node].discard(cause)
                eligible.include(node, cause)
        assert stage.heard.usable == naive.used()
        kinds = [kind for _, kind, _, _ in stage.events()]
        flips = len(kinds)
        assert kinds == ["panic_began" if number % 2 == 0 else "panic_ended" for number in range(flips)]
        assert eligible.panic == (flips % 2 == 1)
