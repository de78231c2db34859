"""The defaults of every key, composed once a process: a storm composes nothing a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from sim.bench.compose import compose
from sim.bench.schema import Config


@cache
def base() -> Config:
    """The configuration that nobody changed."""
    return compose([])


def value_of(found: Mapping[str, Any], key: str) -> Any:
    """What a key is set to, else its default."""
    if key in found:
        return found[key]
    part: Any = base()
    for step in key.split("."):
        part = getattr(part, step)
    return part
