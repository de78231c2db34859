"""Where requests are sent, seen at the balancer's own calls: M6, M7, M11, M16, M17.

Every pick, answer and release of the balancer passes here. Own counts of what is in flight are kept by (dispatcher,
slot, generation); a node that was fenced starts from nothing under a new generation. Preemption silences a machine only
after its notice, so that its silence is not judged; neither is a panic, nor heartbeats through a partition.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from sim.bench.storm.checkers.nodes import NodeBooks
from sim.bench.storm.findings import Findings
from sim.runtime.events import Row
from sim.scalability.balancer.balancer import Balancer

Place = tuple[int, int, int]


class Routing:
    """`tap` before an engine is built; `read` every event after `books`."""

    def __init__(self, findings: Findings, books: NodeBooks, now: Callable[[], float]) -> None:
        self.findings, self.books, self.now = findings, books, now
        self.detection_s = math.inf
        self.ejected_max_ratio = 1.0
        self.trials_max = 0
        self.in_flight: dict[Place, int] = {}
        self.sent_count = self.answered_count = self.released_count = self.hedged_count = 0
        self.sent_to: dict[str, int] = {}
        self._trials: dict[str, int] = {}  # sent since half open, less what ended since
        self._inside = False
        self.balancer: Balancer | None = None

    def tap(self, tapped: Balancer) -> None:
        """Stand around the calls that move requests."""
        self.balancer = tapped
        balancer: Any = tapped
        dispatch, elsewhere = balancer.dispatch, balancer.dispatch_elsewhere
        complete, refused = balancer.complete, balancer.refused

        def dispatched(dispatcher: int, *rest: Any) -> int:
            self._inside = True
            slot: int = dispatch(dispatcher, *rest)
            self._inside = False
            if slot >= 0:
                self._sent(dispatcher, slot)
            return slot

        def dispatched_elsewhere(dispatcher: int, *rest: Any) -> int:
            self._inside = True
            slot: int = elsewhere(dispatcher, *rest)
            self._inside = False
            if slot >= 0:
                self.hedged_count += 1
                self._sent(dispatcher, slot)
            return slot

        def completed(dispatcher: int, slot: int, generation: int, *rest: Any) -> None:
            self.answered_count += 1
            self._ended(dispatcher, slot, generation)
            complete(dispatcher, slot, generation, *rest)

        def released(dispatcher: int, slot: int, generation: int, *rest: Any) -> None:
            if not self._inside:
                self.released_count += 1
                self._ended(dispatcher, slot, generation)
            refused(dispatcher, slot, generation, *rest)

        balancer.dispatch, balancer.dispatch_elsewhere = dispatched, dispatched_elsewhere
        balancer.complete, balancer.refused = completed, released

    def _sent(self, dispatcher: int, slot: int) -> None:
        assert self.balancer is not None
        node_id, now, books = self.balancer.slots[slot][0], self.now(), self.books
        place = (dispatcher, slot, self.balancer.generation[slot])
        self.in_flight[place] = self.in_flight.get(place, 0) + 1
        self.sent_count += 1
        self.sent_to[node_id] = self.sent_to.get(node_id, 0) + 1
        why = books.why_not(node_id)
        self.findings.hold("M6", why is None, now, node_id, lambda: f"a request is sent there although {why}")
        node = books.nodes.get(node_id)
        if node is None:
            return
        if node.breaker == "half_open" and not books.panic:
            trials = self._trials[node_id] = self._trials.get(node_id, 0) + 1
            text = f"{trials} trials are out of its half open breaker, {self.trials_max} at most"
            self.findings.hold("M17", trials <= self.trials_max, now, node_id, lambda: text)
            self.findings.seen("a trial of a half open breaker")
        since = books.silent_since(node_id)
        if since is not None and math.isfinite(self.detection_s) and not books.panic:
            silence_s = now - max(since, node.since)
            text = f"it is silent for {silence_s:g} s, found within {self.detection_s:g} s"
            self.findings.hold("M7", silence_s <= self.detection_s, now, node_id, lambda: text)
            self.findings.seen("a request to a machine that is dead and not yet found")

    def _ended(self, dispatcher: int, slot: int, generation: int) -> None:
        assert self.balancer is not None
        place = (dispatcher, slot, generation)
        left = self.in_flight.pop(place, 0) - 1
        if left:
            self.in_flight[place] = left
        node_id = self.balancer.slots[slot][0]
        if self._trials.get(node_id, 0):
            self._trials[node_id] -= 1
        text = f"{left} in flight at slot {slot} (generation {generation}) of dispatcher {dispatcher}"
        self.findings.hold("M16", left >= 0, self.now(), node_id, lambda: text)

    def read(self, row: Row) -> None:
        """Events that say something of routes."""
        books = self.books
        if row.kind == "node_removed":
            left = self.open_at(row.subject)
            self.findings.hold("M11", not left, row.at, row.subject, lambda: f"{left} attempts were open when it left")
        elif row.kind == "node_ejected":
            out = sum(node.ejected for node in books.nodes.values())
            most = max(1, int(self.ejected_max_ratio * books.in_service_count() + 1e-9))
            text = f"{out} nodes are ejected, {most} at most"
            self.findings.hold("M17", out <= most, row.at, row.subject, lambda: text)
        elif row.kind in ("breaker_half_open", "node_fenced"):
            self._trials[row.subject] = 0

    def open_at(self, node_id: str) -> int:
        """Attempts in flight at a node, by own count, under the present generation."""
        assert self.balancer is not None
        slots = [slot for slot, (name, _) in enumerate(self.balancer.slots) if name == node_id]
        current = [(slot, self.balancer.generation[slot]) for slot in slots]
        return sum(count for (_, slot, made), count in self.in_flight.items() if (slot, made) in current)

    def look(self, now: float) -> None:
        """Own counts against the balancer's."""
        balancer = self.balancer
        assert balancer is not None
        mine = [0] * len(balancer.slots)
        for (_, slot, made), count in self.in_flight.items():
            if balancer.generation[slot] == made:
                mine[slot] += count
        theirs = list(balancer.statistics().in_flight)
        self.findings.hold("M16", mine == theirs, now, "balancer", lambda: f"in flight {theirs}, own count {mine}")
