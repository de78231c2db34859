"""Objects that plugins bring (strategies, boards, laws), through a journal: noted in one run, played in the next.

What an object is asked and answers is its owner's to say (`Kinds`, handed in): a pick, a board, a chunk of arrivals. An
answer stands with the digest of what was asked, so that a run which asks something else is told and not believed. An
object that is no function of what it is asked, or of a kind nobody notes, is refused where a replay would use it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sim.integration.plugins.journal import Brought, Journal, digest
from sim.integration.plugins.protocol import PluginRefused, ReplayDiffers

Note = Callable[[Any, Any], None]  # (what was asked, the answer), both plain data
Answer = Callable[[Any], Any]  # what is asked -> the answer in the journal
UNUSED = ("figure", "route")  # groups that a run never asks


class Kinds(Protocol):
    """How objects are noted and played; `groups` are those it knows."""

    groups: tuple[str, ...]

    def noted(self, group: str, made: Any, kept: Brought, note: Note) -> Any:
        """The object, telling `note` each answer; writes to `kept` its facts, or why it cannot be played."""

    def played(self, group: str, kept: Brought, answer: Answer) -> Any:
        """An object of these facts that answers from the journal."""


class Noting:
    """Wraps what plugins bring while a run is journaled."""

    def __init__(self, journal: Journal, kinds: Kinds) -> None:
        self._journal, self._kinds = journal, kinds

    def entry(self, plugin_id: str, group: str, name: str, make: Any) -> Any:
        """A factory whose objects are noted; of other groups, as it is."""
        if group not in self._kinds.groups or not callable(make):
            return make

        def made(*settings: Any) -> Any:
            kept = Brought(plugin_id, group, name)
            self._journal.brought.append(kept)

            def note(asked: Any, value: Any) -> None:
                self._journal.answer(kept, digest(asked), value)

            return self._kinds.noted(group, make(*settings), kept, note)

        return made


class Playing:
    """Gives objects that answer from a journal, in the order in which the run made them."""

    def __init__(self, journal: Journal, kinds: Kinds | None) -> None:
        self._left, self._kinds = list(journal.brought), kinds
        self._played: list[tuple[Brought, list[int]]] = []

    def entries(self, plugin_id: str, provides: list[str]) -> list[tuple[str, str, Any]]:
        """In the place of what a plugin brings: (group, name, factory)."""
        found = [text.partition(":")[::2] for text in provides]
        return [
            (group, name, self._factory(plugin_id, group, name)) for group, name in found if group not in UNUSED
        ]  # fmt: skip

    def left(self) -> str:
        """Of what answers are left, in words; empty: all were asked for."""
        for kept, at in self._played:
            if at[0] < len(kept.answers):
                return f"{len(kept.answers) - at[0]} answers of {_name(kept)} in the journal were not asked for"
        return f"{_name(self._left[0])} in the journal was not made" if self._left else ""

    def _factory(self, plugin_id: str, group: str, name: str) -> Callable[..., Any]:
        def make(*settings: Any) -> Any:
            kept = next((each for each in self._left if (each.plugin, each.group, each.name) ==
                         (plugin_id, group, name)), None)  # fmt: skip
            why = "the journal holds none of it (any more)" if kept is None else kept.why_not
            if kept is None or self._kinds is None or why:
                raise PluginRefused(plugin_id, f"{group}:{name}", "replay", why or "nobody here plays objects")
            self._left.remove(kept)
            at = [0]
            self._played.append((kept, at))

            def answer(asked: Any) -> Any:
                number, at[0] = at[0], at[0] + 1
                told = digest(asked)
                was, value = kept.answers[number] if number < len(kept.answers) else ("no more answers", None)
                if was != told:
                    raise ReplayDiffers(plugin_id, number + 1, f"{group}:{name} {was}", told)
                return value

            return self._kinds.played(group, kept, answer)

        return make


def _name(kept: Brought) -> str:
    return f"{kept.group}:{kept.name} of {kept.plugin}"
