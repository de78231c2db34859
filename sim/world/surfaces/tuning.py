"""Agents of a simulated fleet whose answers depend on the setting that their node has: standing, or on trial.

The law is a surface's; what a fleet does itself (waiting, refusals, the batch on a node) is left to the fleet. A
request's ability, length and luck are drawn by its number, whatever the setting, so that two runs that differ in the
optimizer alone meet the same tasks. Outcomes belong to the window and arm in which their answer started (by the finish,
long answers would be missing from a setting's window and stand in the next one's), at most `KEPT_MAX` a window and arm.
Seconds; ratios in 0..1.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, TypeVar

import numpy as np

from sim.contracts import Draws
from sim.runtime.draws import SURFACE_TASK
from sim.world.fragile_fifo import FragileFifo
from sim.world.surfaces.agent import ABILITIES, LENGTHS, Cells, answer_s, cells
from sim.world.surfaces.outcomes import ABILITY, ERROR, LENGTH, SUCCESS, WIDTH
from sim.world.surfaces.space import CONTEXT_TOKENS
from sim.world.surfaces.surface import TARGETS, Context, Point, Surface
from sim.world.surfaces.windows import KEPT_MAX, STANDING, TRIAL, Windows

CACHED_MAX = 256
ALONE = 1e-6  # load at which the law's own queue is empty
Start = tuple[int, int, Point]  # window, arm and setting of an answer when it started
S = TypeVar("S")


class Tuning(Windows):
    """Settings of a fleet; nodes below `canary_nodes` have the trial setting while there is one."""

    def __init__(self, surface: Surface, draws: Draws, canary_nodes: int, hardness: float = 0.0) -> None:
        super().__init__(surface.incumbent)
        self.surface, self.draws, self.canary_nodes = surface, draws, canary_nodes
        self.context: Context = (ALONE, hardness)
        self._cells: dict[Point, Cells] = {}

    def arm_of(self, node: int) -> int:
        """Which setting a node has."""
        return TRIAL if self.trial is not None and node < self.canary_nodes else STANDING

    def sized(self, request: int, node: int, batch: int) -> float:
        """Seconds of work of a request that starts now on a node with `batch` in service, itself included."""
        point = self._point(node)
        table, (row, column, _) = self._table(point), self._drawn(request)
        return answer_s(self.surface.law, float(table.tokens[0, row, column]), point[CONTEXT_TOKENS], batch)

    def served(self, request: int, start: Start, sojourn_s: float) -> None:
        """An answer left the node: what became of it."""
        window, arm, point = start
        if window not in self.kept:
            return  # taken already: it took too long
        table, (row, column, u) = self._table(point), self._drawn(request)
        kept = self.kept[window][arm]
        if len(kept) >= KEPT_MAX:
            self.dropped_count += 1
            return
        error = u[ERROR] < table.error[0, row, column]
        unfailed = max(1.0 - float(table.error[0, row, column]), 1e-12)
        done = not error and u[SUCCESS] < table.completion[0, row, column] / unfailed
        success = not error and u[SUCCESS] < table.success[0, row, column] / unfailed
        satisfied = float(success) * float(table.satisfaction_if_success[0, row, column])
        values = (sojourn_s, float(success), float(table.resources[0]), satisfied, float(done), float(error))
        kept.append(dict(zip(TARGETS, values, strict=True)))

    def point_of(self, arm: int) -> Point:
        """The setting of an arm."""
        return self.trial if arm == TRIAL and self.trial is not None else self.standing

    def _point(self, node: int) -> Point:
        return self.point_of(self.arm_of(node))

    def _table(self, point: Point) -> Cells:
        if point not in self._cells:
            if len(self._cells) >= CACHED_MAX:
                self._cells.clear()
            self._cells[point] = cells(self.surface.law, np.array([point]), *self.context)
        return self._cells[point]

    def _drawn(self, request: int) -> tuple[int, int, list[float]]:
        entity = np.array([request], dtype=np.uint64)
        u: list[float] = self.draws.uniforms_of(SURFACE_TASK, entity, WIDTH)[0].tolist()
        return int(u[ABILITY] * ABILITIES), int(u[LENGTH] * LENGTHS), u


class SizedFifo(FragileFifo, Generic[S]):
    """Agents of a node whose work is known when an answer starts; `_begun` gives what is kept of it until its end."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.started: dict[int, S] = {}  # of what is in service; bounded by agents

    def accept(self, row: int, now: float) -> bool:
        """As `FragileFifo`, sized first when it starts at once."""
        if self.in_service < self.agents and not self.paused:
            self.started[row] = self._begun(row)
        return super().accept(row, now)

    def _start(self, row: int, now: float) -> None:
        self.started[row] = self._begun(row)
        super()._start(row, now)

    def _finish(self, row: int) -> None:
        now = self.env.now
        running = self.running
        if running is None or running.get(row) == now:
            self._served(row, self.started.pop(row), now - self.columns.arrived_at[row])
        super()._finish(row)

    def _remove(self, row: int) -> None:
        self.started.pop(row, None)
        super()._remove(row)

    @abstractmethod
    def _begun(self, row: int) -> S:
        """Set the row's work; gives what its end needs."""

    @abstractmethod
    def _served(self, row: int, start: S, sojourn_s: float) -> None:
        """An answer left the node."""


class TunedFifo(SizedFifo[Start]):
    """A node's agents under a `Tuning`: an answer has its node's setting of the instant in which it starts."""

    def __init__(self, tuning: Tuning, *args: Any) -> None:
        super().__init__(*args)
        self.tuning = tuning

    def _begun(self, row: int) -> Start:
        tuning = self.tuning
        arm = tuning.arm_of(self.node)
        self.columns.work_s[row] = tuning.sized(self.columns.request[row], self.node, self.in_service + 1)
        return tuning.window, arm, tuning.point_of(arm)

    def _served(self, row: int, start: Start, sojourn_s: float) -> None:
        self.tuning.served(self.columns.request[row], start, sojourn_s)
