"""Kill -9 of nodes and control plane under load, over real processes: a few rounds here, a hundred as a soak."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sim.live.selftest.kills import KINDS, Kills, Round
from sim.runtime.live import LiveRuntime


def rounds(state: Path, count: int, seed: int) -> list[Round]:
    async def body() -> list[Round]:
        runtime = LiveRuntime()
        try:
            return await Kills(runtime, state, seed, lambda this: None).run(count)
        finally:
            await runtime.close()

    return asyncio.run(body())


def check(found: list[Round]) -> None:
    assert [problem for this in found for problem in this.violations] == []
    assert sum(this.accepted for this in found) >= len(found)  # something was under way
    assert sum(this.done for this in found) > 0
    assert {this.assignment for this in found} <= {"same", ""}


def test_three_kills_lose_nothing_and_answer_nothing_twice(tmp_path: Path) -> None:
    found = rounds(tmp_path, 3, 4)
    check(found)
    assert len({this.kind for this in found}) >= 2


@pytest.mark.soak
def test_a_hundred_kills(tmp_path: Path) -> None:
    found = rounds(tmp_path, 100, 1)
    check(found)
    assert {this.kind for this in found} == set(KINDS)
