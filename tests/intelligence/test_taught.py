"""What a proof's pairs teach: pooled without loss, known to the search and after a reload, silent about drift."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import MLOptimizer
from sim.intelligence.engine import Recommender
from sim.intelligence.protocol import Window
from sim.intelligence.settings import SearchSettings
from sim.intelligence.taught import PROOF, pooled, remembered, restored
from sim.runtime.virtual import VirtualRuntime
from sim.types.metrics import OptimizationTarget
from tests.intelligence.rig import SPACE, START, NoisyTwin, Setter, draws, normals, sample_of, spread_params, window

KEY = b"a key of tests, 24 bytes"
OTHER = {"temperature": 0.5, "max_tokens": 700.0}


def searched(count: int = 14, **settings: Any) -> Recommender:
    """A search on a smooth surface, one window in two under the incumbent."""
    engine = Recommender(SPACE, START, draws(3), "utility", settings=SearchSettings(**settings))
    for number, noise in enumerate(normals(4, count)):
        params = START if number % 2 else spread_params(number, draws(3))
        off = SPACE.to_unit(params) - SPACE.to_unit(OTHER)
        engine.tell(window(params, 50.0 - 60.0 * float((off**2).sum()) + noise, n=1, at=float(number), arm="explore"))
    return engine


def test_pooled_windows_have_the_mean_and_variance_of_all_their_tasks() -> None:
    tasks = np.array(normals(1, 60))
    parts = [tasks[:10], tasks[10:40], tasks[40:]]
    each = [
        Window(dict(START), {"load": 1.0}, len(part), {"utility": float(part.mean())}, {"utility": float(part.var())})
        for part in parts
    ]
    other = Window(dict(START), {"load": 2.0}, 5, {"utility": 3.0, "cost": 1.0}, {})
    one, two = pooled([each[0], other, *each[1:]])
    assert (one.n, one.arm, one.context) == (60, PROOF, {"load": 1.0})
    assert one.means["utility"] == pytest.approx(float(tasks.mean()), rel=1e-12)
    assert one.variances["utility"] == pytest.approx(float(tasks.var()), rel=1e-12)
    assert (two.n, two.means, two.variances) == (5, {"utility": 3.0, "cost": 1.0}, {})


def test_a_proof_narrows_the_belief_about_its_setting_and_costs_two_windows_of_memory() -> None:
    engine = searched()
    point, z, shares = SPACE.to_unit(OTHER)[None, :], engine.beliefs.contexts, engine.beliefs.shares
    _, before = engine.beliefs.gain(point, engine.base, z, shares)
    count = len(engine.windows)
    pairs = zip(normals(5, 30), normals(6, 30), strict=True)
    engine.teach([each for a, b in pairs for each in (window(START, 48.6 + a, n=1), window(OTHER, 50.0 + b, n=1))])
    assert len(engine.windows) == count + 2
    engine.learn(fully=False)
    mean, after = engine.beliefs.gain(point, engine.base, z, shares)
    # thirty pairs of unit noise alone tell a difference to sqrt(2 / 30) = .26
    assert after[0] < 0.3 < before[0]
    assert mean[0] == pytest.approx(1.4, abs=3.0 * 0.26)
    # and the noise of a usual window, by which residuals are judged, is not that of thirty
    assert engine.beliefs.typical_noise == pytest.approx(1.0)


def test_what_a_proof_taught_raises_no_alarm_and_is_not_counted_among_the_windows_since_a_change() -> None:
    engine = searched(30)
    engine.teach([window(OTHER, -500.0, n=1)] * 10)
    assert engine.alarms == []
    for number in range(5):
        engine.tell(window(START, -50.0, n=1, at=30.0 + number))
        if engine.alarms:
            break
    told = number + 1
    assert engine.alarms == [(30 + told, "target")]
    kept = list(engine.windows)[engine.old_count :]
    assert sum(each.arm != PROOF for each in kept) <= told + 1


def test_after_a_drift_a_proof_of_the_world_before_is_worth_a_window() -> None:
    engine = searched(30)
    engine.teach([window(OTHER, 50.0, n=1)] * 40)
    assert engine.windows[-1].n == 40
    for number in range(5):
        engine.tell(window(START, -50.0, n=1, at=30.0 + number))
        if engine.alarms:
            break
    assert engine.alarms
    old = list(engine.windows)[: engine.old_count]
    assert [each.n for each in old if each.arm == PROOF] == [1]
    assert {each.n for each in old} == {1}
    engine.teach([window(OTHER, -50.0, n=1)] * 40)
    assert engine.windows[-1].n == 40  # of the world as it is now


def test_a_proof_before_a_change_that_the_last_window_showed_is_of_the_world_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Taken for news it would outweigh all that is seen since: it has forty windows of tasks."""
    engine = searched(30)
    engine.teach([window(OTHER, 50.0, n=1)] * 40)
    monkeypatch.setattr(engine.watch, "see", lambda *_: "target")
    monkeypatch.setattr(engine.watch, "since", lambda _: 1)
    engine.tell(window(START, -50.0, n=1, at=30.0))
    assert engine.old_count == len(engine.windows) - 1
    assert [each.n for each in engine.windows if each.arm == PROOF] == [1]


