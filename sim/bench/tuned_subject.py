"""One that is tuned, the fleet as a whole or an agent: its windows, and the pairs of them that prove a setting.

A window is taken one window after its end, when its long answers are there too. Seconds on the virtual clock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, Protocol, TypeVar

from sim.bench.schema.optimizer import OptimizerGroup
from sim.bench.tuned_samples import arm_window, moved
from sim.contracts import Runtime
from sim.intelligence.protocol import Window
from sim.world.surfaces.surface import Point
from sim.world.surfaces.windows import STANDING, TRIAL, Outcomes

Propose = Callable[[], Mapping[str, float] | None]
Collect = Callable[[Outcomes, Point, int], Awaitable[None]]


class Arms(Protocol):
    """The settings of one that is tuned, and what became of its tasks: `Tuning` in a run."""

    standing: Point
    window: int

    def next_window(self, trial: Point | None) -> int: ...
    def take(self, window: int) -> tuple[Outcomes, Outcomes]: ...


A = TypeVar("A", bound=Arms)


class TunedSubject(Generic[A]):
    """`tuning` is its own; `collect` gets the outcomes of each arm that has at least `window_requests_min`."""

    def __init__(self, tuning: A, config: OptimizerGroup, runtime: Runtime) -> None:
        self.tuning, self.config, self.runtime = tuning, config, runtime
        self.proving = False
        self._running: int | None = None  # window of a proof that has run, not yet taken

    def apply(self, params: Mapping[str, float]) -> None:
        """A setting stands from now on; nothing is on trial."""
        self.tuning.standing = self.point(params)
        self.tuning.next_window(None)
        self.proving, self._running = False, None

    async def pair(self, old: Mapping[str, float], new: Mapping[str, float]) -> tuple[Window, Window]:
        """One window of both settings side by side, more while too few were answered."""
        self.proving = True
        standing: Outcomes = []
        trial: Outcomes = []
        if self._running is None:
            self._running = self.tuning.next_window(self.point(new))
            await self.runtime.sleep(self.config.window_s)
        while min(len(standing), len(trial)) < self.config.window_requests_min:
            following = self.tuning.next_window(self.point(new))
            await self.runtime.sleep(self.config.window_s)
            more, self._running = self.tuning.take(self._running), following
            standing, trial = standing + more[STANDING], trial + more[TRIAL]
        at = self.runtime.now()
        return arm_window(standing, old, "incumbent", at), arm_window(trial, new, "canary", at)

    async def windows(self, propose: Propose, collect: Collect) -> None:
        """Windows for ever: what to try goes out, and comes in once its answers are there."""
        before = None
        while True:
            params = propose()
            trial = None if params is None else self.point(params)
            number = self.tuning.next_window(trial)
            points = (self.tuning.standing, trial)
            await self.runtime.sleep(self.config.window_s)
            if before is not None:
                for arm, outcomes in enumerate(self.tuning.take(before[0])):
                    point = before[1][arm]
                    if point is not None and len(outcomes) >= self.config.window_requests_min:
                        await collect(outcomes, point, arm)
            before = (number, points)
            while self.proving:
                before = None
                await self.runtime.sleep(self.config.window_s)

    def point(self, params: Mapping[str, float]) -> Point:
        """The standing setting with these parameters."""
        return moved(self.tuning.standing, params)
