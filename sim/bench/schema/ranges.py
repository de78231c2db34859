"""How a key says what it accepts: ranges, words, registered names, in its field's metadata.

`sim.bench.check` holds values against them and names the key, the value and what is accepted.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any


def number(
    default: Any, minimum: float | None = None, maximum: float | None = None, *, above: float | None = None
) -> Any:
    """A numeric key: `minimum <= value <= maximum`, or `value > above`; None stays allowed where it is the default."""
    return field(default=default, metadata={"minimum": minimum, "maximum": maximum, "above": above})


def choice(default: Any, *accepted: str) -> Any:
    """A key that takes one of a few words."""
    return field(default=default, metadata={"accepted": accepted})


def choice_or(group: str, default: Any, *accepted: str) -> Any:
    """A key that takes one of a few words, or a name that a plugin brings to `group` of the registry."""
    return field(default=default, metadata={"accepted": accepted, "registry": group})


def rule(group: str, default: str) -> Any:
    """A `kind` key: a name that the registry knows in `group`."""
    return field(default=default, metadata={"registry": group})
