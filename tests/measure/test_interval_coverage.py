"""The 95 % intervals cover as often as they say, a small version; and the twin is the engine's own run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sim.bench import coverage as of
from sim.bench.coverage import METRICS, Coverage, Known, Share, coverage, measured
from sim.bench.coverage_runs import Setting, product_run, source_of, twin_run
from sim.bench.ledger import ledger_of
from sim.errors import ConfigError
from sim.measure.summarize import PointFacts, summarize_point
from sim.measure.warmup import point_cut
from sim.types.records import RunRecord


@pytest.mark.parametrize("servers", [1, 3])
def test_the_twin_is_the_same_run_as_the_engines(servers: int) -> None:
    setting = Setting(servers=servers, rho=0.8, requests=3000)
    ours, twin = product_run(setting, 5, 2).attempts, twin_run(setting, 5, 2).attempts
    assert len(ours) == len(twin) > 2700
    for name in ("arrived_at", "started_at", "finished_at", "work_s"):
        np.testing.assert_allclose(getattr(ours, name), getattr(twin, name), rtol=0.0, atol=1e-8, err_msg=name)
    assert bool(np.all(ours.status == twin.status))


def test_intervals_of_one_queue_cover() -> None:
    """100 macro-replications of 10 runs of 4,000 requests at .5 (340 relaxation times each)."""
    found = coverage(Setting(rho=0.5, requests=4000), 100, 1, twin_run, workers=1)
    low, high = stats.binom.interval(1 - 1e-4, 100, 0.95)
    covered = {share.what: share.count for share in found.shares[:3]}
    assert list(covered) == [f"intervals cover {name}" for name in METRICS]
    assert all(low <= count <= high for count in covered.values()), f"seeds 100 to 199: {covered}"
    low, high = stats.binom.interval(1 - 1e-4, 50, 0.05)
    for share in found.shares[3:]:
        assert share.macro == 50
        assert low <= share.count <= high, f"seeds 100 to 199: {share.as_text()}"
    assert [known.value for known in found.known] == pytest.approx([2.0, 2.0 * np.log(20.0), 2.0 * np.log(100.0)])


def test_the_estimates_are_those_of_a_study() -> None:
    setting = Setting(servers=2, replications=4, requests=3000)
    records = [product_run(setting, 3, number) for number in range(4)]
    whole = summarize_point("", {}, records, PointFacts(cut_s=point_cut(records).cut_s)).estimates
    found = measured(setting, 3, product_run)
    for name in METRICS:
        assert found[name][:3] == [whole[name].mean, whole[name].ci_low, whole[name].ci_high]


def test_a_fleet_is_held_to_a_truth_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting(servers=3, replications=3, requests=300, system="power_of_two")
    assert product_run(setting, 1, 0).nodes.node_id == ["node-0", "node-1", "node-2"]
    monkeypatch.setattr(of, "TRUTH_UNITS", 2)
    asked: list[tuple[int, int]] = []

    def run(setting: Setting, seed: int, replication: int) -> RunRecord:
        asked.append((seed, setting.replications))
        return product_run(setting, seed, replication)

    found = coverage(setting, 2, 1, run, workers=1)
    assert sorted(set(asked)) == [(2, 3), (3, 3), (of.TRUTH_SEED, 6), (of.TRUTH_SEED + 1, 6)]
    assert all(known.half_width > 0.1 * known.interval_half_width for known in found.known)
    assert not found.passed, "two units do not know the truth well enough"
    assert "NOT KNOWN to a tenth" in found.as_text()
    with pytest.raises(ConfigError, match=r"^system=mg1: accepted is one of mmc, power_of_two$"):
        Setting(system="mg1")


def test_both_engines_run_it_the_same() -> None:
    setting = Setting(servers=2, replications=3, requests=600)
    for replication in range(2):
        one, other = (product_run(setting, 4, replication, engine) for engine in ("simpy", "compiled"))
        assert (one.engine, other.engine) == ("simpy", "compiled")
        assert one.digest == other.digest
    assert [source_of(setting, engine) for engine in ("auto", "simpy", "compiled")] == ["simpy", "simpy", "compiled"]
    assert source_of(Setting(), "auto") == "compiled"


def test_it_goes_on_where_it_stopped(tmp_path: Path) -> None:
    setting, seen, told = Setting(rho=0.5, replications=3, requests=500), list[int](), list[tuple[int, int]]()

    def run(setting: Setting, seed: int, replication: int) -> RunRecord:
        if seed == 4 * 1 + 2 and len(seen) == 6:
            raise KeyboardInterrupt
        seen.append(seed)
        return twin_run(setting, seed, replication)

    with pytest.raises(KeyboardInterrupt):
        coverage(setting, 4, 1, run, 1, ledger_of(tmp_path, "coverage", setting=repr(setting)))
    assert seen == [4, 4, 4, 5, 5, 5]
    kept = ledger_of(tmp_path, "coverage", setting=repr(setting))
    assert list(kept.parts) == ["4", "5"]
    seen.append(-1)
    found = coverage(setting, 4, 1, run, 1, kept, lambda done, total: told.append((done, total)))
    assert seen[7:] == [6, 6, 6, 7, 7, 7]
    assert told == [(3, 4), (4, 4)]
    assert found == coverage(setting, 4, 1, twin_run, workers=1)


def test_the_bands_are_the_binomials() -> None:
    found = coverage(Setting(rho=0.5, replications=3, requests=500), 4, 1, twin_run, workers=1)
    for share, (trials, prob) in zip(found.shares, [(4, 0.95)] * 3 + [(2, 0.05)] * 3, strict=True):
        low, high = stats.binom.interval(0.99, trials, prob)
        assert share.band_low == pytest.approx(low / trials)
        assert share.band_high == pytest.approx(high / trials)
    figure = Share("intervals cover it", 380, 400, 0.92, 0.975)
    assert figure.share == 0.95
    assert figure.passed
    assert figure.as_text() == "380 of 400 intervals cover it: 0.9500, within [0.920, 0.975]"
    outside = Share("intervals cover it", 350, 400, 0.92, 0.975)
    assert "OUTSIDE" in outside.as_text()
    exact = Known("sojourn_s_mean", 5.0, 0.0, 0.1)
    assert exact.as_text() == "sojourn_s_mean is 5 s exactly, intervals +- 0.1"
    assert Coverage([figure], [exact]).passed
    assert not Coverage([figure, outside], [exact]).passed
    assert not Coverage([figure], [Known("sojourn_s_mean", 5.0, 0.02, 0.1)]).passed
