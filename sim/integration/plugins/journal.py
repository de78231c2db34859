"""The journal of hook calls: what a run needs to be run again without its plugins' code.

A line is a plugin that was loaded (`Loaded`), or one hook call of it (`Entry`): when, with which payload (its digest),
what it asked of the host meanwhile and was answered (`Asked`), and how it ended; or an object that it brought, with all
that it answered (`Brought`, see `objects`). Entries stand in the order in which the calls began. JSON lines; at most
`entries_max` calls and answers. Written by `recording`, answered from by `replaying`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from sim.errors import InputError, SimError

ENTRIES_MAX = 10_000_000
OPEN, VALUE, RAISED, ENDED = "open", "value", "raised", "ended"  # how a call stands; `ended`: with its process


class Asked(msgspec.Struct):
    """One host function of a call; `answer` is a digest, `refusal` why there was none."""

    at: float
    name: str
    arguments: dict[str, Any]
    answer: str = ""
    refusal: str = ""


class Loaded(msgspec.Struct, tag="loaded", frozen=True):
    """A generation of a plugin came into service; `waiting` are the hooks that are coroutine functions."""

    at: float
    plugin: str
    version: str
    isolation: str
    waiting: list[str] = []


class Entry(msgspec.Struct, tag="call"):
    """One hook call of one plugin; `value` is its answer, `why` and `text` what was raised."""

    number: int
    at: float
    plugin: str
    hook: str
    payload: str  # digest
    kind: str = OPEN
    ended_at: float | None = None
    value: Any = None
    why: str = ""
    text: str = ""
    is_coroutine: bool = False  # what the hook gave
    early: bool = False  # of a wrapper: it ended before its yield
    asked: list[Asked] = []


class Brought(msgspec.Struct, tag="object"):
    """An object that a run made of what a plugin brings: `facts` of it, its answers as (digest of the call, value).

    `why_not`: why it cannot be played; its answers are then of no use.
    """

    plugin: str
    group: str
    name: str
    facts: dict[str, Any] = {}
    why_not: str = ""
    answers: list[tuple[str, Any]] = []


class JournalFull(SimError):
    """More calls than a journal may hold."""

    def __init__(self, entries_max: int) -> None:
        super().__init__(entries_max)
        self.entries_max = entries_max

    def __str__(self) -> str:
        return f"the journal of hook calls is full: {self.entries_max} entries"


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):  # a number of numpy's
        return value.item()
    raise TypeError(f"a {type(value).__name__} is no plain data")


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain, order="deterministic")
_DECODER = msgspec.json.Decoder(Loaded | Entry | Brought)


def digest(value: Any) -> str:
    """16 hex digits of plain data, bytes included; the same for equal dicts in another order."""
    return hashlib.blake2b(_ENCODER.encode(value), digest_size=8).hexdigest()


class Journal:
    """Grows with every call; `lines` and `of_lines` are its file form."""

    def __init__(self, lines: Iterable[Loaded | Entry | Brought] = (), entries_max: int = ENTRIES_MAX) -> None:
        self.entries_max = entries_max
        self.loads: list[Loaded] = []
        self.entries: list[Entry] = []
        self.brought: list[Brought] = []
        self._answers_count = 0
        kept: dict[type, list[Any]] = {Loaded: self.loads, Entry: self.entries, Brought: self.brought}
        for line in lines:
            kept[type(line)].append(line)

    def begin(self, at: float, plugin: str, hook: str, payload: Any) -> Entry:
        """A call begins; raises JournalFull."""
        self._room()
        entry = Entry(len(self.entries), at, plugin, hook, digest(payload))
        self.entries.append(entry)
        return entry

    def answer(self, kept: Brought, asked: str, value: Any) -> None:
        """An object was asked and answered; raises JournalFull."""
        self._room()
        self._answers_count += 1
        kept.answers.append((asked, value))

    def _room(self) -> None:
        if len(self.entries) + self._answers_count >= self.entries_max:
            raise JournalFull(self.entries_max)

    def lines(self) -> bytes:
        """JSON: plugins first, then calls, then objects, one a line."""
        rows = (*self.loads, *self.entries, *self.brought)
        return b"".join(msgspec.json.encode(row) + b"\n" for row in rows)

    @classmethod
    def of_lines(cls, data: bytes, path: str = "journal") -> Journal:
        """The journal of `lines`; raises `InputError` naming the line that is none."""
        found = []
        for number, line in enumerate(data.splitlines(), 1):
            try:
                found.append(_DECODER.decode(line))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                raise InputError(path, number, None, f"no line of a journal of plugin calls: {error}") from None
        return cls(found)
