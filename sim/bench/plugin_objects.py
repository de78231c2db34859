"""How the objects that plugins bring to a run are noted in a journal, and played from it without the plugin's code.

A strategy is asked for picks, a signal for boards, a service law for work, a source for chunks of arrivals: each is a
function of what it is asked and of its own past, so that its answers in their order are all of it. What keeps state
that the world writes to (idle tokens, probes), sizes requests in tokens or answers clients who wait is not noted, and
neither is an autoscaler's policy. Implements `sim.integration.plugins.objects.Kinds`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sim.contracts import ArrivalChunk
from sim.integration.plugins.journal import Brought
from sim.integration.plugins.objects import Answer, Note
from sim.scalability.balancer.chooser import Chooser

FACTS = ("draws_count", "signals", "reads_load")


class ObjectKinds:
    """Strategies, boards, and laws of service and arrivals."""

    groups: tuple[str, ...] = ("balancer", "signal", "service", "arrivals")

    def noted(self, group: str, made: Any, kept: Brought, note: Note) -> Any:
        """As `Kinds`."""
        noted: Callable[[Any, Brought, Note], Any] = {
            "balancer": _noted_strategy, "signal": _noted_board, "service": _noted_service, "arrivals": _noted_source,
        }[group]  # fmt: skip
        return noted(made, kept, note)

    def played(self, group: str, kept: Brought, answer: Answer) -> Any:
        """As `Kinds`."""
        facts = kept.facts
        if group == "balancer":
            return _played_strategy(facts, answer)
        if group == "signal":
            return lambda now, held: answer([now, list(held)])
        return PlayedService(facts, answer) if group == "service" else PlayedSource(facts, answer)


def _noted_strategy(made: Any, kept: Brought, note: Note) -> Any:
    if not isinstance(made, Chooser):
        return made  # the balancer says what is wrong with it
    if made.idle_tokens or made.probes_count:
        kept.why_not = "its idle tokens or probes are written into its own state: no journal holds that"
    kept.facts = {name: getattr(made, name) for name in FACTS}
    pick = made.pick

    def noted(fleet: Any, state: Any, draws: Sequence[float], key: int, now: float) -> int:
        slot = pick(fleet, state, draws, key, now)
        note([now, key, state.size, list(draws)], int(slot))
        return slot

    return dataclasses.replace(made, pick=noted)


def _played_strategy(facts: dict[str, Any], answer: Answer) -> Chooser:
    def pick(fleet: Any, state: Any, draws: Sequence[float], key: int, now: float) -> int:
        slot: int = answer([now, key, state.size, list(draws)])
        return slot

    return Chooser(pick, draws_count=facts["draws_count"], signals=tuple(facts["signals"]),
                   reads_load=facts["reads_load"])  # fmt: skip


def _noted_board(made: Any, kept: Brought, note: Note) -> Any:
    def board(now: float, held: Sequence[int]) -> Any:
        asked, shown = [now, list(held)], list(made(now, held))
        note(asked, shown)
        return shown

    return board


def _noted_service(made: Any, kept: Brought, note: Note) -> Any:
    if hasattr(made, "tokens"):
        kept.why_not = "it sizes requests in tokens: no journal holds that"
        return made
    return NotedService(made, kept, note)


class NotedService:
    """A service law whose demands are noted."""

    def __init__(self, law: Any, kept: Brought, note: Note) -> None:
        self._law, self._note = law, note
        kept.facts = {"mean_s": float(law.mean_s())}

    def mean_s(self) -> float:
        """As the law's own."""
        mean_s: float = self._law.mean_s()
        return mean_s

    def work_s(self, draws: Any, entities: Any, chunk: ArrivalChunk | None) -> list[float]:
        """As the law's own."""
        work_s: list[float] = self._law.work_s(draws, entities, chunk)
        self._note(_asked(entities, chunk), [float(each) for each in work_s])
        return work_s


class PlayedService:
    """A service law of a journal."""

    def __init__(self, facts: dict[str, Any], answer: Answer) -> None:
        self._mean_s, self._answer = facts["mean_s"], answer

    def mean_s(self) -> float:
        """As it was."""
        mean_s: float = self._mean_s
        return mean_s

    def work_s(self, draws: Any, entities: Any, chunk: ArrivalChunk | None) -> list[float]:
        """As they were."""
        work_s: list[float] = self._answer(_asked(entities, chunk))
        return work_s


def _asked(entities: Any, chunk: ArrivalChunk | None) -> list[Any]:
    return [[int(each) for each in entities], None if chunk is None else chunk.first]


def _noted_source(made: Any, kept: Brought, note: Note) -> Any:
    if hasattr(made, "clients_count"):
        kept.why_not = "its clients wait for answers: no journal holds that"
        return made
    return NotedSource(made, kept, note)


class NotedSource:
    """A source whose chunks are noted; None stands for its end."""

    def __init__(self, law: Any, kept: Brought, note: Note) -> None:
        self._law, self._note = law, note
        self.terminating, self.endless = bool(law.terminating), bool(getattr(law, "endless", False))
        kept.facts = {"terminating": self.terminating, "endless": self.endless, "rate_per_s": float(law.rate_per_s())}

    def rate_per_s(self) -> float:
        """As the law's own."""
        rate_per_s: float = self._law.rate_per_s()
        return rate_per_s

    def chunks(self, draws: Any, horizon_s: float) -> Iterator[ArrivalChunk]:
        """As the law's own."""
        number = 0
        for number, chunk in enumerate(self._law.chunks(draws, horizon_s), 1):
            self._note([number - 1, horizon_s], _plain(chunk))
            yield chunk
        self._note([number, horizon_s], None)


class PlayedSource:
    """A source of a journal."""

    def __init__(self, facts: dict[str, Any], answer: Answer) -> None:
        self._rate_per_s, self._answer = facts["rate_per_s"], answer
        self.terminating, self.endless = facts["terminating"], facts["endless"]

    def rate_per_s(self) -> float:
        """As it was."""
        rate_per_s: float = self._rate_per_s
        return rate_per_s

    def chunks(self, draws: Any, horizon_s: float) -> Iterator[ArrivalChunk]:
        """As they were."""
        number = 0
        while (told := self._answer([number, horizon_s])) is not None:
            yield ArrivalChunk(**told)
            number += 1


def _plain(chunk: ArrivalChunk) -> dict[str, Any]:
    """The chunk's columns as plain numbers."""
    found: dict[str, Any] = {"first": int(chunk.first), "at": [float(at) for at in chunk.at]}
    for name in ("service_s", "prompt_tokens", "output_tokens", "types", "keys"):
        column = getattr(chunk, name)
        if column is not None:
            found[name] = [each.item() if hasattr(each, "item") else each for each in column]
    return found
