"""Peers in interpreters of their own: who is found, who is absent and why, and that the scripts of ours do the work."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from sim.bench import bench_peers as bench
from sim.bench.bench_turns import Absent
from sim.measure.theory import mmc_sojourn


def script(folder: Path, text: str) -> list[str]:
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8")
    return [sys.executable, str(path)]


def test_a_script_is_told_the_scenario_and_says_what_it_measured(tmp_path: Path) -> None:
    text = "import json, sys; print('chatter'); print(json.dumps(dict(requests=int(sys.argv[1]), cpu_s=0.5, "
    text += "mean_sojourn_s=float(sys.argv[5]), version=' '.join(sys.argv[2:5]))))"
    found = bench.run_script(script(tmp_path, text), 30, 7)
    assert (found.requests, found.cpu_s, found.mean_sojourn_s, found.version) == (30, 0.5, 108.0, "7 10 12")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import sys; sys.exit('/a/b/c.py: no such thing')", "it failed: c.py: no such thing"),
        ("import sys; sys.exit(3)", "it failed: without a word"),
        ("pass", "it gave no measurement"),
        ("print('3')", "it gave no measurement"),
        ("print('{\"speed\": 3}')", "it gave no measurement"),
    ],
)
def test_a_script_that_does_not_measure_is_absent(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(Absent) as caught:
        bench.run_script(script(tmp_path, text), 10, 1)
    assert str(caught.value) == reason


def test_a_script_that_takes_too_long_is_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "PEER_S_MAX", 0.01)
    with pytest.raises(Absent, match=r"no answer within 0\.01 s"):
        bench.run_script(script(tmp_path, "import threading; threading.Event().wait()"), 10, 1)


def test_the_interpreter_is_the_named_one_else_one_that_has_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VICTOR_SIM_PEER_CIW", raising=False)
    monkeypatch.setattr(bench, "find_spec", lambda name: None)
    with pytest.raises(Absent, match=r"bench\.peers\.ciw=PYTHON names one"):
        bench.interpreter("ciw", {})
    monkeypatch.setenv("VICTOR_SIM_PEER_CIW", sys.executable)
    assert bench.interpreter("ciw", {}) == sys.executable
    with pytest.raises(Absent, match="is not there"):
        bench.interpreter("ciw", {"ciw": "/no/such/python"})
    monkeypatch.delenv("VICTOR_SIM_PEER_CIW")
    monkeypatch.setattr(bench, "find_spec", lambda name: name)
    assert bench.interpreter("ciw", {}) == sys.executable


def test_the_pooled_peer_has_the_mean_of_a_pool() -> None:
    pooled = bench.peer("cimba", 1_000, 1.045, {})
    assert pooled.expected_s == mmc_sojourn(120, 0.9)
    assert "M/M/120" in pooled.note
    other = bench.peer("ciw", 1_000, 1.045, {})
    assert (other.expected_s, other.note, other.requests) == (1.045, "", 200)


def test_every_peer_has_its_script() -> None:
    assert all((bench.SCRIPTS / peer.script).is_file() for peer in bench.PEERS.values())


def test_the_heapq_loop_does_the_yardstick() -> None:
    loop = bench.heap_loop("loop", 8_000, 1.045)
    found = loop.run(loop.requests, 2)
    assert found.requests == 40_000
    assert found.mean_sojourn_s == pytest.approx(1.045, rel=0.05), "seed 2"
    assert found.version.startswith("Python 3.")


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
def test_the_c_floor_does_the_yardstick(tmp_path: Path) -> None:
    floor = bench.floor("floor", 2_000, 1.045, tmp_path)
    found = floor.run(floor.requests, 2)
    assert found.requests == 200_000
    assert found.mean_sojourn_s == pytest.approx(1.045, rel=0.02), "seed 2"
    made_at = bench.compiled_floor(tmp_path).stat().st_mtime_ns
    assert bench.compiled_floor(tmp_path).stat().st_mtime_ns == made_at


def test_without_a_compiler_or_with_a_bad_one_the_floor_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(Absent, match="no C compiler"):
        bench.compiled_floor(tmp_path)
    monkeypatch.setenv("CC", "false")
    with pytest.raises(Absent, match="the C compiler failed: without a word"):
        bench.compiled_floor(tmp_path)
