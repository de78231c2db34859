"""What the settings keep out is not judged, and a defect that looks the same is. Seeds: those of the storms named."""

from __future__ import annotations

from typing import Any

import pytest

from sim.bench.storm.draw import draw_scenario
from sim.bench.storm.run import run_storm
from sim.scalability.health.breaker import Breaker
from tests.storm import plants

KEPT_OUT = "a fleet that its settings keep out"
ALWAYS_OUT = 1106951  # one node of one agent: attempts time out after 30 s, most take longer; open for 720 s each time
LATE_WORD = 1116462  # found within 1.344 s; a heartbeat comes 0.4 s after its machine was paused


def test_a_breaker_that_is_stuck_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """After it went round 200 times it stays open."""
    later, openings = Breaker._half_open_later, [0]

    async def stuck(self: Any, row: int, life: int) -> None:
        openings[0] += row == 0
        if row or openings[0] < 200:
            await later(self, row, life)

    monkeypatch.setattr(Breaker, "_half_open_later", stuck)
    outcome = run_storm(draw_scenario(ALWAYS_OUT))
    assert [one.invariant for one in outcome.violations] == ["L4"]
    assert KEPT_OUT not in outcome.findings.probes


def test_a_late_word_hides_no_late_detection(monkeypatch: pytest.MonkeyPatch) -> None:
    plants.timeout_is_tenfold(monkeypatch)
    told = [one for one in run_storm(draw_scenario(LATE_WORD)).violations if one.invariant == "M7"]
    assert {one.subject for one in told} >= {"node-0", "node-1"}
