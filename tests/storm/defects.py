"""Bugs planted in the product, one or more an invariant: what a storm is worth is what it finds of them.

Each is a small change (`plants`), put in by monkeypatch, so that only tests can reach it, and names the invariants of
which one must break. `python -m tests.storm.hunt` looks for each from seed 1 on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.storm import plants, plants_beside, plants_door

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True)
class Defect:
    """`needs`: a key (or key=value) that a scenario must have set to be worth a run, "" for none."""

    name: str
    invariants: tuple[str, ...]
    plant: Callable[[Patch], None]
    needs: str = ""

    def may_show(self, overrides: dict[str, Any]) -> bool:
        """Whether a scenario with these settings reaches the defect at all."""
        key, _, value = self.needs.partition("=")
        return not key or (key in overrides and value in ("", str(overrides[key])))


EJECTS, BREAKS, SCALES = "health.ejection.enabled", "breaker.enabled", "autoscaler.kind"
PLUGGED = "plugins.enabled"
FAILS_OVER, GATED, ONCE = "failover.enabled", "gateway.enabled", "retry.non_idempotent_ratio"

DEFECTS = (
    Defect("a fence is not passed on", ("M1",), plants.fence_forgotten, FAILS_OVER),
    Defect("a moved agent keeps its epoch", ("M1",), plants.epoch_stays, FAILS_OVER),
    Defect("an agent that waits counts as ready too", ("M2",), plants.stopped_counts_twice, FAILS_OVER),
    Defect("an end counts twice", ("M3",), plants.end_counts_twice),
    Defect("who lost the race answers too", ("M4",), plants.losers_answer_too, "hedge.after_s"),
    Defect("what must not run twice is retried", ("M4",), plants.what_must_not_run_twice_does, ONCE),
    Defect("orphans take no place", ("M5",), plants.orphans_take_no_place, FAILS_OVER),
    Defect("an ejection is not heard", ("M6",), plants.ejection_is_not_heard, EJECTS),
    Defect("a draining node is sent requests", ("M6",), plants.draining_is_online),
    Defect("an open breaker lets requests through", ("M6",), plants.open_breaker_lets_through, BREAKS),
    Defect("a timeout is ten times as long", ("M7",), plants.timeout_is_tenfold, "health.node_timeout_s"),
    Defect("the autoscaler forgets its bounds", ("M8",), plants.bounds_are_forgotten, SCALES),
    Defect("the autoscaler forgets its steps", ("M8",), plants.steps_are_forgotten, SCALES),
    Defect("the stabilization window is forgotten", ("M9",), plants.window_is_forgotten, "autoscaler.kind=hpa"),
    Defect("who leaves does not say so", ("M11", "M16"), plants.leaving_is_not_told),
    Defect("draining nodes take agents", ("M11",), plants.drains_take_agents, FAILS_OVER),
    Defect("a state is given up while others hold it", ("M12",), plants.lost_at_once, FAILS_OVER),
    Defect("a version is given twice", ("M12",), plants.versions_stay, FAILS_OVER),
    Defect("copies are not made again", ("L3",), plants.copies_are_not_made, FAILS_OVER),
    Defect("the budget has no end", ("M14",), plants.budget_is_endless, "retry.budget_ratio"),
    Defect("a deadline comes late", ("M14",), plants.deadline_is_late, "deadline_s"),
    Defect("a confirmed stop is not journaled", ("M15",), plants.orphans_are_not_journaled, FAILS_OVER),
    Defect("a fenced slot keeps its counts", ("M16",), plants.fenced_counts_stay, FAILS_OVER),
    Defect("the cap on ejections is forgotten", ("M17",), plants.cap_is_forgotten, EJECTS),
    Defect("trials of a breaker are not counted", ("M17",), plants.trials_are_not_counted, BREAKS),
    Defect("a fence says no reason", ("T1",), plants.fences_say_nothing, FAILS_OVER),
    Defect("nobody comes back", ("L1",), plants.nobody_comes_back, "health.detector"),
    Defect("waiting agents are never placed", ("L2",), plants.waiting_agents_stay, FAILS_OVER),
    Defect("orphans are never stopped", ("L2",), plants.orphans_stay, FAILS_OVER),
    Defect("waiting requests are never sent on", ("L4",), plants.waiting_requests_stay),
    Defect("a timeout does nothing", ("L4",), plants.timeouts_are_forgotten, "retry.attempt_timeout_s"),
    Defect("agents of a machine stay dead", ("L4", "L5"), plants.agents_stay_dead),
    Defect("who would wait is refused", ("L5",), plants.lines_are_left),
    Defect("unknown keys are good", ("G1",), plants_door.unknown_keys_are_good, GATED),
    Defect("nothing is charged", ("G2",), plants_door.nothing_is_charged, GATED),
    Defect("a key is logged", ("G4",), plants_door.a_key_is_logged, GATED),
    Defect("a plugin may take as long as it likes", ("P1",), plants_beside.latencies_have_no_bound, PLUGGED),
    Defect("some requests pass no hook", ("P5",), plants_beside.some_requests_are_not_asked_about, PLUGGED),
    Defect("a setting leaves its box", ("O1",), plants_beside.settings_leave_their_box, "optimizer.enabled"),
    Defect("a sweep raises", ("X1",), plants.a_sweep_raises, EJECTS),
)  # fmt: skip
