"""Reloads under traffic: no hook call lost or run twice, nothing stale, no growth of modules, descriptors or tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bench.plugin_reloads import Reloads, reloads


def sound(found: Reloads, count: int) -> None:
    assert found.calls_count > count
    assert (found.lost_count, found.doubled_count, found.stale_count, found.failed_count) == (0, 0, 0, 0)
    for column in (1, 2):  # descriptors, modules
        assert len({row[column] for row in found.readings[1:]}) == 1, column
    assert max(row[3] for row in found.readings) <= 4, "the reloads, the traffic, one call and what runs it"


@pytest.mark.parametrize("sandboxed", [False, True])
def test_reloads_under_traffic(tmp_path: Path, sandboxed: bool) -> None:
    sound(reloads(tmp_path, 40, sandboxed), 40)


@pytest.mark.soak
@pytest.mark.parametrize("sandboxed", [False, True])
def test_a_thousand_reloads_under_traffic(tmp_path: Path, sandboxed: bool) -> None:
    found = reloads(tmp_path, 1_000, sandboxed)
    sound(found, 1_000)
    assert found.growth(0) < 2_000_000, "each generation holds 100 kB: 1,000 kept ones would be 100 MB"


def test_a_lost_or_doubled_call_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.integration.plugins.dispatch import Dispatcher

    call = Dispatcher.call
    asked = 0

    async def faulty(self: Dispatcher, hook: str, payload: dict[str, int]) -> object:
        nonlocal asked
        asked += 1
        if asked % 10 == 3:
            return None
        if asked % 10 == 7:
            await call(self, hook, payload)
        return await call(self, hook, payload)

    monkeypatch.setattr(Dispatcher, "call", faulty)
    found = reloads(tmp_path, 20, False)
    assert found.lost_count >= 2
    assert found.doubled_count >= 2
