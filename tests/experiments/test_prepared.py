"""`run` begins the server of its workers while it composes, and only where there will be workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench import forking, pool
from sim.experiments.main import main

TINY = ["run", "--multirun", "balancer=random,power_of_d", "horizon_s=20", "stats.replications=1", "warmup=none"]


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        ((), True),
        (("launcher.workers=2",), True),
        (("launcher=local",), True),
        (("launcher.workers=1",), False),
        (("--dry-run",), False),
    ],
)
def test_a_server_is_begun_for_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], begins: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    pool.close_idle()
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(forking, "prepare", lambda *modules: told.append(modules))
    assert main([*TINY, *words]) == 0
    assert bool(told) == begins
    for name in told[0] if told else ():
        __import__(name)
    pool.close_idle()
