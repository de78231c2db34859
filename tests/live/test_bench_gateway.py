"""`bench --gateway`: all contestants are served and answered, ratios are those of the rounds, files hold both."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from sim.live import pacer
from sim.live.bench_gateway import BARE, CLAIMS, CORE, FULL, PLAIN, Ratio, Turn, bench_gateway, bench_paced, write
from sim.live.bench_paced import Paced, page_lines


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


def test_a_fixed_rate_is_kept_and_what_waits_is_not_omitted(tmp_path: Path) -> None:
    paced = bench_paced(0.2, 1, 100.0, print)
    assert [one.what for one in paced] == [BARE, CORE, PLAIN, FULL]
    for one in paced:
        assert [len(latencies) for latencies in one.rounds] == [20]  # as many as are due
        assert min(one.rounds[0]) > 0.0
    write(tmp_path, [], "victor-sim bench --gateway rate=100", paced)
    rows = (tmp_path / "latency.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 5
    assert rows[2].startswith(f"{CORE},100,20,")
    assert f"| {FULL} | 20 |" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_quantiles_are_those_of_the_rounds() -> None:
    one = Paced(CORE, 100.0, ((0.001, 0.002, 0.003), (0.004, 0.005, 0.006), (0.001, 0.001, 0.004)))
    assert one.quantiles_ms()[0] == pytest.approx((2.0, 1.0, 5.0))
    assert page_lines([]) == []


def test_a_stalled_server_is_counted_from_the_due_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection, a request due every .01 s, .05 s for each answer: a closed loop would tell .05 s of every one."""
    clock = [0.0]

    async def connected(host: str, port: int) -> tuple[object, Closed]:
        return None, Closed()

    async def slept(seconds: float) -> None:
        clock[0] += seconds

    async def exchanged(reader: object, writer: object, request: bytes) -> bool:
        clock[0] += 0.05
        return True

    monkeypatch.setattr(
        pacer, "asyncio", SimpleNamespace(open_connection=connected, sleep=slept, gather=asyncio.gather)
    )
    monkeypatch.setattr(pacer, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(pacer, "exchange", exchanged)
    found = asyncio.run(pacer.paced(0, "/", 0.1, 1, 100.0, ""))
    assert found == {"latencies_s": pytest.approx([0.05 + 0.04 * number for number in range(10)]), "failures": 0}


def test_a_timer_that_fires_early_sends_nothing_before_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop rounds to milliseconds: sent early, a request's latency came out too small, once below 0."""
    clock, sent = [0.0], list[float]()

    async def connected(host: str, port: int) -> tuple[object, Closed]:
        return None, Closed()

    async def slept(seconds: float) -> None:
        clock[0] += max(0.6 * seconds, 1e-4)

    async def exchanged(reader: object, writer: object, request: bytes) -> bool:
        sent.append(clock[0])
        clock[0] += 0.001
        return True

    monkeypatch.setattr(
        pacer, "asyncio", SimpleNamespace(open_connection=connected, sleep=slept, gather=asyncio.gather)
    )
    monkeypatch.setattr(pacer, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(pacer, "exchange", exchanged)
    found = asyncio.run(pacer.paced(0, "/", 0.1, 1, 100.0, ""))
    assert all(at >= number / 100.0 for number, at in enumerate(sent))
    latencies_s = found["latencies_s"]
    assert isinstance(latencies_s, list)
    assert min(latencies_s) >= 0.001


class Closed:
    """A connection that is never used."""

    def close(self) -> None:
        """Nothing to do."""
