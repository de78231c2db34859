"""The collector is held off while a fleet is made, and as it was before afterwards."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from sim.bench.assemble import Assembly, assemble, run_replication
from sim.bench.collector import held_off, many_runs, set_aside
from sim.bench.compose import compose
from sim.types.records import RunRecord


@pytest.fixture
def collector() -> Iterator[None]:
    was_on = gc.isenabled()
    yield
    (gc.enable if was_on else gc.disable)()


@pytest.mark.parametrize("was_on", [True, False])
def test_it_is_as_it_was_before_afterwards(was_on: bool, collector: None) -> None:
    (gc.enable if was_on else gc.disable)()

    def fail() -> None:
        with held_off():
            raise ValueError(gc.isenabled())

    with pytest.raises(ValueError, match="False"):
        fail()
    assert gc.isenabled() is was_on


def test_only_the_deployment_is_without_it(collector: None, monkeypatch: pytest.MonkeyPatch) -> None:
    gc.enable()
    seen: list[bool] = []
    deploy = Assembly._deploy

    async def watched(self: Assembly) -> None:
        seen.append(gc.isenabled())
        await deploy(self)

    monkeypatch.setattr(Assembly, "_deploy", watched)
    built = assemble(compose(["fleet=yardstick", "horizon_s=1", "arrivals.rate_per_s=1"]), 0)
    built.run()
    assert (seen, gc.isenabled()) == ([False], True)
    assert built.setup_cpu_s > 0.0
    assert built.load_cpu_s > 0.0


def test_a_load_looks_at_nothing_that_stood_before(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    built = assemble(compose(["fleet=yardstick", "horizon_s=1", "arrivals.rate_per_s=1"]), 0)
    run = built.world.run

    def watched(load: Any) -> RunRecord:
        seen.append(gc.get_freeze_count())
        return run(load)

    monkeypatch.setattr(built.world, "run", watched)
    assert gc.get_freeze_count() == 0
    built.run()
    assert seen[0] > 10_000
    assert gc.get_freeze_count() == 0


def test_a_run_that_has_ended_holds_no_table(collector: None) -> None:
    """The tables of runs in one process go with their records, without the collector, which may not come for long."""
    gc.disable()
    record = run_replication(compose(["fleet=yardstick", "horizon_s=20", "arrivals.rate_per_s=1", "engine=simpy"]), 0)
    assert record.arrivals_count > 5
    column = weakref.ref(record.attempts.finished_at)
    del record
    assert column() is None


def test_an_inner_block_leaves_the_outer_one_its_own() -> None:
    with set_aside():
        aside = gc.get_freeze_count()
        with set_aside():
            assert gc.get_freeze_count() == aside
        assert gc.get_freeze_count() == aside > 0
    assert gc.get_freeze_count() == 0


class _Ring:
    """Garbage that only the collector takes."""

    def __init__(self) -> None:
        self.me = self


def test_what_many_runs_leave_is_gone_after_them(collector: None) -> None:
    gc.enable()
    with many_runs():
        assert not gc.isenabled()
        rings = []
        for _ in range(3):
            with set_aside():  # as a run does
                ring = _Ring()
                rings.append(weakref.ref(ring))
                del ring
        assert [ring() is None for ring in rings] == [False] * 3
    assert [ring() is None for ring in rings] == [True] * 3
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
