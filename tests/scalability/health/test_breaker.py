"""The circuit breaker's three states, its bounded trials, late answers, and the hub that tells it and ejection."""

from __future__ import annotations

import pytest

from sim.scalability.health.breaker import Breaker
from sim.scalability.health.ejection import Ejection
from sim.scalability.health.outcomes import BREAKER, FAILED, hub_dropped, hub_failed, hub_ok, hub_sent, make_hub
from sim.scalability.health.params import BreakerParams, EjectionParams
from tests.scalability.health.rig import DRAWS, Stage


def made(**keys: object) -> tuple[Stage, Breaker]:
    """A breaker over n0 and n1, a slot each; 3 failures, 10 s, then 2 trials at once and 3 successes."""
    stage = Stage(2)
    settings = {"failures_max": 3, "open_s": 10.0, "trials_max": 2, "successes_min": 3, **keys}
    params = BreakerParams(enabled=True, **settings)  # type: ignore[arg-type]
    breaker = Breaker(params, 8, stage.eligible, stage.runtime, stage.log)
    for node in range(2):
        breaker.slot_added(node, f"n{node}", "agent")
    return stage, breaker


def trip(breaker: Breaker, slot: int = 0, now: float = 0.0) -> None:
    for _ in range(breaker.params.failures_max):
        breaker.failed(slot, now)


def half_open(**keys: object) -> tuple[Stage, Breaker]:
    """At 10 s, when it has just begun to try."""
    stage, breaker = made(**keys)
    trip(breaker)
    stage.pass_time(10.5)
    assert breaker.state("n0") == "half_open"
    assert stage.used() == ["n0", "n1"]
    return stage, breaker


def test_it_opens_after_failures_in_a_row_and_excludes_the_node() -> None:
    stage, breaker = made()
    breaker.failed(0, 0.0)
    breaker.failed(0, 0.0)
    breaker.ok(0, 0.0)
    breaker.failed(0, 0.0)
    breaker.failed(0, 0.0)
    assert breaker.state("n0") == "closed"
    breaker.failed(0, 0.0)
    assert breaker.state("n0") == "open"
    assert stage.used() == ["n1"]
    assert stage.eligible.excluded("n0") == {"breaker": "3 failures in a row (failures_max)"}
    trip(breaker)  # what it had before: it does not open twice
    breaker.ok(0, 0.0)
    stage.pass_time(9.9)
    assert breaker.state("n0") == "open"
    assert stage.events() == [(0.0, "breaker_opened", "n0", "3 failures in a row (failures_max)")]


def test_half_open_lets_trials_max_out_at_once_and_closes_after_successes() -> None:
    stage, breaker = half_open()
    breaker.sent(0, 10.5)
    assert "n0" in stage.used()
    breaker.sent(0, 10.5)
    assert stage.used() == ["n1"]
    breaker.ok(0, 11.0)
    assert "n0" in stage.used()  # one is back: room for another trial
    breaker.sent(0, 11.0)
    assert stage.used() == ["n1"]
    breaker.ok(0, 11.5)
    breaker.ok(0, 12.0)
    assert breaker.state("n0") == "closed"
    assert stage.used() == ["n0", "n1"]
    assert stage.events() == [
        (0.0, "breaker_opened", "n0", "3 failures in a row (failures_max)"),
        (10.0, "breaker_half_open", "n0", "open for 10 s (open_s)"),
        (12.0, "breaker_closed", "n0", "3 trials succeeded (successes_min)"),
    ]


def test_a_failed_trial_opens_it_for_another_full_time() -> None:
    stage, breaker = half_open()
    breaker.sent(0, 12.0)
    breaker.failed(0, 12.0)
    assert breaker.state("n0") == "open"
    assert stage.events()[-1] == (stage.events()[-1][0], "breaker_opened", "n0", "a trial failed")
    stage.pass_time(20.4)
    assert breaker.state("n0") == "open"
    stage.pass_time(23.0)
    assert breaker.state("n0") == "half_open"


