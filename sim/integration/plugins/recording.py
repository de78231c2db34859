"""What writes the journal: hook calls as they begin and end, and what each asks of the host meanwhile.

Calls of one plugin may overlap, and all ask the same host. So the host's desk is told whose turn it is: for a plain
call while it runs, for a coroutine during each of its steps, since nothing else runs within a step.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol

from sim.contracts import Runtime
from sim.integration.plugins.journal import ENDED, RAISED, VALUE, Asked, Entry, Journal, Loaded
from sim.integration.plugins.unit import Unit


class Desk(Protocol):
    """Where asks arrive: those that come now are noted in `asked`, where somebody listens."""

    asked: list[Asked] | None


class Recorder:
    """Notes what the dispatcher calls."""

    def __init__(self, journal: Journal, desk: Desk, runtime: Callable[[], Runtime]) -> None:
        self.journal, self._desk, self._runtime = journal, desk, runtime

    def loaded(self, unit: Unit, waiting: list[str]) -> None:
        """A generation came into service."""
        at, version = self._runtime().now(), unit.manifest.version
        self.journal.loads.append(Loaded(at, unit.plugin_id, version, unit.runner.isolation(), waiting))

    def begin(self, plugin_id: str, hook: str, payload: Any) -> Entry:
        """A call begins; raises JournalFull."""
        return self.journal.begin(self._runtime().now(), plugin_id, hook, payload)

    def call(self, entry: Entry, function: Callable[[Any], Any], payload: Any) -> Any:
        """What the hook gives; a coroutine is listened to in each of its steps."""
        before, self._desk.asked = self._desk.asked, entry.asked
        try:
            value = function(payload)
        finally:
            self._desk.asked = before
        if not inspect.iscoroutine(value):
            return value
        entry.is_coroutine = True
        return self._overheard(value, entry.asked)

    async def _overheard(self, coro: Coroutine[Any, Any, Any], asked: list[Asked]) -> Any:
        return await _stepwise(coro, self._desk, asked)

    def answered(self, entry: Entry, value: Any) -> None:
        """It ended well."""
        entry.kind, entry.value, entry.ended_at = VALUE, value, self._runtime().now()

    def failed(self, entry: Entry, why: str, text: str, ended: bool, early: bool = False) -> None:
        """It raised, or its process `ended`."""
        entry.kind, entry.why, entry.text = ENDED if ended else RAISED, why, text
        entry.ended_at, entry.early = self._runtime().now(), early


@types.coroutine
def _stepwise(coro: Coroutine[Any, Any, Any], desk: Desk, asked: list[Asked]) -> Generator[Any, Any, Any]:
    """As `await coro`, with the desk turned to `asked` during each step."""
    step: Callable[[Any], Any] = coro.send
    given: Any = None
    while True:
        before, desk.asked = desk.asked, asked
        try:
            yielded = step(given)
        except StopIteration as done:
            return done.value
        finally:
            desk.asked = before
        try:
            given, step = (yield yielded), coro.send
        except GeneratorExit:
            coro.close()
            raise
        except BaseException as error:  # a cancel, a timeout: the coroutine's to handle
            given, step = error, coro.throw
