"""Settings of a plugin, typed by its manifest: what an operator gives is held against it before a load."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

from sim.errors import ConfigError

KINDS: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "text": (str,),
    "flag": (bool,),
    "texts": (list,),
    "numbers": (list,),
}
LARGEST = sys.float_info.max


class SettingSpec(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One setting: its kind, default, range or choices."""

    kind: str
    default: Any = None
    minimum: float | None = None
    maximum: float | None = None
    choices: list[str] = []
    summary: str = ""

    def fault(self) -> str:
        """What is wrong with the spec itself; empty: nothing."""
        if self.kind not in KINDS:
            return f"kind {self.kind[:40]}: one of {', '.join(KINDS)}"
        return "" if self.default is None or self.accepts(self.default) else f"default is not {self.accepted()}"

    def accepts(self, value: Any) -> bool:
        """Whether a value has the kind and lies in the range."""
        if self.kind in ("texts", "numbers"):
            inner = SettingSpec("text" if self.kind == "texts" else "number", None, self.minimum, self.maximum)
            return isinstance(value, list) and all(inner.accepts(item) for item in value)
        if not isinstance(value, KINDS[self.kind]) or (isinstance(value, bool) and self.kind != "flag"):
            return False
        if self.kind in ("number", "integer"):
            assert isinstance(value, int | float)
            low = -math.inf if self.minimum is None else self.minimum
            high = math.inf if self.maximum is None else self.maximum
            return abs(value) <= LARGEST and low <= value <= high  # `isfinite` raises for a longer integer
        return not self.choices or value in self.choices

    def accepted(self) -> str:
        """In words."""
        told = {"number": "a number", "integer": "a whole number", "flag": "true or false"}.get(self.kind, self.kind)
        if self.choices:
            return "one of " + ", ".join(self.choices)
        low = "" if self.minimum is None else f" from {self.minimum:g}"
        high = "" if self.maximum is None else f" to {self.maximum:g}"
        return told + low + high


def typed(specs: Mapping[str, SettingSpec], given: Mapping[str, Any], key: str) -> dict[str, Any]:
    """All settings, defaults filled in; raises `ConfigError` naming `key` and the setting."""
    for name, value in given.items():
        if name not in specs:
            raise ConfigError(f"{key}.{name}", value, "one of " + (", ".join(specs) or "nothing: it has no settings"))
        if not specs[name].accepts(value):
            raise ConfigError(f"{key}.{name}", value, specs[name].accepted())
    return {name: given.get(name, spec.default) for name, spec in specs.items()}
