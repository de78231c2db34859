"""All pairs of late awaits of failover and drain."""

from __future__ import annotations

import csv
from math import comb

import pytest

from sim.scalability.manager.ledger import Ledger
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


def test_a_late_await_finds_a_fence_that_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ledger, "is_current", lambda *_: True)
    with pytest.raises(AssertionError):
        search("failover")
