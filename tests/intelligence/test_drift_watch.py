"""Which windows count for which chart, when they alarm, and since when the world is said to be another."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sim.intelligence.drift import CLIP
from sim.intelligence.rows import ContextScale
from sim.intelligence.watch import JUMP_SLACK, JUMP_SURE_RATIO, JUMP_THRESHOLD, QUIET_WINDOWS, SURE_RATIO, DriftWatch
from tests.intelligence.rig import SPACE, START, normals, window

SURE, HALF_SURE, UNSURE = 0.9 * SURE_RATIO, 0.9 * JUMP_SURE_RATIO, 1.1 * JUMP_SURE_RATIO
assert SURE_RATIO < HALF_SURE < 1.0 < UNSURE
PLAIN = 6.5  # threshold of the chart for small changes


def believing(variance: float) -> Any:
    """Beliefs of 0 with this variance, where a window's own is 1."""
    surrogate = SimpleNamespace(
        predict=lambda x, z: (np.zeros(len(x)), np.full(len(x), variance**0.5)),
        observed_sd=lambda sd, noise: np.sqrt(sd**2 + 1.0),
    )
    scale = ContextScale.of([])
    return SimpleNamespace(
        rows_count=100, target="utility", space=SPACE, scale=scale, surrogate=surrogate, typical_noise=1.0
    )


def alarm_at(watch: DriftWatch, residuals: list[float], variance: float) -> int | None:
    """The number of residuals, in sd of what was expected, until `target` is said to have changed."""
    total = (1.0 + variance) ** 0.5
    for number, residual in enumerate(residuals, start=1):
        if watch.see(believing(variance), window(START, residual * total, n=10_000)):
            return number
    return None


@pytest.mark.parametrize(("variance", "expected"), [(SURE, 2), (HALF_SURE, 2), (UNSURE, None)])
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_two_windows_far_off_are_a_change_where_the_belief_is_as_sure_as_one(
    variance: float, expected: int | None, side: float
) -> None:
    watch = DriftWatch(threshold=PLAIN)
    quiet = [0.1, -0.1] * 15
    assert alarm_at(watch, quiet, SURE) is None
    assert alarm_at(watch, [12.0 * side] * 6, variance) == expected
    assert CLIP - JUMP_SLACK <= JUMP_THRESHOLD < 2.0 * (CLIP - JUMP_SLACK)  # one alone is none
    if expected is not None:
        assert watch.since("target") == expected


def test_one_window_far_off_is_ignorance_where_the_belief_is_not_sure() -> None:
    watch = DriftWatch(threshold=PLAIN)
    assert alarm_at(watch, [-12.0, 0.0, 0.0, -12.0, 0.0, 0.0] * 10, HALF_SURE) is None
    assert not watch.is_surprised


def test_a_small_change_is_found_where_the_belief_is_sure_and_dated() -> None:
    dated = []
    for run in range(40):
        watch = DriftWatch(threshold=PLAIN)
        luck = normals(run, 60)
        assert alarm_at(watch, luck[:20], SURE) is None
        after = alarm_at(watch, [value - 1.5 for value in luck[20:]], SURE)
        assert after is not None
        dated.append(watch.since("target") - after)
        assert alarm_at(watch, [-9.0] * (QUIET_WINDOWS - 1), SURE) is None  # the beliefs find their feet
    assert abs(float(np.median(dated))) <= 1.0


def test_chance_alone_alarms_less_than_once_in_two_hundred_windows() -> None:
    alarms = 0
    for run in range(40):
        watch = DriftWatch(threshold=PLAIN)
        for value in normals(run, 250):
            if alarm_at(watch, [value], SURE):
                watch.since("target")
                alarms += 1
    assert alarms <= 40 * 250 / 200


def test_a_surprise_asks_for_a_known_setting_where_the_belief_is_sure() -> None:
    watch = DriftWatch(threshold=PLAIN)
    alarm_at(watch, [-3.0], SURE)
    assert watch.is_surprised
    alarm_at(watch, [-2.0], SURE)
    assert not watch.is_surprised
    alarm_at(watch, [-3.0], HALF_SURE)
    assert not watch.is_surprised
