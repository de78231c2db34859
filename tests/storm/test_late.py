"""All pairs of late awaits of failover, drain and a plugin's reload, on virtual and on live time."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from sim.integration.plugins.lifecycle import Lifecycle
from sim.integration.plugins.manager import PluginManager
from sim.integration.plugins.unit import Unit
from tests.storm import plants
from tests.storm.late import MOST, NAMES, PUBLISHED, RUNTIMES, points_of, runs_of, search

Patch = pytest.MonkeyPatch
BOTH = list(itertools.product(NAMES, RUNTIMES))
EVERY = {("reload", "virtual"): 3, ("reload", "live"): 5}  # of the choices; `python -m tests.storm.late`: all


def nobody_waits_for_calls(patch: Patch) -> None:
    """The old version is stopped at once, whoever holds it."""

    async def retire(self: Lifecycle, unit: Unit, kind: str) -> None:
        await unit.runner.stop()

    patch.setattr(Lifecycle, "_retire", retire)


def the_old_is_stopped_before_the_new_is_there(patch: Patch) -> None:
    swap = Lifecycle.swap

    async def early(self: Lifecycle, found: Any) -> None:
        await self.units[found.plugin_id].runner.stop()
        await swap(self, found)

    patch.setattr(Lifecycle, "swap", early)


def operators_do_not_wait_for_their_turn(patch: Patch) -> None:
    """Two of them change one plugin at once."""

    async def doing(self: PluginManager, what: str, plugin_id: str, do: Callable[[], Any]) -> Any:
        await do()
        return self.get_plugin(plugin_id)

    patch.setattr(PluginManager, "_doing", doing)


def the_tables_keep_the_old_one(patch: Patch) -> None:
    """A reload forgets to put the new one where calls find it."""
    swap = Lifecycle.swap

    async def forgetful(self: Lifecycle, found: Any) -> None:
        tables = self._hooks.tables
        await swap(self, found)
        self._hooks.tables = tables

    patch.setattr(Lifecycle, "swap", forgetful)


def the_new_one_stays_after_a_failure(patch: Patch) -> None:
    """What did not start is not stopped."""

    async def started(self: Any, runner: Any, source: Any) -> Any:
        return await runner.start(source)

    patch.setattr("sim.integration.plugins.loader.Loader._started", started)


@pytest.mark.parametrize(("name", "where"), BOTH)
def test_all_pairs_of_late_awaits(name: str, where: str) -> None:
    awaits, every = points_of(name, (), where), EVERY.get((name, where), 1)
    assert awaits >= 10
    assert search(name, MOST, every, where) == -(-runs_of(awaits, MOST) // every)


def test_the_published_counts_are_those_of_all_pairs() -> None:
    with PUBLISHED.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["history"], row["runtime"]) for row in rows] == BOTH
    for row in rows:
        awaits = points_of(row["history"], (), row["runtime"])
        assert int(row["awaits"]) == awaits
        assert int(row["late"]) >= MOST
        assert int(row["runs"]) == runs_of(awaits, int(row["late"]))


@pytest.mark.parametrize("where", RUNTIMES)
@pytest.mark.parametrize("plant", [plants.orphans_are_not_journaled, plants.orphans_stay, plants.waiting_agents_stay])
def test_a_planted_defect_of_the_manager_is_found(
    plant: Callable[[Patch], None], where: str, monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        search("failover", every=3, where=where)


@pytest.mark.parametrize("where", RUNTIMES)
@pytest.mark.parametrize(
    "plant",
    [
        nobody_waits_for_calls,
        the_old_is_stopped_before_the_new_is_there,
        operators_do_not_wait_for_their_turn,
        the_tables_keep_the_old_one,
        the_new_one_stays_after_a_failure,
    ],
)
def test_a_planted_defect_of_reloads_is_found(plant: Callable[[Patch], None], where: str, monkeypatch: Patch) -> None:
    plant(monkeypatch)
    with pytest.raises((AssertionError, ExceptionGroup)):
        search("reload", every=11, where=where)
