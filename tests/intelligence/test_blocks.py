"""What an interval brought to both arms is taken off where it is there, and left where it is not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.intelligence import rows as rows_module
from sim.intelligence.blocks import CONTROLS_MIN, FLOOR_RATIO, controlled, controls
from sim.intelligence.engine import Recommender
from sim.intelligence.protocol import Window
from sim.intelligence.settings import SearchSettings
from sim.intelligence.taught import PROOF
from tests.intelligence.rig import SPACE, START, draws, normals, seconds_of, spread_params

TRIED = {"temperature": 0.9, "max_tokens": 700.0}
SD, TASKS, PAIRS = 1.5, 6, 20
BURST = (9, 10, 11, 12)


def window(at: float, params: dict[str, float], seconds: float, arm: str = "incumbent", n: int = TASKS) -> Window:
    return Window(dict(params), {}, n, {"response_time": seconds}, {"response_time": SD**2}, 1.0, at, arm)


def arms(seed: int, waits_s: dict[int, float]) -> list[Window]:
    """Twenty intervals of both arms, some of them with so many seconds of waiting in both."""
    luck, found = SD / TASKS**0.5 * np.array(normals(seed, 2 * PAIRS)), []
    for number in range(PAIRS):
        wait_s, at = waits_s.get(number, 0.0), 60.0 * number
        tried = spread_params(number, draws(seed))
        found.append(window(at, START, max(seconds_of(START) + luck[2 * number], 0.2) + wait_s))
        found.append(window(at + 1e-3, tried, max(seconds_of(tried) + luck[2 * number + 1], 0.2) + wait_s, "explore"))
    return found


def taken(windows: list[Window]) -> tuple[np.ndarray, np.ndarray]:
    mean = np.array([each.means["response_time"] for each in windows])
    return controlled(windows, mean, np.full(len(windows), SD**2 / TASKS), is_positive=True)


def test_the_control_is_the_standing_setting_of_the_same_instant() -> None:
    windows = [
        window(0.0, START, 2.0),  # alone
        window(60.0, START, 2.0), window(60.001, TRIED, 2.0, "explore"),
        window(120.0, TRIED, 2.0, "explore"), window(120.001, START, 2.0, "explore"),  # nobody stands
        window(180.0, TRIED, 2.0, PROOF), window(180.0, START, 2.0, PROOF),  # of many intervals
        window(240.0, START, 2.0, "log"),
    ]  # fmt: skip
    assert controls(windows) == [-1, 1, 1, -1, -1, -1, -1, -1]


def test_a_burst_is_taken_off_both_arms_and_costs_sureness() -> None:
    calm, busy = arms(1, {}), arms(1, dict.fromkeys(BURST, 25.0))
    mean, variance = taken(busy)
    plain = np.array([each.means["response_time"] for each in calm])
    struck = [2 * number + arm for number in BURST for arm in (0, 1)]
    assert np.all(np.abs(mean[struck] - plain[struck]) < 4.0 * SD / TASKS**0.5)  # the control's own luck comes in
    assert np.all(variance[struck] > 1.9 * SD**2 / TASKS)
    left = np.setdiff1d(np.arange(len(busy)), struck)
    assert mean[left] == pytest.approx(plain[left], abs=2.0)


def test_where_intervals_bring_nothing_nothing_is_taken_off() -> None:
    """Twenty seeds: the controls' luck alone moves what is learned by a seventh of it at most."""
    moved = [taken(arms(seed, {}))[0] - [each.means["response_time"] for each in arms(seed, {})] for seed in range(20)]
    assert np.sqrt(np.mean(np.square(moved))) < SD / 7.0 / TASKS**0.5


def test_seconds_stay_above_a_share_of_the_usual_and_few_controls_tell_nothing() -> None:
    busy = arms(2, {5: 40.0})
    busy[11] = window(busy[11].at, TRIED, 20.0, "explore")  # the trial did not wait
    mean, _ = taken(busy)
    usual = float(np.median([each.means["response_time"] for each in busy[::2]]))
    assert mean[11] == pytest.approx(FLOOR_RATIO * usual)
    few = busy[10 : 10 + 2 * (CONTROLS_MIN - 1)]
    assert taken(few)[0].tolist() == [each.means["response_time"] for each in few]


def test_without_a_known_noise_nothing_is_taken_off() -> None:
    busy = arms(1, dict.fromkeys(BURST, 25.0))
    told = np.array([each.means["response_time"] for each in busy])
    assert controlled(busy, told, np.zeros(len(busy)), True)[0].tolist() == told.tolist()
    some = np.full(len(busy), SD**2 / TASKS)
    some[::4] = 0.0
    assert np.all(np.isfinite(controlled(arms(1, {}), told, some, True)[0]))


def test_what_a_context_or_a_drift_explains_is_left_to_the_surrogate() -> None:
    """Hard tasks take twenty seconds more in every other interval; then the world changes by as much."""
    hard = arms(3, dict.fromkeys(range(0, PAIRS, 2), 20.0))
    known = [replace(each, context={"hard": float(at // 2 % 2 == 0)}) for at, each in enumerate(hard)]
    told = np.array([each.means["response_time"] for each in hard])
    assert np.abs(taken(hard)[0] - told).max() > 5.0
    assert taken(known)[0] == pytest.approx(told, abs=2.0)
    late = arms(4, dict.fromkeys(range(PAIRS // 2, PAIRS), 20.0))
    told, unsure = np.array([each.means["response_time"] for each in late]), np.full(len(late), SD**2 / TASKS)
    assert controlled(late, told, unsure, True, old_count=PAIRS)[0] == pytest.approx(told, abs=2.0)


def error_of(seed: int, kind: str) -> float:
    """Of what a surrogate believes of settings around the standing one, in a fleet with a burst: mean square, logs."""
    engine = Recommender(SPACE, START, draws(seed), "response_time", (), SearchSettings(kind))
    for each in arms(seed, dict.fromkeys(BURST, 25.0)):
        engine.note(each)
    engine.learn(fully=True)
    asked = [spread_params(1_000 + number, draws(seed)) for number in range(50)]
    points = np.array([SPACE.to_unit(params) for params in asked])
    found, _ = engine.beliefs.gain(points, engine.base, engine.beliefs.contexts, engine.beliefs.shares)
    true = [-np.log(seconds_of(params) / seconds_of(START)) for params in asked]
    return float(np.mean((found - true) ** 2))


@pytest.mark.parametrize("kind", ["gp", "linear_regression", "random_forest", "gradient_boosting"])
def test_a_burst_passes_for_nobody_s_doing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeds 1 to 6. Learned blindly it is laid on the settings that were on trial then."""
    with_control = np.mean([error_of(seed, kind) for seed in range(1, 7)])
    monkeypatch.setattr(rows_module, "controlled", lambda windows, mean, variance, *rest: (mean, variance))
    blindly = np.mean([error_of(seed, kind) for seed in range(1, 7)])
    assert with_control < 0.9 * blindly
