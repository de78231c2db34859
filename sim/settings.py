"""Settings of a public object (manager, optimizer, plugin manager, gateway) from the mapping that a caller hands in.

Each of the four has a frozen dataclass whose `__post_init__` judges the values; what they share is here: None is all
defaults, an instance is taken as it is, and an unknown key is refused with the closest known one.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from sim.errors import ConfigError

Settings = TypeVar("Settings")


def settings_of(kind: type[Settings], config: Mapping[str, Any] | Settings | None) -> Settings:
    """An instance of the dataclass `kind`; raises `ConfigError` for what is no mapping and for an unknown key."""
    if isinstance(config, kind):
        return config
    if config is None:
        return kind()
    if not isinstance(config, Mapping):
        raise ConfigError("config", config, f"a mapping of settings, {_article(kind.__name__)} or None")
    known = [each.name for each in dataclasses.fields(kind)]  # type: ignore[arg-type] # a dataclass by the docstring
    for key, value in config.items():
        if key not in known:
            raise ConfigError(str(key), value, f"one of {', '.join(known)}{hint(str(key), known)}")
    return kind(**config)


def hint(word: str, known: Collection[str]) -> str:
    """` (did you mean X?)` for the known word closest to `word`; empty when none is close."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]}?)" if near else ""


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"
