"""What a key accepts, told from the schema: the words that every config error and close match rests on.

A key is a dotted path of `sim.bench.schema.Config`. Keys below a mapping (`service.params.x`, `arrivals.type_mix.NAME`)
are the user's own names and are known as far as their mapping is.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sim.bench.schema import Config
from sim.registry import names

INTERNAL = ("command", "experiment")  # filled in, never asked for
NULL = " or null"


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """A leaf of the schema: its annotation as written, and the metadata that holds its range."""

    name: str
    annotation: str
    metadata: Mapping[str, Any]

    @property
    def mapping(self) -> bool:
        """True when the keys below it are free."""
        return self.annotation.startswith("dict")


@cache
def known_keys() -> dict[str, Key]:
    """Every leaf key of the schema by its dotted name."""
    return {key.name: key for key in _walk(Config(), "")}


def _walk(part: Any, prefix: str) -> Iterator[Key]:
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        if dataclasses.is_dataclass(value):
            yield from _walk(value, f"{prefix}{field.name}.")
        elif prefix or field.name not in INTERNAL:
            yield Key(prefix + field.name, str(field.type), field.metadata)


def sections() -> list[str]:
    """Names that hold keys of their own: `fleet`, `arrivals.columns`, ..."""
    return sorted({name.rpartition(".")[0] for name in known_keys() if "." in name})


def find(name: str) -> Key | None:
    """The leaf that `name` is or lies below; None when there is none."""
    keys = known_keys()
    if name in keys:
        return keys[name]
    parts = name.split(".")
    above = (".".join(parts[:count]) for count in range(len(parts) - 1, 0, -1))
    return next((keys[text] for text in above if text in keys and keys[text].mapping), None)


def accepted(key: Key) -> str:
    """What the key takes, in words."""
    metadata, annotation = key.metadata, key.annotation
    null = NULL if "None" in annotation else ""
    if "accepted" in metadata:
        return "one of " + ", ".join(metadata["accepted"])
    if "registry" in metadata:
        return "one of " + ", ".join(names(metadata["registry"]))
    if annotation.startswith(("int", "float")):
        return ("a whole number" if annotation.startswith("int") else "a number") + _range(metadata) + null
    if annotation == "bool":
        return "true or false"
    if annotation.startswith("list"):
        return "a list of numbers" if "float" in annotation else "a list of texts"
    return ("a mapping such as {name: value}" if key.mapping else "text") + null


def _range(metadata: Mapping[str, Any]) -> str:
    minimum, maximum, above = (metadata.get(name) for name in ("minimum", "maximum", "above"))
    if above is not None:
        return f" above {above:g}"
    if minimum is not None and maximum is not None:
        return f" from {minimum:,} to {maximum:,}"
    return f", at least {minimum:g}" if minimum is not None else ""


def near(name: str, extra: list[str] | None = None) -> str:
    """Words for an unknown key: up to three close ones, else where the list is."""
    candidates = [*known_keys(), *sections(), *(extra or [])]
    close = difflib.get_close_matches(name, candidates, n=3, cutoff=0.6)
    if not close:  # a right last word in the wrong section
        last = name.rpartition(".")[2]
        close = [key for key in candidates if key.rpartition(".")[2] == last][:3]
    return f"a known key, near it: {', '.join(close)}" if close else "a known key (`victor-sim run --help` lists them)"
