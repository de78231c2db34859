"""Flags, overrides and words of a verb's command line, told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sim.errors import ConfigError

CONFIG_DIR = "--config-dir"
FROM_ZERO = ("seed", "workers")  # settings that may be 0; the others count something
HELP = "the verb with --help shows examples, flags and keys"
SHORT = {"-m": "--multirun"}


@dataclass(slots=True)
class Words:
    """`overrides` hold a `=`; `words` are plain; `flags` start with a dash; `values` are flags that take one."""

    overrides: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    flags: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)

    @property
    def config_dir(self) -> Path | None:
        """The folder of the user's own config groups."""
        return Path(self.values[CONFIG_DIR]) if CONFIG_DIR in self.values else None


def parse(
    arguments: Sequence[str], flags: Sequence[str] = (), values: Sequence[str] = (), words: Sequence[str] = ()
) -> Words:
    """Take a command line apart; `words` names the plain words that the verb takes, all needed but a last [ONE].

    Raises `ConfigError` for a flag that the verb does not have, and for words too many or too few.
    """
    found = Words()
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.partition("=")
        if name in values:
            if not equals and not rest:
                raise ConfigError(name, "", "a value after it")
            found.values[name] = value if equals else rest.pop(0)
        elif word.startswith("-"):
            if SHORT.get(word, word) not in flags:
                raise ConfigError("flag", word, " ".join([*flags, *values, "--help"]), HELP)
            found.flags.add(SHORT.get(word, word))
        elif equals or word.startswith("~"):
            found.overrides.append(word)
        else:
            found.words.append(word)
    needed = sum(not name.startswith("[") for name in words)
    if not needed <= len(found.words) <= len(words):
        wanted = " ".join(words) if words else "key=value only"
        raise ConfigError("words", " ".join(found.words) or "none", wanted, HELP)
    return found


def settings(found: Words, accepted: dict[str, int]) -> dict[str, int]:
    """Whole-number `key=value` settings of a verb that composes nothing, over their defaults; raises `ConfigError`."""
    result = dict(accepted)
    for text in found.overrides:
        key, _, value = text.partition("=")
        if key not in accepted:
            raise ConfigError(key, value, "one of " + ", ".join(f"{name}=N" for name in accepted))
        least = 0 if key in FROM_ZERO else 1
        if not value.isdecimal() or int(value) < least:
            raise ConfigError(key, value, f"a whole number, at least {least}")
        result[key] = int(value)
    return result
