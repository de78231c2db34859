"""What a key accepts, told from the schema: the words that every config error and close match rests on.

A key is a dotted path of `sim.bench.schema.Config`. Keys below a mapping (`service.params.x`, `arrivals.type_mix.NAME`)
are the user's own names and are known as far as their mapping is.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from sim.bench.schema import Config
from sim.errors import ConfigError
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
        brought = names(metadata["registry"]) if "registry" in metadata else []
        return "one of " + ", ".join([*metadata["accepted"], *brought])
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


MAKES_ONE = "victor-sim init my-fleet makes such a folder: my-fleet/conf"
EVERY_KEY = "victor-sim run --help lists every key with its default, and the choices of every group"


def near(name: str, extra: list[str] | None = None) -> str:
    """Words for an unknown key: up to three close ones, else where the list is."""
    candidates = [*known_keys(), *sections(), *(extra or [])]
    last = name.rpartition(".")[2]
    misplaced = [key for key in known_keys() if key.rpartition(".")[2] == last]  # a right last word, another section
    similar = difflib.get_close_matches(name, candidates, n=3, cutoff=0.6)
    close = list(dict.fromkeys([*misplaced[:1], *similar, *misplaced]))[:3]
    return f"a known key, near it: {', '.join(close)}" if close else "a known key (`victor-sim run --help` lists them)"


def is_known(key: str, config_dir: Path | None = None) -> bool:
    """True for a key of the schema or a config group."""
    return key in option_names(config_dir) or find(key) is not None


def packaged_groups() -> dict[str, list[str]]:
    """Group -> names of its choices, as they travel in the package."""
    root = resources.files("sim.conf")
    found = {}
    for folder in root.iterdir():
        if folder.is_dir():
            files = [entry.name for entry in folder.iterdir() if entry.name.endswith(".yaml")]
            found[folder.name] = sorted(name.removesuffix(".yaml") for name in files)
    return {group: choices for group, choices in sorted(found.items()) if choices}


def option_names(config_dir: Path | None = None) -> dict[str, list[str]]:
    """Group -> names of its choices, the user's own included; raises `ConfigError` when their folder is not there."""
    groups = packaged_groups()
    if config_dir is not None:
        if not config_dir.is_dir():
            raise ConfigError("--config-dir", config_dir, "a folder that holds config groups", MAKES_ONE)
        for path in sorted(config_dir.glob("*/*.yaml")):
            choices = groups.get(path.parent.name)
            if choices is not None and path.stem not in choices:
                choices.append(path.stem)
    return groups


def overview() -> str:
    """Config groups with their choices, and every key with its default, as text for people."""
    lines = ["groups (GROUP=NAME):"]
    lines += [f"  {group:12} {' '.join(choices)}" for group, choices in packaged_groups().items()]
    lines += ["", "keys and defaults (a group's choice may set others):"]
    lines += [f"  {name}={_shown(_default(name))}" for name in known_keys()]
    return "\n".join(lines)


def _default(name: str) -> Any:
    value: Any = Config()
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _shown(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
