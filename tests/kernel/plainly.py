"""The kernel's functions as they stand, without a compiler, with other values for the names that are bound."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any


def plainly(fn: Callable[..., Any], bound: dict[str, Any]) -> Callable[..., Any]:
    """A copy of `fn` and of all functions of the kernel that it calls, in which `bound` holds."""
    copy: Callable[..., Any] = _copied(fn, bound, {})
    return copy


def _copied(fn: Any, bound: dict[str, Any], made: dict[Any, Any]) -> Any:
    if fn in made:
        return made[fn]
    scope = dict(fn.__globals__)
    copy = made[fn] = types.FunctionType(fn.__code__, scope, fn.__name__, fn.__defaults__)
    for name in fn.__code__.co_names:
        value = bound.get(name, scope.get(name))
        if isinstance(value, types.FunctionType) and value.__module__.startswith("sim.kernel."):
            value = _copied(value, bound, made)
        if name in scope:
            scope[name] = value
    return copy
