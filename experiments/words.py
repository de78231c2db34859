"""Flags and overrides of a verb's command line, told apart."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sim.errors import ConfigError


@dataclass(slots=True)
class Words:
    """`overrides` hold a `=`; `words` are plain; `flags` start with `--`; `values` are flags that take one."""

    overrides: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    config_dir: Path | None = None


def parse(arguments: Sequence[str], flags: Sequence[str] = (), values: Sequence[str] = ()) -> Words:
    """Raises `ConfigError` for a flag that the verb does not have."""
    found = Words()
    rest = list(arguments)
    values = (*values, "--config-dir")
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in values:
            if not equals:
                if not rest:
                    raise ConfigError(name, "", "a value")
                value = rest.pop(0)
            found.values[name] = value
        elif word.startswith("--"):
            if word not in flags:
                raise ConfigError("flag", word, ", ".join([*flags, *values]))
            found.flags.add(word)
        elif equals:
            found.overrides.append(word)
        else:
            found.words.append(word)
    if "--config-dir" in found.values:
        found.config_dir = Path(found.values["--config-dir"])
    found.overrides = _saved(found.overrides) + [o for o in found.overrides if not o.startswith("config=")]
    return found


def _saved(overrides: Sequence[str]) -> list[str]:
    """config=FILE as overrides, before the others so that those win."""
    from sim.bench.compose import load_config

    return [line for o in overrides if o.startswith("config=") for line in load_config(Path(o.removeprefix("config=")))]


def asks_help(arguments: Sequence[str]) -> bool:
    """True for -h or --help among the words."""
    return "-h" in arguments or "--help" in arguments


def command(verb: str, arguments: Sequence[str]) -> str:
    """The command line that was typed, to be typed again."""
    return shlex.join(["victor-sim", verb, *arguments])
