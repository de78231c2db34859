"""Plain functions compiled over shared memory: layout, names in the cache, and what cannot be compiled."""

from __future__ import annotations

import math
import types as python_types
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numba import types

from sim.kernel import cache
from sim.kernel.errors import CannotCompile
from sim.kernel.lower import _lowered, entry, pointer
from sim.kernel.structs import Address, Rule, Structs, type_of
from sim.runtime.draws import PICK, CounterDraws
from sim.runtime.plain import Chance, Row, draw, draw_row, item


class Part:
    __slots__ = ("count", "values")

    def __init__(self, count: int, values: list[float]) -> None:
        self.count, self.values = count, array("d", values)


class Whole:
    __slots__ = ("absent", "ints", "names", "part", "parts", "ratio", "small")

    def __init__(self) -> None:
        self.small = np.array([1, 2, 3], dtype=np.int8)
        self.absent = None
        self.ints = array("q", [5, 6])
        self.names = np.array([7, 8], dtype=np.int32)
        self.part = Part(2, [0.5, 1.5])
        self.parts = Row([Part(3, [2.5]), Part(4, [3.5, 4.5])])
        self.ratio = 0.25


def visit(whole: Whole, index: int) -> float:
    """Reads every kind of field, writes an array and a number of a part."""
    chosen = item(whole.parts, index)
    chosen.values[0] += whole.part.values[1]
    chosen.count += 1
    whole.ints[1] += len(whole.ints)
    return chosen.values[0] + whole.ratio + whole.small[2] + whole.names[0] + whole.part.count


def helper(value: float) -> float:
    return value + 1.0


def caller(part: Part, value: float) -> float:
    return helper(value) + part.count


class Draws:
    __slots__ = ("chance", "into")

    def __init__(self) -> None:
        self.chance, self.into = Chance(CounterDraws(9, 4).key), np.zeros(6)


def draws_of(draws: Draws, entity: int, attempt: int) -> float:
    draw_row(draws.chance, PICK, entity, attempt, 5, draws.into)
    return draw(draws.chance, PICK, entity, attempt, 3)


def test_every_kind_of_field_is_read_and_written_where_python_has_it() -> None:
    plain, shared, structs = Whole(), Whole(), Structs()
    compiled = entry(visit, type_of(shared), types.float64, (types.int64,))
    address = structs.of(shared).address
    for index in (0, 1, 1):
        assert compiled(address, index) == visit(plain, index)
    assert shared.parts.items[1].values == plain.parts.items[1].values
    assert shared.ints == plain.ints
    assert shared.parts.items[1].count == 4, "a number is a copy until it is pulled"
    structs.of(shared.parts.items[1]).pull()
    assert shared.parts.items[1].count == plain.parts.items[1].count == 6
    shared.parts.items[1].count = 40
    structs.of(shared.parts.items[1]).push()
    compiled(address, 1)
    structs.of(shared.parts.items[1]).pull()
    assert shared.parts.items[1].count == 41


@pytest.mark.parametrize(("entity", "attempt"), [(0, 0), (5, 2), (2**40 + 3, 1)])
def test_draws_are_those_of_the_counter(entity: int, attempt: int) -> None:
    known = CounterDraws(9, 4)
    shared = Draws()
    compiled = entry(draws_of, type_of(shared), types.float64, (types.int64, types.int64))
    assert compiled(Structs().of(shared).address, entity, attempt) == known.uniform(PICK, entity, attempt, 3)
    wanted = known.uniforms_of(PICK, np.array([entity], dtype=np.uint64), 5, attempt)[0]
    assert shared.into[:5].tobytes() == wanted.tobytes()
    plain = Draws()
    assert draws_of(plain, entity, attempt) == known.uniform(PICK, entity, attempt, 3)
    assert plain.into[:5].tobytes() == wanted.tobytes()


def test_a_function_behind_a_pointer_is_called_with_the_address_of_its_books() -> None:
    class Holder:
        __slots__ = ("books", "rule")

    part, holder = Part(7, [1.0]), Holder()
    compiled, signature = pointer(caller, type_of(part), types.float64, (types.float64,))
    holder.rule, holder.books = Rule(compiled, signature), Address(part)
    structs = Structs()

    call = entry(through, type_of(holder), types.float64, (types.float64,))
    assert call(structs.of(holder).address, 2.5) == 10.5


def through(holder: Any, value: float) -> float:
    return holder.rule(holder.books, value)  # type: ignore[no-any-return]


def edited(fn: Callable[..., Any], **globals_: Any) -> Callable[..., Any]:
    """The function as it would be if names of its module had other values."""
    made = python_types.FunctionType(fn.__code__, {**fn.__globals__, **globals_}, fn.__name__)
    made.__module__, made.__qualname__ = fn.__module__, fn.__qualname__
    return made


def other_helper(value: float) -> float:
    return value + 2.0


def test_the_name_in_the_cache_follows_callees_and_constants() -> None:
    def name(fn: Callable[..., Any]) -> str:
        return _lowered(fn, {}, {fn.__module__: None})[1]

    other_helper.__qualname__ = helper.__qualname__  # as after an edit of its body
    assert name(caller) == name(edited(caller))
    assert name(caller) != name(edited(caller, helper=other_helper))
    compiled = entry(edited(caller, helper=other_helper), type_of(Part(1, [0.0])), types.float64, (types.float64,))
    assert compiled(Structs().of(Part(7, [1.0])).address, 2.5) == 11.5


def test_the_cache_is_named_by_every_source(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    root = tmp_path / "sim"
    for room in cache.SOURCES:
        (root / room).mkdir(parents=True)
        (root / room / "one.py").write_text("A = 1\n", encoding="utf-8")
    monkeypatch.setattr(cache, "__file__", str(root / "kernel" / "cache.py"))
    monkeypatch.setenv("VICTOR_SIM_CACHE", str(tmp_path))
    before = cache.cache_folder.__wrapped__()
    assert before.parent == tmp_path / "victor-sim" / "kernel"
    assert cache.cache_folder.__wrapped__() == before
    (root / "world" / "one.py").write_text("A = 2\n", encoding="utf-8")
    assert cache.cache_folder.__wrapped__() != before


def test_what_cannot_be_compiled_says_why() -> None:
    part = Part(1, [0.0])
    with pytest.raises(CannotCompile, match=r"cannot be compiled: a rule is a plain function of a module, without"):
        entry(closure(2.0), type_of(part), types.float64, (types.float64,))
    with pytest.raises(CannotCompile, match=r"^listed cannot be compiled: "):
        entry(listed, type_of(part), types.float64, (types.float64,))
    with pytest.raises(CannotCompile, match=r"^dict cannot be compiled: a state is made of arrays, numbers and obj"):
        type_of({})


def closure(number: float) -> Callable[..., float]:
    def inner(part: Part, value: float) -> float:
        return value + number

    return inner


def listed(part: Part, value: float) -> float:
    return math.fsum(sorted({"a": value}.values()))
