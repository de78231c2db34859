"""Hedges, nodes that are struck, and who waits at the balancer: the rest of what only some requests meet.

A hedge goes to another node than the first attempt, or not at all where no other may be picked (the balancer's
`elsewhere`). A fence ends what is under way at a slot; a node that leaves likewise. Meanwhile nothing is sent on: the
balancer is still about to hear of it, and a request that went to another slot of that node would be lost. Who waits is
sent on once all changes of the instant are known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from sim.types.records import FAILED, TRUNCATED
from sim.world.again import Again
from sim.world.attempts import Several

OPEN = TRUNCATED


class Struck(Again):
    """Attempts beside the first one, and nodes that do not keep what they were given."""

    def _hedge(self, row: int) -> None:
        """The first attempt is still out: one more, to another node."""
        columns, now = self.columns, self.env.now
        if columns.single[row]:
            return
        several = self.several.get(row)
        attempt = 1 if several is None else several.attempts
        dispatcher, view, key = columns.dispatcher[row], columns.view[row], columns.key[row]
        draws = self.chances.picks(row, attempt, self.balancer.draws_count + 1)
        slot = self.balancer.dispatch_elsewhere(dispatcher, view, draws, key, columns.slot[row], now)
        if slot < 0:
            return
        if several is None:
            several = self.several[row] = Several(row, True)
        several.hedges += 1
        self.hedges_count += 1
        if several.hedges < self.rules.hedges_max and self.hedges is not None:
            self.hedges.add(row, now)
        hedge = self._add(several, now)
        self._watch(hedge, now)
        self._place(hedge, slot, dispatcher, now)

    # Nodes that are struck

    def fenced(self, slot: int) -> None:
        """The balancer forgot what it sent to a slot: those attempts have failed, whatever the node still says."""
        self.pools[slot].generation = self.balancer.generation[slot]
        self._fail_all(slot, counted=False)

    def left(self, slot: int) -> None:
        """The node of a slot goes for good: what is still open there has failed."""
        self._fail_all(slot, counted=True)

    def _fail_all(self, slot: int, counted: bool) -> None:
        now = self.env.now
        with self._held_back():
            for row in self._open_at(slot):
                self._failed(row, FAILED, now, counted)
        self.membership_changed()

    def _open_at(self, slot: int) -> list[int]:
        columns, begun = self.columns, slice(len(self.columns))  # there may be room for more, with anything in it
        here = (np.asarray(columns.slot)[begun] == slot) & (np.asarray(columns.status)[begun] == OPEN)
        rows: list[int] = np.flatnonzero(here).tolist()
        return sorted(rows, key=columns.key_of)

    def requeue(self, rows: Sequence[int], now: float) -> None:
        """Connections to a node broke: open attempts of `rows` failed and are sent on at once, by (request, attempt).

        Their node is excluded already, so that this says nothing about it to breakers and ejection.
        """
        columns = self.columns
        for row in sorted(rows, key=columns.key_of):
            if columns.status[row] != OPEN:
                continue
            root = self.root_of.get(row, row)
            self._drop(self._give_up(row, FAILED, now), now)
            several = self.several.get(root)
            if several is None:
                several = self.several[root] = Several(root, True)
            self._forget(several, row)
            if columns.single[root] and columns.started_at[row] <= now:  # never hedged: that was all of it
                self._over(root, several, FAILED, now)
                continue
            self._dispatch_again(several, self._add(several, now), now)

    # Who waits at the balancer

    def pull(self, now: float) -> None:
        """Send waiting requests on; who is refused meanwhile does not start this anew."""
        if not self._pulling:
            with self._held_back():
                super().pull(now)

    @contextmanager
    def _held_back(self) -> Iterator[None]:
        """Nothing is pulled within the block."""
        before, self._pulling = self._pulling, True
        try:
            yield
        finally:
            self._pulling = before

    def _send_first(self, now: float) -> bool:
        for head in self.line.heads():
            slot = self._dispatch(head.dispatcher, head.view, head.picks, head.key, now)
            if slot >= 0:
                self._integrate_central(now)
                self.waiting_count -= 1
                self.line.remove(head.row)
                self._sent_at[head.row] = now
                if self._poke is not None:
                    self._poke()
                self._watch(head.row, now)
                self._place(head.row, slot, head.dispatcher, now)
                if head.probes is not None:
                    self._probe(head.row, head.dispatcher, head.view, head.probes, now)
                return True
        return False
