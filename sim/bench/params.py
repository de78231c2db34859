"""A room's frozen params from the config dataclass of the same fields."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

T = TypeVar("T")


def fields(config: Any) -> dict[str, Any]:
    """The fields of a config dataclass, shallow."""
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


def copy(cls: type[T], config: Any) -> T:
    """An instance of `cls` with the fields of the config dataclass."""
    return cls(**fields(config))