def test_answers_without_a_trial_out_say_nothing() -> None:
    _, breaker = half_open()
    for _ in range(5):
        breaker.ok(0, 10.5)
        breaker.failed(0, 10.5)
    assert breaker.state("n0") == "half_open"


def test_a_dropped_trial_makes_room_and_proves_nothing() -> None:
    stage, breaker = half_open(trials_max=1, successes_min=1)
    breaker.sent(0, 10.5)
    assert stage.used() == ["n1"]
    breaker.dropped(0, 11.0)
    assert stage.used() == ["n0", "n1"]
    assert breaker.state("n0") == "half_open"
    breaker.sent(0, 11.0)
    breaker.ok(0, 11.5)
    assert breaker.state("n0") == "closed"
    breaker.sent(0, 12.0)
    breaker.dropped(0, 12.0)


def test_more_trials_than_allowed_close_the_door_until_all_but_few_are_back() -> None:
    """Storm 2053: a panic had sent three; the first that came back opened the door for good."""
    stage, breaker = half_open(trials_max=1, successes_min=9)
    for _ in range(3):
        breaker.sent(0, 10.5)
    assert stage.used() == ["n1"]
    breaker.ok(0, 11.0)
    breaker.dropped(0, 11.0)
    assert stage.used() == ["n1"]
    breaker.ok(0, 11.5)
    assert stage.used() == ["n0", "n1"]
    breaker.sent(0, 12.0)
    assert stage.used() == ["n1"]


def test_who_left_is_forgotten() -> None:
    stage, breaker = made()
    trip(breaker)
    stage.eligible.node_left("n0")
    with pytest.raises(KeyError):
        breaker.state("n0")
    trip(breaker)
    stage.eligible.node_joined("n2", 1.0)
    breaker.slot_added(0, "n2", "agent")
    stage.pass_time(20.0)
    assert breaker.state("n2") == "closed"
    assert len(stage.events()) == 1
    stage.eligible.node_joined("no-slot", 1.0)
    stage.eligible.node_left("no-slot")


def test_the_hub_of_one_listener_counts_for_it_alone() -> None:
    stage, breaker = made()
    ejection = Ejection(EjectionParams(), 8, stage.eligible, stage.runtime, stage.log, DRAWS)
    assert make_hub(None, None) is None
    alone = make_hub(ejection, None)
    assert alone is not None
    assert alone.sent is alone.dropped is None
    alone.slot_added(0, "n0", "agent")
    for told in (alone.failed, alone.failed, alone.ok, alone.failed):
        told(0, 0.0)
    assert [column[0] for column in (ejection.state.oks, ejection.state.fails, ejection.state.streak)] == [1, 3, 1]
    assert [hub_sent(alone.state, 0, 0.0), hub_dropped(alone.state, 0, 0.0)] == [0, 0]
    other = make_hub(None, breaker)
    assert other is not None
    assert None not in (other.sent, other.dropped)
    assert [hub_failed(other.state, 0, 0.0) for _ in range(3)] == [0, 0, BREAKER]
    other.act(FAILED, 0, 0.0, BREAKER)
    assert breaker.state("n0") == "open"
    assert hub_failed(other.state, 0, 1.0) == hub_ok(other.state, 0, 1.0) == hub_sent(other.state, 0, 1.0) == 0


def test_the_hub_tells_both_and_their_causes_add_up() -> None:
    stage, breaker = made(failures_max=5)
    ejection = Ejection(EjectionParams(failures_max=5), 8, stage.eligible, stage.runtime, stage.log, DRAWS)
    hub = make_hub(ejection, breaker)
    assert hub is not None
    for node in range(2):
        hub.slot_added(node, f"n{node}", "agent")
    hub.failed(0, 0.0)
    hub.ok(0, 0.0)
    for _ in range(5):
        hub.failed(0, 0.0)
    assert sorted(stage.eligible.excluded("n0")) == ["breaker", "ejection"]
    assert [kind for _, kind, _, _ in stage.events()] == ["node_ejected", "breaker_opened"]
    ejection.check_passed("n0", 0.0)
    assert stage.used() == ["n1"]
