"""The compiled engine without its compiler: the kernel's functions run as they stand, over the same memory.

What is tested so is the code, not its machine code; it starts at once, where a kernel takes seconds to compile. Structs
are the objects themselves, and bound names are set in copies of the functions.
"""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest

from sim.kernel import driver, feed, machine_draws, paths, state
from sim.kernel.records import lay_records
from sim.types.records import TRUNCATED

ROOMS = ("sim.kernel.", "sim.scalability.balancer.")


class PlainStruct:
    """An object that is its own struct."""

    def __init__(self, obj: Any) -> None:
        self.address = obj

    def pull(self) -> None:
        """Nothing is copied."""

    def push(self) -> None:
        """Nothing is copied."""


class PlainStructs:
    """Stands for `sim.kernel.structs.Structs`."""

    def of(self, obj: Any) -> PlainStruct:
        """Its struct."""
        return PlainStruct(obj)

    def forget(self, obj: Any) -> None:
        """Nothing was kept."""


def bound_copy(fn: Any, bound: dict[str, Any], made: dict[Any, Any]) -> Any:
    """A copy of `fn` and of the functions of these rooms that it calls, in which `bound` holds."""
    if fn in made:
        return made[fn]
    scope = dict(fn.__globals__)
    copy = made[fn] = types.FunctionType(fn.__code__, scope, fn.__name__, fn.__defaults__)
    for name in fn.__code__.co_names:
        if name in scope:
            value = bound.get(name, scope[name])
            ours = isinstance(value, types.FunctionType) and value.__module__.startswith(ROOMS)
            scope[name] = bound_copy(value, bound, made) if ours else value
    return copy


def plain_entry(fn: Any, of: Any, result: Any, arguments: Any, bound: dict[str, Any] | None = None) -> Any:
    """Stands for `lower.entry`."""
    return bound_copy(fn, bound or {}, {})


def plain_pointer(fn: Any, of: Any, result: Any, arguments: Any, bound: dict[str, Any] | None = None) -> Any:
    """Stands for `lower.pointer`."""
    return bound_copy(fn, bound or {}, {}), None


def lay_littered(obj: Any, count: int, kinds: Any, starts: Any = None, cleared: bool = True) -> None:
    """As `lay_records`; records that need not be clear look like rows of a run before: nobody may take them for his."""
    lay_records(obj, count, kinds, starts, cleared)
    if not cleared:
        for name, kind in kinds.items():
            column = getattr(obj, name)
            column[:] = 0.25 if kind == np.float64 else np.arange(len(column)) % (TRUNCATED + 1)


@pytest.fixture
def uncompiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """No kernel is compiled within the test."""
    for module in (driver, feed, machine_draws):
        monkeypatch.setattr(module, "entry", plain_entry)
        monkeypatch.setattr(module, "Structs", PlainStructs)
        monkeypatch.setattr(module, "type_of", lambda obj: None)
    monkeypatch.setattr(state, "lay_records", lay_littered)
    monkeypatch.setattr(paths, "pointer", plain_pointer)
    monkeypatch.setattr(paths, "type_of", lambda obj: None)
    monkeypatch.setattr(paths, "Rule", lambda compiled, signature: compiled)
    monkeypatch.setattr(paths, "Address", lambda obj: obj)
