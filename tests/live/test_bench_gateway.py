"""`bench --gateway`: all contestants are served and answered, ratios are those of the rounds, files hold both."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.live.bench_gateway import BARE, CLAIMS, CORE, FULL, PLAIN, Ratio, Turn, bench_gateway, write


def test_a_short_run_measures_all_four(tmp_path: Path) -> None:
    said: list[str] = []
    ratios = bench_gateway(0.2, 1, said.append)
    assert len(said) == 4
    assert [(ratio.what, ratio.baseline, ratio.claimed) for ratio in ratios] == list(CLAIMS)
    for ratio in ratios:
        (mine,), (theirs,) = ratio.turns, ratio.baseline_turns
        assert ratio.median == pytest.approx(mine.per_s / theirs.per_s)
        assert mine.per_s > 0.0
        assert min(mine.cpu_s, theirs.cpu_s) > 0.0  # which is larger is for the bench to say, not for a test
    write(tmp_path / "gateway", ratios, "victor-sim bench --gateway rounds=1 seconds=0.2")
    page = (tmp_path / "gateway" / "README.md").read_text(encoding="utf-8")
    assert "`victor-sim bench --gateway rounds=1 seconds=0.2`" in page
    rows = (tmp_path / "gateway" / "bench.csv").read_text(encoding="utf-8").splitlines()
    assert rows[1].startswith(f"{CORE},{BARE},")
    assert len(rows) == 3


def test_the_median_round_is_told_with_the_lowest_and_highest() -> None:
    turns = tuple(Turn(per_s, 1e-4) for per_s in (50.0, 80.0, 60.0))
    ratio = Ratio(FULL, PLAIN, 0.8, (0.5, 0.8, 0.6), turns, tuple(Turn(100.0, 5e-5) for _ in turns))
    assert ratio.cells() == [FULL, PLAIN, "0.600", "0.500", "0.800", "60", "100.0", "50.0"]
