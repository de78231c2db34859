"""Nonsense is rejected and counted by reason, whatever bytes come."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.intelligence.intake import REASONS, SHIFT_AFTER, Intake
from tests.intelligence.rig import START, draws, sample_of

NOW = 1_000_000.0
GOOD = sample_of(0, START, draws(), NOW)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"response_time": math.nan}, "not_finite"),
        ({"response_time": math.inf}, "not_finite"),
        ({"response_time": -1.0}, "negative"),
        ({"success_rate": 1.01}, "out_of_range"),
        ({"interaction_count": 0}, "out_of_range"),
        ({"timestamp": NOW + 61.0}, "future"),
        ({"timestamp": NOW - 86_401.0}, "stale"),
        ({"agent_id": ""}, "malformed"),
        ({"model_parameters": {"temperature": "hot"}}, "malformed"),
        ({"model_parameters": {"temperature": math.nan}}, "not_finite"),
        ({"variances": {"response_time": -1.0}}, "negative"),
    ],
)
def test_each_reason(changes: dict[str, Any], reason: str) -> None:
    intake = Intake()
    assert intake.check(replace(GOOD, **changes), NOW) == reason
    assert intake.rejected == {**dict.fromkeys(REASONS, 0), reason: 1}


def test_sending_again_changes_nothing() -> None:
    intake = Intake()
    assert intake.check(GOOD, NOW) == ""
    assert intake.check(GOOD, NOW) == "duplicate"
    assert intake.check(replace(GOOD, timestamp=NOW - 1.0), NOW) == "duplicate"
    assert intake.check(replace(GOOD, timestamp=NOW + 1.0), NOW) == ""


def test_agents_are_bounded() -> None:
    intake = Intake(agents_max=2)
    found = [intake.check(replace(GOOD, agent_id=f"agent-{number}"), NOW) for number in range(3)]
    assert found == ["", "", "agents_max"]


def test_a_wild_sample_stays_out_but_a_new_level_gets_in() -> None:
    intake = Intake()
    for number in range(20):
        assert intake.check(replace(GOOD, timestamp=NOW + number), NOW + 20.0) == ""
    wild = [replace(GOOD, timestamp=NOW + 20.0 + number, response_time=500.0) for number in range(SHIFT_AFTER)]
    assert [intake.check(sample, NOW + 30.0) for sample in wild] == ["outlier"] * (SHIFT_AFTER - 1) + [""]


ANYTHING = st.one_of(st.floats(), st.integers(), st.text(max_size=3), st.none(), st.booleans())


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    value=ANYTHING, name=st.sampled_from(["response_time", "error_rate", "timestamp", "interaction_count", "agent_id"])
)
def test_anything_is_taken_or_counted(value: Any, name: str) -> None:
    intake = Intake()
    reason = intake.check(replace(GOOD, **{name: value}), NOW)
    assert reason in ("", *REASONS)
    assert sum(intake.rejected.values()) == (reason != "")
    if not reason:
        kept = replace(GOOD, **{name: value})
        assert math.isfinite(kept.response_time)
        assert 0.0 <= kept.error_rate <= 1.0
