"""A runner that answers from a journal: a run again without the plugin's code, what it asked of the host included.

Host functions are asked again, at their instants and in their order, so that tasks are submitted and events written as
before; they must answer as they did. A call is held against the journal by plugin, hook and payload: the first that
differs is told, and the plugin's calls fail from there on. What it brings is played by `objects`.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Generator
from typing import Any

from sim.contracts import Runtime
from sim.integration.plugins.folder import Found
from sim.integration.plugins.journal import ENDED, OPEN, RAISED, Asked, Entry, Journal, Loaded, digest
from sim.integration.plugins.objects import Kinds, Playing
from sim.integration.plugins.protocol import PluginEnded, PluginRaised, PluginRefused, ReplayDiffers
from sim.integration.plugins.runners.base import HostFunctions, PluginSource, RunnerStatistics


class Replay:
    """A journal that is played: what is left of it, by plugin."""

    def __init__(
        self, journal: Journal, runtime: Callable[[], Runtime], host: HostFunctions, kinds: Kinds | None = None
    ) -> None:
        self.runtime, self.host, self.objects = runtime, host, Playing(journal, kinds)
        self.calls: defaultdict[str, deque[Entry]] = defaultdict(deque)
        self.loads: defaultdict[str, deque[Loaded]] = defaultdict(deque)
        for entry in journal.entries:
            self.calls[entry.plugin].append(entry)
        for loaded in journal.loads:
            self.loads[loaded.plugin].append(loaded)

    def left(self) -> str:
        """Of whom calls are left, in words; empty: the journal was played to its end."""
        for plugin_id, entries in self.calls.items():
            if entries:
                return f"{len(entries)} calls of {plugin_id} in the journal were not made"
        return self.objects.left()

    def make_runner(self, found: Found, level: str) -> ReplayRunner:
        """In the place of every plugin's code."""
        assert found.manifest is not None
        order, provides = found.manifest.order, found.manifest.provides
        brought = self.objects.entries(found.plugin_id, list(provides))
        return ReplayRunner(self, [hook for hook, each in order.items() if each.wrapper], brought)


class ReplayRunner:
    """Implements `protocol.PluginRunner`; `wrappers` are hooks that stand around the others."""

    def __init__(self, replay: Replay, wrappers: list[str], brought: list[tuple[str, str, Any]]) -> None:
        self._replay, self._wrappers = replay, wrappers
        self._plugin_id, self._isolation = "", "none"
        self._statistics = RunnerStatistics()
        self.functions: dict[str, Callable[[Any], Any]] = {}
        self.provided = brought

    async def start(self, source: PluginSource) -> tuple[str, ...]:
        """Take the next load of this plugin; raises PluginRefused where the journal holds none."""
        loads = self._replay.loads[source.plugin_id]
        if not loads:
            raise PluginRefused(source.plugin_id, "load", "replay", "the journal holds no load of it (any more)")
        loaded = loads.popleft()
        self._plugin_id, self._isolation = source.plugin_id, loaded.isolation
        self.functions = {hook: self._function(hook, hook in loaded.waiting) for hook in source.hooks}
        return tuple(source.hooks)

    def _function(self, hook: str, waits: bool) -> Callable[[Any], Any]:
        def around(payload: Any) -> Generator[None, Any, Any]:
            entry = self._next(hook, payload)
            if entry.early:
                self._end(entry)
            yield
            return self._end(entry)

        async def later(payload: Any) -> Any:
            return await self._play(self._next(hook, payload))

        def now(payload: Any) -> Any:
            entry = self._next(hook, payload)
            return self._play(entry) if entry.is_coroutine else self._end(entry)

        return around if hook in self._wrappers else later if waits else now

    def _next(self, hook: str, payload: Any) -> Entry:
        self._statistics.calls_count += 1
        number, left = self._statistics.calls_count, self._replay.calls[self._plugin_id]
        told = f"{hook} {digest(payload)}"
        if not left:
            raise ReplayDiffers(self._plugin_id, number, "no more calls", told)
        was = f"{left[0].hook} {left[0].payload}"
        if was != told:
            raise ReplayDiffers(self._plugin_id, number, was, told)
        return left.popleft()

    async def _play(self, entry: Entry) -> Any:
        runtime = self._replay.runtime()
        for asked in entry.asked:
            if asked.at > runtime.now():
                await runtime.sleep_until(asked.at)
            await self._ask_again(asked)
        if entry.kind == OPEN:  # it waited when the run ended
            await runtime.event().wait()
        if entry.ended_at is not None and entry.ended_at > runtime.now():
            await runtime.sleep_until(entry.ended_at)
        return self._end(entry)

    async def _ask_again(self, asked: Asked) -> None:
        self._statistics.asks_count += 1
        answer = refusal = ""
        try:
            answer = digest(await self._replay.host.ask(self._plugin_id, asked.name, asked.arguments))
        except PermissionError as error:
            refusal = str(error)
        if (answer, refusal) != (asked.answer, asked.refusal):
            was, now = (f"{asked.name} {one or other}" for one, other in ((asked.answer, asked.refusal),
                                                                          (answer, refusal)))  # fmt: skip
            raise ReplayDiffers(self._plugin_id, self._statistics.calls_count, was, now)

    def _end(self, entry: Entry) -> Any:
        if entry.kind not in (RAISED, ENDED):
            return entry.value
        kind = PluginEnded if entry.kind == ENDED else PluginRaised
        raise kind(self._plugin_id, entry.hook, entry.why, entry.text)

    async def call(self, hook: str, payload: Any, deadline_s: float) -> Any:
        """A hook's value; raises PluginRaised, PluginEnded, ReplayDiffers."""
        return await self._play(self._next(hook, payload))

    async def stop(self) -> None:
        """Nothing runs."""
        self.functions = {}

    def isolation(self) -> str:
        """As in the journal; no code of the plugin is in reach."""
        return self._isolation

    def statistics(self) -> RunnerStatistics:
        """Counts so far."""
        return self._statistics
