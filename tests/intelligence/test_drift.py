"""The alarm's delay and its false alarms, counted."""

from __future__ import annotations

import numpy as np

from sim.intelligence.drift import CLIP, Cusum
from tests.intelligence.rig import normals


def test_false_alarms_are_at_most_one_in_two_hundred_windows() -> None:
    watch, windows = Cusum(), 0
    for run in range(40):
        for value in normals(run, 500):
            windows += 1
            if watch.add(value):
                watch.reset()
    assert windows == 20_000
    assert 0 < watch.alarms_count <= windows / 200


def test_a_shift_of_two_sd_is_found_within_five_windows_on_average() -> None:
    delays = []
    for run in range(300):
        for sign in (1.0, -1.0):
            watch = Cusum()
            for delay, value in enumerate(normals(run, 60), start=1):
                if watch.add(value + 2.0 * sign):
                    delays.append(delay)
                    break
    assert len(delays) == 600
    assert np.mean(delays) <= 5.0


def test_it_knows_about_when_the_change_began() -> None:
    off = []
    for run in range(200):
        watch = Cusum()
        for number, value in enumerate(normals(run, 80)):
            shifted = value + (2.0 if number >= 20 else 0.0)
            if watch.add(shifted):
                if number >= 20:
                    off.append(number + 1 - watch.since - 20)
                break
    assert len(off) > 180
    assert abs(float(np.median(off))) <= 1.0


def test_one_wild_residual_is_no_change() -> None:
    watch = Cusum()
    assert not watch.add(1e9)
    assert watch.since == 1
    assert watch.threshold > CLIP
