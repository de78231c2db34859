"""All pairs of late awaits of failover and drain."""

from __future__ import annotations

import csv
from collections.abc import Callable
from math import comb

import pytest

from tests.storm import plants
from tests.storm.late import MOST, NAMES, PUBLISHED, points_of, search


@pytest.mark.parametrize("name", NAMES)
def test_all_pairs_of_late_awaits(name: str) -> None:
    awaits = points_of(name)
    assert awaits >= 10
    assert search(name) == 1 + awaits + comb(awaits, 2)


def test_the_published_counts_are_those_of_all_pairs() -> None:
    with PUBLISHED.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["history"] for row in rows] == list(NAMES)
    for row in rows:
        awaits = points_of(row["history"])
        assert int(row["awaits"]) == awaits
        assert int(row["runs"]) == sum(comb(awaits, chosen) for chosen in range(MOST + 1))


@pytest.mark.parametrize("plant", [plants.orphans_are_not_journaled, plants.orphans_stay, plants.waiting_agents_stay])
def test_a_planted_defect_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        search("failover", every=3)
