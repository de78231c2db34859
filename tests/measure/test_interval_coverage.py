"""The 95 % interval covers as often as it says, a small version; and the twin is the engine's own run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sim.bench.coverage import Coverage, Setting, coverage, covers, product_run, source_of, twin_run
from sim.bench.ledger import ledger_of
from sim.types.records import RunRecord


@pytest.mark.parametrize("servers", [1, 3])
def test_the_twin_is_the_same_run_as_the_engines(servers: int) -> None:
    setting = Setting(servers=servers, rho=0.8, requests=3000)
    ours, twin = product_run(setting, 5, 2).attempts, twin_run(setting, 5, 2).attempts
    assert len(ours) == len(twin) > 2700
    for name in ("arrived_at", "started_at", "finished_at", "work_s"):
        np.testing.assert_allclose(getattr(ours, name), getattr(twin, name), rtol=0.0, atol=1e-8, err_msg=name)
    assert bool(np.all(ours.status == twin.status))


def test_intervals_for_the_mean_of_one_queue_cover() -> None:
    """100 macro-replications of 10 runs of 4,000 requests at .5 (340 relaxation times each)."""
    setting = Setting(rho=0.5, requests=4000)
    found = coverage(setting, 100, 1, twin_run, workers=1)
    low, high = stats.binom.interval(1 - 1e-4, 100, 0.95)
    assert low <= found.covered <= high, "seeds 100 to 199"
    assert found.macro == 100


def test_the_product_goes_the_same_way() -> None:
    setting = Setting(rho=0.5, replications=4, requests=2000)
    assert [covers(setting, seed, product_run) for seed in range(3)] == [
        covers(setting, seed, twin_run) for seed in range(3)
    ]


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


def test_the_band_is_the_binomials() -> None:
    found = coverage(Setting(rho=0.5, replications=3, requests=500), 4, 1, twin_run, workers=1)
    low, high = stats.binom.interval(0.99, 4, 0.95)
    assert (found.band_low, found.band_high) == (low / 4, high / 4)
    figure = Coverage(380, 400, 0.92, 0.975)
    assert figure.share == 0.95
    assert figure.passed
    assert figure.as_text() == "380 of 400 intervals cover the mean: 0.9500, within [0.920, 0.975]"
    assert not Coverage(350, 400, 0.92, 0.975).passed
    assert "OUTSIDE" in Coverage(350, 400, 0.92, 0.975).as_text()
