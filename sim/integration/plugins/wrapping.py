"""Wrappers: a generator around all plugins of a hook. It runs up to its one `yield` before them, gets their answer from
the `yield`, and what it returns (None: nothing) replaces that. The first in order is the outermost.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from sim.integration.plugins.journal import Entry
from sim.integration.plugins.unit import Impl

if TYPE_CHECKING:
    from sim.integration.plugins.dispatch import Dispatcher

Opened = list[tuple[Impl, Generator[None, Any, Any], Entry | None]]


def opened(dispatcher: Dispatcher, wrappers: tuple[Impl, ...], payload: dict[str, Any]) -> Opened:
    """Run every wrapper up to its `yield`."""
    result: Opened = []
    for impl in wrappers:
        if impl.circuit.off and dispatcher.now() < impl.circuit.off_until:
            impl.counts.skipped_count += 1
            continue
        impl.counts.calls_count += 1
        recorder = dispatcher.recorder
        entry = None if recorder is None else recorder.begin(impl.unit.plugin_id, impl.spec.name, payload)
        try:
            generator = impl.function(payload.copy())
            next(generator)
        except KeyboardInterrupt:
            raise
        except StopIteration:
            dispatcher.failed(impl, RuntimeError("it ended before its yield"), entry, early=True)
        except BaseException as error:
            dispatcher.failed(impl, error, entry, early=True)
        else:
            result.append((impl, generator, entry))
    return result


def closed(dispatcher: Dispatcher, wrappers: Opened, answer: Any) -> Any:
    """Give every wrapper the answer, the innermost first."""
    for impl, generator, entry in reversed(wrappers):
        try:
            generator.send(answer)
        except KeyboardInterrupt:
            raise
        except StopIteration as done:
            value = dispatcher.taken(impl, done.value, entry)
            answer = answer if value is None else value
        except BaseException as error:
            dispatcher.failed(impl, error, entry)
        else:
            generator.close()
            dispatcher.failed(impl, RuntimeError("it yields more than once"), entry)
    return answer
