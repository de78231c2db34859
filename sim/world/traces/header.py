"""What the first line of a trace says: the delimiter, the columns, and which field each one holds.

Columns are found by their usual names (case, blanks and punctuation do not matter) or named by `arrivals.columns.*`.
"""

from __future__ import annotations

import csv

from sim.errors import ConfigError, InputError
from sim.world.params import ColumnParams

USUAL = {
    "time": ("timestamp", "time", "arrivedat", "arrivaltime", "arrival", "ts", "starttime", "at"),
    "prompt_tokens": ("contexttokens", "prompttokens", "inputtokens", "promptsize"),
    "output_tokens": ("generatedtokens", "outputtokens", "completiontokens", "tokensize"),
    "service_s": ("services", "durations", "duration", "servicetime"),
    "type": ("type", "agenttype"),
    "key": ("key", "session", "sessionid", "user", "userid", "client"),
}
DELIMITERS = (",", ";", "\t")


def delimiter_of(line: str) -> str:
    """The delimiter that occurs most in the first line."""
    return max(DELIMITERS, key=line.count)


def split(path: str, line: str) -> list[str]:
    """The names in the first line; raises `InputError` where its quoting or its line ends are broken."""
    try:
        names = next(csv.reader([line], delimiter=delimiter_of(line)), [])
    except csv.Error as error:
        raise InputError(path, 1, None, f"{error}; accepted is a CSV") from None
    return [name.strip() for name in names]


def find(path: str, names: list[str], columns: ColumnParams) -> dict[str, int]:
    """Field -> index of its column, for the fields that are there.

    Raises `ConfigError` for a named column that is not there, `InputError` when no column holds the time.
    """
    found: dict[str, int] = {}
    plain = ["".join(letter for letter in name.lower() if letter.isalnum()) for name in names]
    for field, usual in USUAL.items():
        name = getattr(columns, field)
        if name is not None:
            if name not in names:
                raise ConfigError(
                    f"arrivals.columns.{field}",
                    name,
                    f"a column of {path}: " + ", ".join(names),
                    _say(path, field, names),
                )
            found[field] = names.index(name)
        else:
            known = [plain.index(word) for word in usual if word in plain]
            if known:
                found[field] = known[0]
    if "time" not in found:
        accepted = f"name one with arrivals.columns.time; there are {', '.join(names)}"
        problem = f"no time column is known by its name; {accepted}"
        raise InputError(path, 1, None, problem, _say(path, "time", names))
    return found


def _say(path: str, field: str, names: list[str]) -> str:
    return f"victor-sim inspect {path} arrivals.columns.{field}={names[0]} shows what is understood then"