@pytest.mark.parametrize("said", [3, 4, 9, 15])
def test_a_change_that_was_dated_too_early_is_dated_anew_by_what_is_likeliest(
    monkeypatch: pytest.MonkeyPatch, said: int
) -> None:
    """Windows of both worlds among the new ones leave a surface of islands, whose peaks are recommended for ever."""
    engine = searched(30)
    engine.teach([window(OTHER, 50.0, n=1)] * 40)
    for number in range(3):
        is_last = number == 2
        monkeypatch.setattr(engine.watch, "see", lambda *_, alarm=is_last: "target" if alarm else "")
        monkeypatch.setattr(engine.watch, "since", lambda _: said)
        engine.tell(window((OTHER, START, OTHER)[number], (-50.0, 20.0, -51.0)[number], n=1, at=30.0 + number))
    assert engine.old_count == len(engine.windows) - 3
    assert [each.n for each in engine.windows if each.arm == PROOF] == [1]
    contexts, shares = engine.beliefs.contexts, engine.beliefs.shares
    gain, sd = engine.beliefs.gain(SPACE.to_units([OTHER]), engine.base, contexts, shares)
    assert gain[0] < -2.0 * sd[0]


def test_memory_stays_bounded_under_proofs() -> None:
    engine = searched(12, windows_max=15)
    for value in range(20):
        engine.teach([window({**START, "temperature": 0.01 * value}, 1.0)])
    assert len(engine.windows) == 15


def test_what_was_taught_comes_back_to_its_place_among_the_samples() -> None:
    samples = [window(START, float(number)) for number in range(5)]
    proofs = [window(OTHER, 10.0 + number, arm=PROOF) for number in range(4)]
    whole = [proofs[0], samples[0], proofs[1], proofs[2], *samples[1:], proofs[3]]
    kept = remembered(whole)
    assert [after for after, _ in kept] == [5, 4, 4, 0]
    assert restored(samples, kept) == whole  # type: ignore[arg-type]
    assert restored(whole, kept) == whole  # type: ignore[arg-type]


def proved(store: Path) -> MLOptimizer:
    """An optimizer on virtual time whose loop had one proof."""
    runtime = VirtualRuntime()
    settings = {
        "min_data_points": 20,
        "optimization_targets": ["response_time"],
        "model_types": {"response_time": "gp"},
    }
    twin = NoisyTwin(draws(9))
    optimizer = MLOptimizer(settings, runtime=runtime, store_path=store, actuator=Setter(), twin=twin)
    for number in range(30):
        arm = "explore" if number % 3 else "incumbent"
        params = spread_params(number, draws(1)) if number % 3 else START
        sample = sample_of(number, params, draws(1), 1.0 + number, arm=arm)
        assert runtime.run_task(optimizer.collect_metrics(sample))
    runtime.run_task(optimizer.start())
    runtime.run_task(runtime.sleep(3_700.0))
    runtime.run_task(optimizer.stop())
    assert twin.pairs_count >= 3
    return optimizer


def test_the_loop_s_proofs_teach_and_a_snapshot_keeps_what_they_taught(tmp_path: Path) -> None:
    optimizer = proved(tmp_path / "samples.jsonl")
    windows = list(optimizer.mind("agent-1").windows)
    taught = [each for each in windows if each.arm == PROOF]
    assert len(taught) == 2
    assert taught[0].n == taught[1].n >= 3 * 100
    assert list(optimizer.mind("agent-1").recommenders["response_time"].windows)[-2:] == taught
    optimizer.save(tmp_path / "snapshot.json", KEY)
    again = MLOptimizer(optimizer.config, runtime=VirtualRuntime(), store_path=tmp_path / "samples.jsonl")
    assert len(again.mind("agent-1").windows) == 30
    again.load(tmp_path / "snapshot.json", KEY)
    assert list(again.mind("agent-1").windows) == windows
    recommender = again.mind("agent-1").recommender(OptimizationTarget.RESPONSE_TIME.value)
    assert recommender is not None
    assert list(recommender.windows)[-2:] == taught
