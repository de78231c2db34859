"""The tournament tree against a plain scan over its leaves."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from sim.scalability.balancer.load_tree import LoadTree, tree_build, tree_rank, tree_select, tree_set

UPDATES = st.lists(st.tuples(st.integers(0, 10), st.sampled_from([0.0, 1.0, 2.0, 2.5, inf])), max_size=60)


def tied_leaves(scores: list[float]) -> list[int]:
    return [slot for slot, score in enumerate(scores) if score == min(scores)]


@given(UPDATES)
def test_minimum_ties_selection_and_rank_match_a_scan(updates: list[tuple[int, float]]) -> None:
    tree = LoadTree(11)
    scores = [inf] * 16
    for slot, score in updates:
        tree_set(tree, slot, score)
        scores[slot] = score
        tied = tied_leaves(scores)
        assert tree.value[1] == min(scores)
        assert tree.ties[1] == len(tied)
        assert [tree_select(tree, rank) for rank in range(len(tied))] == tied
        assert [tree_rank(tree, at) for at in range(17)] == [sum(leaf < at for leaf in tied) for at in range(17)]


@given(UPDATES)
def test_building_gives_the_same_tree_as_updating(updates: list[tuple[int, float]]) -> None:
    updated, built = LoadTree(11), LoadTree(11)
    for slot, score in updates:
        tree_set(updated, slot, score)
        built.value[built.leaves + slot] = score
    tree_build(built)
    assert updated.value.tolist() == built.value.tolist()
    assert updated.ties.tolist() == built.ties.tolist()


def test_a_tree_of_one_slot() -> None:
    tree = LoadTree(1)
    tree_set(tree, 0, 3.0)
    assert (tree.leaves, tree.value[1], tree.ties[1], tree_select(tree, 0)) == (1, 3.0, 1, 0)
    assert [tree_rank(tree, 0), tree_rank(tree, 1)] == [0, 1]
