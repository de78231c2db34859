"""Bisection over answers that may contradict the order: what is asked, how often, and where the edge ends up."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from sim.measure.bisection import first_holding, holes, next_index, questions_max


def walk(truth: Callable[[int], bool], count: int, neighbors: int) -> dict[int, bool]:
    """Everything that is asked, with the answers, in the order of the questions."""
    holds: dict[int, bool] = {}
    while (index := next_index(holds, count, neighbors)) is not None:
        assert index not in holds, "asked twice"
        assert 0 <= index < count
        holds[index] = truth(index)
    return holds


@pytest.mark.parametrize("neighbors", [0, 1, 3])
@pytest.mark.parametrize("count", [2, 3, 4, 17, 64, 1000])
def test_the_edge_of_monotone_answers_is_found_within_the_bound(count: int, neighbors: int) -> None:
    for edge in {0, 1, count // 3, count // 2, count - 2, count - 1}:
        asked = walk(lambda index, edge=edge: index >= edge, count, neighbors)  # type: ignore[misc]
        assert first_holding(asked) == edge
        assert edge == 0 or not asked[edge - 1], "the value below the edge was asked"
        assert len(asked) <= questions_max(count, neighbors)
        assert holes(asked) == []
        for distance in range(1, neighbors + 1):
            assert edge + distance in asked or edge + distance >= count
            assert edge == 0 or edge - 1 - distance in asked or edge - 1 - distance < 0


def test_where_nothing_holds_two_questions_are_enough() -> None:
    asked = walk(lambda index: False, 50, 2)
    assert asked == {49: False, 0: False}
    assert first_holding(asked) is None


def test_a_hole_above_the_edge_moves_it_up_and_is_told() -> None:
    asked = walk(lambda index: index >= 8 and index != 9, 17, 1)
    assert asked[8]
    assert not asked[9]
    assert first_holding(asked) == 10
    assert holes(asked) == [(8, 9)]


def test_whatever_the_answers_every_search_ends_on_an_edge_that_its_own_answers_support() -> None:
    for answers in product((False, True), repeat=7):
        asked = walk(lambda index, answers=answers: answers[index], 7, 1)  # type: ignore[misc]
        edge = first_holding(asked)
        assert (edge is None) is (not answers[6])
        if edge is not None:
            assert all(holds for index, holds in asked.items() if index >= edge)
            assert edge == 0 or asked[edge - 1] is False
