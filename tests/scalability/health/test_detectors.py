"""Each detector by hand: what it takes for dead, when, why, and what brings a node back."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from random import Random

import pytest

from sim.errors import ConfigError
from sim.registry import lookup, names
from sim.scalability.health.detector import Detector, Verdict
from sim.scalability.health.detectors.phi_accrual import phi_of
from sim.scalability.health.params import HealthParams
from sim.scalability.health.watch import make_watch
from tests.scalability.health.rig import DRAWS

KINDS = names("detector")


def made(kind: str, **keys: object) -> Detector:
    """A detector that watches node n since 0."""
    detector: Detector = lookup("detector", kind)(HealthParams(detector=kind, **keys))  # type: ignore[arg-type]
    detector.joined("n", 0.0)
    return detector


def test_the_detectors_are_these() -> None:
    assert KINDS == ["consecutive_failures", "heartbeat_timeout", "none", "phi_accrual", "success_rate"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_node_is_up_at_first_and_forgotten_when_it_left(kind: str) -> None:
    detector = made(kind)
    assert not detector.verdict("n", 0.0).down
    for check in range(10):
        detector.checked("n", check * 10.0, False)
    was_down = detector.verdict("n", 1e6).down
    assert was_down == (kind != "none")
    detector.left("n")
    detector.left("n")
    detector.joined("n", 1e6)
    detector.heartbeat("n", 1e6 + 1.0)
    assert not detector.verdict("n", 1e6 + 1.0).down


def test_none_never_suspects() -> None:
    assert made("none").verdict("n", 1e9) == Verdict(False, "not watched")


def test_heartbeat_timeout_is_longer_than_and_the_next_heartbeat_counts() -> None:
    detector = made("heartbeat_timeout", node_timeout_s=60.0)
    detector.heartbeat("n", 30.0)
    assert detector.verdict("n", 90.0) == Verdict(False, "heard 60 s ago")
    assert detector.verdict("n", 90.5) == Verdict(True, "silent for 60.5 s, over node_timeout_s=60")
    detector.heartbeat("n", 100.0)
    assert not detector.verdict("n", 100.0).down


def test_fall_takes_misses_in_a_row_and_rise_passes_in_a_row() -> None:
    detector = made("consecutive_failures", misses_max=3, rises_min=2)
    told = []
    for passed in (False, False, True, False, False, False, True, False, True, True, False):
        detector.checked("n", 0.0, passed)
        told.append(detector.verdict("n", 0.0).down)
    assert told == [False] * 5 + [True] * 4 + [False] * 2
    for _ in range(2):
        detector.checked("n", 0.0, False)
    assert detector.verdict("n", 0.0) == Verdict(True, "3 checks failed in a row (misses_max)")
    for _ in range(2):
        detector.checked("n", 0.0, True)
    assert detector.verdict("n", 0.0) == Verdict(False, "2 checks passed in a row (rises_min)")


def test_success_rate_counts_over_its_window_and_begins_anew_when_up() -> None:
    detector = made("success_rate", success_window=5, success_min_ratio=0.6, rises_min=2)
    told = []
    for passed in (False, True, False, True, True, False, False, True, False, True, True):
        detector.checked("n", 0.0, passed)
        told.append(detector.verdict("n", 0.0).down)
    # failed of the last 5: 1 1 2 2 2 2 3 -> down at the 7th, up again by the last two
    assert told == [False] * 6 + [True] * 4 + [False]
    for _ in range(2):
        detector.checked("n", 0.0, False)
    assert not detector.verdict("n", 0.0).down  # 2 of 5: what failed before the outage ended is forgotten
    detector.checked("n", 0.0, False)
    assert detector.verdict("n", 0.0).reason == "2 of the last 5 checks passed, below success_min_ratio=0.6"


def test_phi_is_the_tail_of_the_normal_law() -> None:
    normal = statistics.NormalDist(10.0, 2.0)
    for silence_s in (4.0, 10.0, 13.0, 18.0):
        assert phi_of(silence_s, 10.0, 2.0) == pytest.approx(-math.log10(1.0 - normal.cdf(silence_s)), rel=1e-9)
    assert phi_of(10.0, 10.0, 2.0) == pytest.approx(math.log10(2.0))
    assert phi_of(1e6, 10.0, 2.0) == math.inf


def test_phi_accrual_learns_the_distance_of_heartbeats() -> None:
    """After heartbeats 9 and 11 s apart in turn: mean 10 s, stdev 1 s; phi 8 lies 5.612 deviations above the mean."""
    detector = made("phi_accrual", phi_samples_max=20, phi_threshold=8.0, heartbeat_s=10.0)
    at = 0.0
    for number in range(40):
        at += 9.0 if number % 2 else 11.0
        detector.heartbeat("n", at)
    bound_s = 10.0 + statistics.NormalDist().inv_cdf(1.0 - 1e-8)
    assert not detector.verdict("n", at + bound_s - 1e-6).down
    verdict = detector.verdict("n", at + bound_s + 1e-6)
    assert verdict == Verdict(True, "phi=8 after 15.612 s, phi_threshold=8")


def test_phi_accrual_has_a_least_deviation_and_an_expectation_before_it_has_samples() -> None:
    detector = made("phi_accrual", heartbeat_s=4.0, phi_stdev_min_s=0.1)
    bound_s = 4.0 + 5.6120 * 1.0  # samples of 3 and 5 s
    assert not detector.verdict("n", bound_s - 0.001).down
    assert detector.verdict("n", bound_s + 0.001).down
    regular = made("phi_accrual", heartbeat_s=4.0, phi_stdev_min_s=0.5, phi_samples_max=2)
    for beat in range(1, 5):
        regular.heartbeat("n", 4.0 * beat)
    assert not regular.verdict("n", 16.0 + 4.0 + 5.611 * 0.5).down
    assert regular.verdict("n", 16.0 + 4.0 + 5.613 * 0.5).down


def test_phi_accrual_takes_an_outage_for_no_sample() -> None:
    detector = made("phi_accrual", heartbeat_s=4.0)
    detector.heartbeat("n", 1000.0)
    assert not detector.verdict("n", 1000.0).down
    assert detector.verdict("n", 1010.0).down


def test_who_probes_needs_a_prober() -> None:
    for kind in KINDS:
        params = HealthParams(detector=kind)
        if lookup("detector", kind)(params).uses_probes:
            with pytest.raises(ConfigError, match=f"health.detector={kind}: accepted is a detector of heartbeats"):
                make_watch(params, DRAWS)
        else:
            assert make_watch(params, DRAWS).is_idle == (kind == "none")
    with pytest.raises(ConfigError, match="accepted is one of consecutive_failures"):
        make_watch(HealthParams(detector="oracle"), DRAWS)


def test_phi_accrual_learns_from_a_false_alarm() -> None:
    """Heartbeats in a bunch fill a window of two: the next regular one comes too late for it, and only that one."""
    detector = made("phi_accrual", heartbeat_s=4.0, phi_stdev_min_s=0.1, phi_samples_max=2)
    for at in (4.0, 8.0, 15.9, 16.0, 16.05):
        detector.heartbeat("n", at)
    assert detector.verdict("n", 19.9).down
    for beat in range(5, 25):
        detector.heartbeat("n", 4.0 * beat)
        assert not detector.verdict("n", 4.0 * beat + 4.05).down
    detector.heartbeat("n", 110.0)  # a true outage teaches nothing
    assert detector.verdict("n", 115.0).down


def test_all_up_is_never_said_of_a_fleet_with_a_dead_node_and_soon_of_any_other() -> None:
    """Seed 7: 3,000 signs of life, comings, goings and late words, of 20 nodes at the most."""
    random, detector = Random(7), made("heartbeat_timeout", node_timeout_s=60.0)
    names, now, said = ["n"], 0.0, Counter[tuple[bool, bool]]()
    for number in range(3000):
        now += random.choice((0.0, 0.1, 5.0))
        chance = random.random()
        if chance < 0.05 and len(names) < 20:
            names.append(f"n{number}")
            detector.joined(names[-1], now)
        elif chance < 0.08 and names:
            detector.left(names.pop(random.randrange(len(names))))
        elif names:
            detector.heartbeat(random.choice(names), max(now - random.choice((0.0, 0.0, 30.0)), 0.0))
        said[detector.all_up(now), any(detector.down(name, now) for name in names)] += 1
    assert set(said) == {(True, False), (False, True)}  # the earliest word is looked up before it says no
    assert min(said.values()) > 100


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "heartbeat_timeout"])
def test_a_detector_that_judges_each_node_never_says_all_up(kind: str) -> None:
    assert not made(kind).all_up(0.0)
