"""Building blocks of hot rules that a compiled engine can run from the same source.

A hot rule is a module-level function over objects with `__slots__` whose values are arrays, numbers or such objects,
and over numbers; it calls only other such functions and `math`. Python runs it as it stands, `sim.kernel.lower`
compiles it. What the two do not share stands here: `Row` and `item` (several objects of one shape, by index) and the
draws, which the kernel replaces by machine integers, as it does with `float_bits`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Any, TypeVar

from sim.runtime.draws import UNIT
from sim.runtime.philox import MASK, philox4x32

_DOUBLE, _WHOLE = Struct("=d"), Struct("=q")
NONE, STALE = -1, -2  # what a hot dispatch gives instead of a slot: none may be picked; a view must be rebuilt first

Rule = TypeVar("Rule", bound=Callable[..., Any])


def touch(column: Any, index: int) -> None:
    """Compiled code asks for the cache line of `column[index]` and goes on; any index is safe, nothing changes."""


def float_bits(value: float) -> int:
    """The 64 bits of a double, as a signed number; compiled code has them in a register already."""
    bits: int = _WHOLE.unpack(_DOUBLE.pack(value))[0]
    return bits


def rare(rule: Rule) -> Rule:
    """Mark a rule that is seldom needed: compiled code calls it, where it takes in all others (time to compile)."""
    rule.rare = True  # type: ignore[attr-defined]
    return rule


class Row:
    """Several objects of one class and of arrays of the same kinds, by index."""

    __slots__ = ("items",)

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = list(items)


def item(row: Row, index: int) -> Any:
    """Object number `index`."""
    return row.items[index]


class Chance:
    """The key of a replication's draws: two 32-bit words (see `sim.runtime.draws`)."""

    __slots__ = ("k0", "k1")

    def __init__(self, key: tuple[int, int]) -> None:
        self.k0, self.k1 = key


def draw(chance: Chance, purpose: int, entity: int, attempt: int, index: int) -> float:
    """One uniform in (0, 1), the same bits as `CounterDraws.uniform`; 0 <= entity < 2**63."""
    return draw_pair(chance, purpose, entity, attempt, index >> 1)[index & 1]


def draw_pair(chance: Chance, purpose: int, entity: int, attempt: int, pair: int) -> tuple[float, float]:
    """Draws 2 pair and 2 pair + 1, which come together."""
    counter = (int(entity) & MASK, int(entity) >> 32, int(attempt) << 16 | pair, purpose)
    z0, z1, z2, z3 = philox4x32(counter, (chance.k0, chance.k1))
    return (((z0 | z1 << 32) >> 12) + 0.5) * UNIT, (((z2 | z3 << 32) >> 12) + 0.5) * UNIT


def draw_row(chance: Chance, purpose: int, entity: int, attempt: int, width: int, into: Any) -> None:
    """Uniforms 0..width-1 of an entity into `into[:width]`; `into` has room for one more (they come in pairs)."""
    for pair in range((width + 1) >> 1):
        into[2 * pair], into[2 * pair + 1] = draw_pair(chance, purpose, entity, attempt, pair)
