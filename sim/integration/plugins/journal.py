"""The journal of hook calls, and a runner that answers from it: a run again without the plugin's code.

A line is (number, instant, plugin, hook, digest of the payload, answer or failure). A replay is held against it call by
call; the first that differs is told and the plugin's calls fail from there on. JSON lines; at most `entries_max`.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from sim.errors import SimError
from sim.integration.plugins.runners.base import PluginRaised, PluginSource, RunnerStatistics
from sim.runtime.events import canonical

ENTRIES_MAX = 10_000_000


class Entry(msgspec.Struct, frozen=True):
    """One hook call of one plugin."""

    number: int
    at: float
    plugin: str
    hook: str
    payload: str  # digest
    value: Any = None
    failure: str = ""
    text: str = ""


class JournalFull(SimError):
    """More calls than a journal may hold."""

    def __init__(self, entries_max: int) -> None:
        super().__init__(entries_max)
        self.entries_max = entries_max

    def __str__(self) -> str:
        return f"the journal of hook calls is full: {self.entries_max} entries"


class ReplayDiffers(SimError):
    """A replayed run calls a plugin in another way than the run of the journal."""

    def __init__(self, plugin: str, number: int, was: str, told: str) -> None:
        super().__init__(plugin, number, was, told)
        self.plugin, self.number, self.was, self.told = plugin, number, was, told

    def __str__(self) -> str:
        return f"call {self.number} of {self.plugin}: {self.told} now, {self.was} in the journal"


def digest(payload: Any) -> str:
    """16 hex digits of a payload."""
    return hashlib.blake2b(canonical(payload).encode(), digest_size=8).hexdigest()


class Journal:
    """Grows with every call; `lines` and `of_lines` are its file form."""

    def __init__(self, entries: Iterable[Entry] = (), entries_max: int = ENTRIES_MAX) -> None:
        self.entries, self.entries_max = list(entries), entries_max

    def note(self, at: float, plugin: str, hook: str, payload: Any, value: Any) -> None:
        """A call that ended well; raises JournalFull."""
        self._add(Entry(len(self.entries), at, plugin, hook, digest(payload), value))

    def note_failure(self, at: float, plugin: str, hook: str, failure: str, text: str) -> None:
        """A call that failed; raises JournalFull."""
        self._add(Entry(len(self.entries), at, plugin, hook, "", None, failure, text))

    def _add(self, entry: Entry) -> None:
        if len(self.entries) >= self.entries_max:
            raise JournalFull(self.entries_max)
        self.entries.append(entry)

    def lines(self) -> bytes:
        """JSON, one entry a line."""
        return b"".join(msgspec.json.encode(entry) + b"\n" for entry in self.entries)

    @classmethod
    def of_lines(cls, data: bytes) -> Journal:
        """The journal of `lines`; raises msgspec.DecodeError."""
        return cls(msgspec.json.decode(line, type=Entry) for line in data.splitlines())


class ReplayRunner:
    """Answers from a journal; implements `protocol.PluginRunner`. The plugin's code is never read."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._left: deque[Entry] = deque()
        self._statistics = RunnerStatistics()
        self.functions: dict[str, Callable[[Any], Any]] = {}
        self.provided: list[tuple[str, str, Any]] = []

    async def start(self, source: PluginSource) -> tuple[str, ...]:
        """Take this plugin's entries."""
        self._left = deque(entry for entry in self._journal.entries if entry.plugin == source.plugin_id)

        def answer_to(hook: str) -> Callable[[Any], Any]:
            return lambda payload: self._answer(source.plugin_id, hook, payload)

        self.functions = {hook: answer_to(hook) for hook in source.hooks}
        return tuple(source.hooks)

    def _answer(self, plugin: str, hook: str, payload: Any) -> Any:
        self._statistics.calls_count += 1
        number = self._statistics.calls_count
        if not self._left:
            raise ReplayDiffers(plugin, number, "no more calls", hook)
        entry = self._left.popleft()
        told = f"{hook} {digest(payload)}"
        was = f"{entry.hook} {entry.payload}"
        if entry.failure and entry.hook == hook:
            raise PluginRaised(plugin, hook, entry.failure, entry.text)
        if was != told:
            raise ReplayDiffers(plugin, number, was, told)
        return entry.value

    async def call(self, hook: str, payload: Any, deadline_s: float) -> Any:
        """A hook's value; raises PluginRaised, ReplayDiffers."""
        return self.functions[hook](payload)

    async def stop(self) -> None:
        """Nothing is held."""
        self.functions = {}

    def isolation(self) -> str:
        """No code of the plugin runs."""
        return "none"

    def statistics(self) -> RunnerStatistics:
        """Counts so far."""
        return self._statistics
