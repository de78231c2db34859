"""Requests that wait at the balancer: one line a (priority, view), the highest priority first, then who came first.

A line of its own for each view (agent type), so that a busy type does not hold up another. Who is taken out of the
middle (given up, shed) is only marked and skipped when its turn comes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiter:
    """A request that waits: its turn, row, and what its pick needs."""

    turn: int
    row: int
    dispatcher: int
    view: int
    priority: int
    key: int
    picks: Sequence[float]
    probes: Sequence[float] | None


class PriorityLine:
    """All lines together; `len` counts those that really wait."""

    def __init__(self) -> None:
        self._lines: dict[tuple[int, int], deque[Waiter]] = {}
        self._waiting: dict[int, Waiter] = {}  # by row

    def __len__(self) -> int:
        return len(self._waiting)

    def push(self, waiter: Waiter) -> None:
        """To the end of its line."""
        self._lines.setdefault((waiter.priority, waiter.view), deque()).append(waiter)
        self._waiting[waiter.row] = waiter

    def remove(self, row: int) -> bool:
        """It waits no more; False if it did not wait."""
        return self._waiting.pop(row, None) is not None

    def __contains__(self, row: object) -> bool:
        return row in self._waiting

    def heads(self) -> list[Waiter]:
        """The first of every line, in the order in which they may be sent on."""
        found = []
        for line in self._lines.values():
            while line and line[0].row not in self._waiting:
                line.popleft()
            if line:
                found.append(line[0])
        if len(found) > 1:
            found.sort(key=_urgency)
        return found

    def victim(self, priority: int) -> Waiter | None:
        """The last to have come of the lowest priority below `priority`, if any waits."""
        lowest = None
        for line in self._lines.values():
            while line and line[-1].row not in self._waiting:
                line.pop()
            if line and line[-1].priority > priority and (lowest is None or _urgency(line[-1]) > _urgency(lowest)):
                lowest = line[-1]
        return lowest


def _urgency(waiter: Waiter) -> tuple[int, int]:
    return waiter.priority, waiter.turn
