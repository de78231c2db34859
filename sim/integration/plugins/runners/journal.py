"""Every call of a plugin with its answer and what it asked for, so that a run replays without the plugin.

A worker may read real clocks and real entropy; its journal makes the run repeatable all the same: same calls, same
answers, and the host functions asked again in their order, so that tasks are submitted and events written as before.
An entry is msgpack in the order of the calls; `digest` is blake2b over all. The replay of another call than the one
written (another hook, payload or instant) is `PluginEnded` with `replay`: the run has taken another course.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from sim.contracts import Runtime
from sim.integration.plugins.runners import base

ENTRIES_MAX = 1_000_000
FILE_MAX_BYTES = 1 << 30


class Asked(msgspec.Struct):
    """One host function of a call: its value, or why it was refused."""

    name: str
    arguments: dict[str, Any]
    value: Any
    error: str = ""


class Entry(msgspec.Struct):
    """One call; `kind` is `value`, `raised` or `ended`, with the value or (why, text)."""

    plugin_id: str
    hook: str
    at: float
    payload: bytes  # blake2b of its msgpack
    asked: list[Asked]
    kind: str
    value: Any = None
    why: str = ""
    text: str = ""


def digest_of(payload: Any) -> bytes:
    """16 bytes that tell payloads apart."""
    return hashlib.blake2b(msgspec.msgpack.encode(payload), digest_size=16).digest()


class Journal:
    """Entries in the order of the calls, at most `entries_max`: the next one ends the run rather than be lost."""

    def __init__(self, entries: list[Entry] | None = None, entries_max: int = ENTRIES_MAX) -> None:
        self.entries, self.entries_max = entries or [], entries_max

    def add(self, entry: Entry) -> None:
        """Append; raises PluginEnded `journal` when it is full."""
        if len(self.entries) >= self.entries_max:
            raise base.PluginEnded(entry.plugin_id, entry.hook, "journal", f"it holds {self.entries_max} calls")
        self.entries.append(entry)

    def digest(self) -> str:
        """Hex of all entries."""
        return hashlib.blake2b(msgspec.msgpack.encode(self.entries), digest_size=16).hexdigest()

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        partial = path.with_suffix(path.suffix + ".partial")
        partial.write_bytes(msgspec.msgpack.encode(self.entries))
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> Journal:
        """Raises PluginEnded `journal` for what is not one."""
        if path.stat().st_size > FILE_MAX_BYTES:
            raise base.PluginEnded("*", str(path), "journal", f"more than {FILE_MAX_BYTES} bytes")
        try:
            return cls(msgspec.msgpack.decode(path.read_bytes(), type=list[Entry]))
        except msgspec.MsgspecError as error:
            raise base.PluginEnded("*", str(path), "journal", str(error)) from None


class Listening:
    """Host functions that are overheard: give it to a runner in the host's place; implements `base.HostFunctions`."""

    def __init__(self, host: base.HostFunctions) -> None:
        self._host, self.asked = host, list[Asked]()

    async def ask(self, plugin_id: str, name: str, arguments: dict[str, Any]) -> Any:
        """As the host."""
        try:
            value = await self._host.ask(plugin_id, name, arguments)
        except PermissionError as error:
            self.asked.append(Asked(name, arguments, None, str(error) or "refused"))
            raise
        self.asked.append(Asked(name, arguments, value))
        return value


class RecordingRunner:
    """A runner whose calls are written down; `listening` is what it was given as its host."""

    def __init__(
        self, runtime: Runtime, runner: base.SourceRunner, listening: Listening, journal: Journal, plugin_id: str
    ) -> None:
        self._runtime, self._runner, self._listening = runtime, runner, listening
        self._journal, self._plugin_id = journal, plugin_id

    async def start(self, source: base.PluginSource) -> tuple[str, ...]:
        """As the runner."""
        return await self._runner.start(source)

    async def call(self, hook: str, payload: Any, deadline_s: float) -> Any:
        """As the runner; what it gives or raises is written down first."""
        entry = Entry(self._plugin_id, hook, self._runtime.now(), digest_of(payload), [], "value")
        self._listening.asked = entry.asked
        try:
            entry.value = await self._runner.call(hook, payload, deadline_s)
        except base.PluginRaised as error:
            entry.kind, entry.why, entry.text = "raised", error.why, error.text
            raise
        except base.PluginEnded as error:
            entry.kind, entry.why, entry.text = "ended", error.why, error.text
            raise
        finally:
            self._journal.add(entry)
        return entry.value

    async def stop(self) -> None:
        """As the runner."""
        await self._runner.stop()

    def isolation(self) -> str:
        """As the runner."""
        return self._runner.isolation()

    def statistics(self) -> base.RunnerStatistics:
        """As the runner."""
        return self._runner.statistics()


class ReplayRunner:
    """A plugin's calls answered from a journal; no code of it runs. Implements `base.SourceRunner`."""

    def __init__(self, runtime: Runtime, host: base.HostFunctions, journal: Journal, plugin_id: str) -> None:
        self._runtime, self._host, self._plugin_id = runtime, host, plugin_id
        self._entries = iter([entry for entry in journal.entries if entry.plugin_id == plugin_id])
        self._statistics = base.RunnerStatistics()

    async def start(self, source: base.PluginSource) -> tuple[str, ...]:
        """The hooks it is said to have: nothing is loaded."""
        return source.hooks

    async def call(self, hook: str, payload: Any, deadline_s: float) -> Any:
        """What the journal says; raises what was raised, and PluginEnded `replay` for a call that it does not hold."""
        entry = next(self._entries, None)
        now = self._runtime.now()
        if entry is None or (entry.hook, entry.at, entry.payload) != (hook, now, digest_of(payload)):
            raise base.PluginEnded(self._plugin_id, hook, "replay", f"the journal holds another call than at {now} s")
        self._statistics.calls_count += 1
        for asked in entry.asked:
            await self._ask_again(hook, asked)
        if entry.kind == "value":
            return entry.value
        kind = base.PluginRaised if entry.kind == "raised" else base.PluginEnded
        raise kind(self._plugin_id, hook, entry.why, entry.text)

    async def _ask_again(self, hook: str, asked: Asked) -> None:
        self._statistics.asks_count += 1
        try:
            value, error = await self._host.ask(self._plugin_id, asked.name, asked.arguments), ""
        except PermissionError as refusal:
            value, error = None, str(refusal) or "refused"
        if (digest_of(value), error) != (digest_of(asked.value), asked.error):
            raise base.PluginEnded(self._plugin_id, hook, "replay", f"{asked.name} answers otherwise than it did")

    async def stop(self) -> None:
        """Nothing runs."""

    def isolation(self) -> str:
        """No code of the plugin is in reach."""
        return "replay"

    def statistics(self) -> base.RunnerStatistics:
        """Counts so far."""
        return self._statistics
