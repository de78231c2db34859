"""Processor sharing and continuous batching under faults: a paused pool has rate 0, what leaves loses its tag.

The virtual clocks stay as in the plain pools (`sharing`, `batching`); an armed departure becomes void by its serial.
Work of token requests has no seconds, so that the work books of a batching pool stay 0.
"""

from __future__ import annotations

from heapq import heapify
from typing import Any

from sim.world.batching import BatchingPool, Tags
from sim.world.fragile import Fragile
from sim.world.sharing import SharingPool


def take_out(tags: Tags, row: int) -> float:
    """Remove a row from a heap of tags; gives its tag, -1 if it is not there."""
    for at, (tag, _, other) in enumerate(tags):
        if other == row:
            tags[at] = tags[-1]
            tags.pop()
            heapify(tags)
            return tag
    return -1.0


class FragileSharing(Fragile, SharingPool):
    """Egalitarian processor sharing that may be struck."""

    def accept(self, row: int, now: float) -> bool:
        taken = super().accept(row, now)
        if taken:
            self.columns.placed_at[row] = now
        return taken

    def _rate(self) -> float:
        return 0.0 if self.paused else super()._rate()

    def _integrate(self, now: float) -> None:
        busy = min(self.in_service, self.agents)
        elapsed = now - self.last_at
        if not self.paused:
            self.area_work_s += self.speed * busy * elapsed
        SharingPool._integrate(self, now)

    def _arm(self, now: float) -> None:
        if self.paused:
            self.armed += 1
        else:
            super()._arm(now)

    def _serving(self) -> list[int]:
        return sorted((row for _, _, row in self.tags), key=self.columns.key_of)

    def _served_work_s(self, row: int, now: float) -> float:
        tag = next(tag for tag, _, other in self.tags if other == row)
        return self.columns.work_s[row] - (tag - self.virtual_s)

    def _remove(self, row: int) -> None:
        take_out(self.tags, row)
        if not self.tags:
            self.virtual_s = 0.0

    def _stand_still(self, now: float) -> None:
        self.armed += 1

    def _go_on(self, now: float) -> None:
        self._arm(now)

    def _fill(self, now: float) -> None:
        """All that is here is served; only the next departure moves."""
        self._arm(now)


class FragileBatching(Fragile, BatchingPool):
    """Continuous batching that may be struck."""

    def accept(self, row: int, now: float) -> bool:
        self.arrived += 1
        free = self.in_service < self.agents and not self.paused
        if not free and self.present - self.in_service >= self.queue_max:
            return self._refuse(row, now)
        self._integrate(now)
        self.present += 1
        self.columns.placed_at[row] = now
        if free:
            self._start(row, now)
        else:
            self.waiting.append(row)
        return True

    def _integrate(self, now: float) -> None:
        """Books of presence go on in a pause, the clocks of prefill and decode stand still."""
        if self.paused:
            elapsed = now - self.last_at
            self.area_present_s += self.present * elapsed
            self.area_busy_s += self.in_service * elapsed
            self.last_at = now
        else:
            BatchingPool._integrate(self, now)

    def _arm(self, now: float) -> None:
        if self.paused:
            self.armed += 1
        else:
            super()._arm(now)

    def _serving(self) -> list[int]:
        rows = [row for _, _, row in self.prefill_tags] + [row for _, _, row in self.decode_tags]
        return sorted(rows, key=self.columns.key_of)

    def _served_work_s(self, row: int, now: float) -> float:
        return 0.0

    def _remove(self, row: int) -> None:
        if take_out(self.prefill_tags, row) >= 0.0:
            if not self.prefill_tags:
                self.prefilled_s = 0.0
            return
        tag = take_out(self.decode_tags, row)
        self.context -= self.columns.prompt_tokens[row]
        self.start_marks -= tag - (self.columns.output_tokens[row] - 1)
        if not self.decode_tags:
            self.decoded = self.start_marks = 0.0
        self._refresh_decode_rate()

    def _stand_still(self, now: float) -> None:
        self.armed += 1

    def _go_on(self, now: float) -> None:
        self._refresh_decode_rate()
        self._arm(now)

    def _fill(self, now: float) -> None:
        while not self.paused and self.waiting and self.in_service < self.agents:
            row = self._next(now)
            if row < 0:
                break
            self._start(row, now)
        self._arm(now)


def fragile_batching(law: Any) -> Any:
    """A constructor of batching pools for `law`."""

    def make(*args: Any) -> FragileBatching:
        return FragileBatching(law, *args)

    return make
