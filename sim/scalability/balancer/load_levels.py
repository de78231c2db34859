"""Who has the fewest attempts, when loads are whole numbers: the slots of each load as a bitmap, with counts above.

A slot that moves from one load to the next changes one bit and four counts of each: no comparison with other slots,
no path to a root. The tied slot of a given rank is found by counts of 8,192, of 512 and of 32 slots, then bit by bit
(rank and select: Jacobson 1989; a level a load: the buckets of Dial 1969). A level of 100,000 slots takes 29 KB, so
that those in use lie in the second cache, where a tournament tree (`load_tree`) does not: O(slots / 8,192) steps.

Loads `base` to `base` + 30 have levels of their own, all above share the last one; a pick that finds nobody below it
moves the base, and so does a load below the base: O(slots), once in eight moves of the least load or more.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.runtime.plain import float_bits, rare
from sim.scalability.balancer.fleet_state import column, integers

LEVELS = 32
TOP = LEVELS - 1  # loads that have no level of their own
BELOW = 8  # levels below the least load when the base moves
NOWHERE = -1
WORD, GROUP, BLOCK = 5, 9, 13  # bits of a slot's number within a word, a group of 16 words, a block of 16 groups
WORD_MASK = (1 << WORD) - 1


class LoadLevels:
    """`level` by slot, NOWHERE for who may not be picked; all else by level, `words` (`groups`, `blocks`) entries each.

    `base` is the load of level 0, `least` the lowest level that has slots, at most TOP; one entry each.
    """

    __slots__ = ("base", "bits", "blocks", "groups", "in_block", "in_group", "in_level", "in_word", "least", "level",
                 "words")  # fmt: skip

    def __init__(self, slots_max: int) -> None:
        self.words, self.groups, self.blocks = (((slots_max - 1) >> shift) + 1 for shift in (WORD, GROUP, BLOCK))
        self.level = column("b", slots_max, NOWHERE)
        self.bits = integers(LEVELS * self.words)
        self.in_word = column("b", LEVELS * self.words)
        self.in_group = column("i", LEVELS * self.groups)
        self.in_block = column("i", LEVELS * self.blocks)
        self.in_level = integers(LEVELS)
        self.base, self.least = integers(1), integers(1, TOP)


def levels_count(levels: LoadLevels, level: int, slot: int, by: int) -> None:
    """The slot enters (`by` 1) or leaves (-1) a level; what has a single word, group or block is not counted by it."""
    words = levels.words
    word = level * words + (slot >> WORD)
    levels.bits[word] ^= 1 << (slot & WORD_MASK)
    levels.in_level[level] += by
    if words > 1:
        levels.in_word[word] += by
        groups = levels.groups
        if groups > 1:
            levels.in_group[level * groups + (slot >> GROUP)] += by
            if levels.blocks > 1:
                levels.in_block[level * levels.blocks + (slot >> BLOCK)] += by


def levels_move(levels: LoadLevels, slot: int, level: int) -> None:
    """The slot stands at `level` (0 to TOP, or NOWHERE) from now on."""
    before = levels.level[slot]
    if before == level:
        return
    levels.level[slot] = level
    least = levels.least[0]
    if before >= 0:
        levels_count(levels, before, slot, -1)
    if level >= 0:
        levels_count(levels, level, slot, 1)
        if level <= least:
            levels.least[0] = level
            return
    if before == least:
        in_level = levels.in_level
        while least < TOP and in_level[least] == 0:
            least += 1
        levels.least[0] = least


@rare
def levels_fill(levels: LoadLevels, slots: Sequence[int], size: int, count: Sequence[int]) -> None:
    """`slots[:size]` alone, with their loads `count[slot]`; the base moves to where the least of them wants it."""
    for slot in range(len(levels.level)):
        if levels.level[slot] >= 0:
            levels_count(levels, levels.level[slot], slot, -1)
            levels.level[slot] = NOWHERE
    least = 0
    for index in range(size):
        least = count[slots[index]] if index == 0 else min(least, count[slots[index]])
    levels.base[0] = max(least - BELOW, 0)
    levels.least[0] = TOP
    for index in range(size):
        levels_move(levels, slots[index], min(count[slots[index]] - levels.base[0], TOP))


def levels_tied(levels: LoadLevels) -> int:
    """How many slots have the least load, if that is below TOP."""
    return levels.in_level[levels.least[0]]


def levels_select(levels: LoadLevels, rank: int) -> int:
    """The slot number `rank` (from 0, in slot order) of those that have the least load."""
    level = levels.least[0]
    group = word = 0
    if levels.blocks > 1:
        in_block, first = levels.in_block, level * levels.blocks
        place = first
        while rank >= in_block[place]:
            rank -= in_block[place]
            place += 1
        group = (place - first) << (BLOCK - GROUP)
    if levels.groups > 1:
        in_group, first = levels.in_group, level * levels.groups
        place = first + group
        while rank >= in_group[place]:
            rank -= in_group[place]
            place += 1
        word = (place - first) << (GROUP - WORD)
    first = level * levels.words
    place = first + word
    if levels.words > 1:
        in_word = levels.in_word
        while rank >= in_word[place]:
            rank -= in_word[place]
            place += 1
    bits = levels.bits[place]
    for _ in range(rank):
        bits &= bits - 1
    return ((place - first) << WORD) + last_bit(bits)


def last_bit(bits: int) -> int:
    """The number of the lowest bit that is set, of 1 to 2**32 - 1: the exponent of a double."""
    return (float_bits(float(bits & -bits)) >> 52) - 1023


def levels_rank(levels: LoadLevels, slot: int) -> int:
    """How many of the slots that have the least load stand before `slot` (0 <= slot)."""
    level = levels.least[0]
    if slot >= len(levels.level):
        return levels.in_level[level]
    rank = 0
    if levels.blocks > 1:
        for block in range(slot >> BLOCK):
            rank += levels.in_block[level * levels.blocks + block]
    if levels.groups > 1:
        for group in range(slot >> BLOCK << (BLOCK - GROUP), slot >> GROUP):
            rank += levels.in_group[level * levels.groups + group]
    if levels.words > 1:
        for word in range(slot >> GROUP << (GROUP - WORD), slot >> WORD):
            rank += levels.in_word[level * levels.words + word]
    bits = levels.bits[level * levels.words + (slot >> WORD)] & ((1 << (slot & WORD_MASK)) - 1)
    while bits:
        bits &= bits - 1
        rank += 1
    return rank
