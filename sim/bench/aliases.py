"""How large a YAML tree is once its aliases are written out: a few lines may stand for billions of values, or for ever.

`&a [*a]` contains itself, and ten lists of ten aliases of the one before stand for 10^10 values ("billion laughs": CVE
2003-1564). The parser shares what an alias means, so that the sizes are added up in time linear in the file.
"""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

from sim.errors import InputError

VALUES_MAX = 1_000_000  # a fleet of 100,000 nodes, each with its own speed, has a tenth


def refuse_endless(path: Path, tree: Any) -> None:
    """Raise `InputError` where the tree read from `path` stands for more than `VALUES_MAX` values."""
    if values_in(tree) > VALUES_MAX:
        reason = f"a part of it contains itself, or stands for over {VALUES_MAX:,} values"
        raise InputError(str(path), None, None, reason)


def values_in(tree: Any) -> float:
    """Values of a tree of mappings and lists with every alias written out; infinity where a part contains itself."""
    sizes: dict[int, float] = {}
    waiting = [(tree, False)]
    while waiting:  # no recursion: a tree may be as deep as the parser allows
        part, is_counted = waiting.pop()
        inner = list(part.values()) if isinstance(part, dict) else part if isinstance(part, list) else []
        if is_counted:
            sizes[id(part)] = 1.0 + sum(size_of(value, sizes) for value in inner)
        elif id(part) not in sizes and inner:
            sizes[id(part)] = inf  # until it is known: whoever meets it meanwhile is within it
            waiting.append((part, True))
            waiting += [(value, False) for value in inner]
    return size_of(tree, sizes)


def size_of(part: Any, sizes: dict[int, float]) -> float:
    """That of a container as counted so far, 1 for a plain value."""
    return sizes.get(id(part), 1.0) if isinstance(part, dict | list) else 1.0
