"""The optimizer over live agents of several types: a setting a type, tried and proved in windows of real answers.

What an answer demands under a setting, and whether it succeeds, are the fitted agent's law (`world.surfaces.tuning`);
the time it takes is the real one, from the client's request to its answer over HTTP. Implements `Actuator` and `Twin`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from sim.bench.schema import Config
from sim.bench.tuned_samples import fleet_surface, make_optimizer, sample_of, spread_around
from sim.bench.tuned_subject import TunedSubject
from sim.contracts import EventSink, Runtime
from sim.intelligence.protocol import Window
from sim.runtime.draws import CounterDraws
from sim.world.surfaces.seated import Seats
from sim.world.surfaces.surface import Point
from sim.world.surfaces.tuning import Start, Tuning
from sim.world.surfaces.windows import Outcomes


class LiveTuned:
    """`order` gives the demand of a type's next task, `answered` takes how long it really took."""

    def __init__(
        self, config: Config, runtime: Runtime, events: EventSink, types: Sequence[str], faster: float
    ) -> None:
        surface, self.draws = fleet_surface(config), CounterDraws(config.seed, 0)
        self.runtime, self.faster = runtime, faster
        self.seats = Seats(surface, self.draws, lambda node: [])
        self.subjects = {
            name: TunedSubject(self.seats.tuning(name), config.optimizer, runtime) for name in types
        }  # fmt: skip
        self.optimizer = make_optimizer(config, runtime, self.draws, events, surface, actuator=self, twin=self)
        self.requests_count = 0

    def start(self) -> None:
        """Windows of every type."""
        for serial, (name, subject) in enumerate(self.subjects.items()):
            windows = subject.windows(partial(self._spread, subject, serial), partial(self._collect, name))
            self.runtime.spawn(windows, f"windows of {name}")

    def order(self, name: str) -> tuple[int, Start, float]:
        """A task's number, the setting that it is done under, and the seconds of work that this takes."""
        number, self.requests_count = self.requests_count, self.requests_count + 1
        tuning, turn = self.subjects[name].tuning, self.seats.turn(name)
        arm = tuning.arm_of(turn)
        start = (tuning.window, arm, tuning.point_of(arm))
        return number, start, tuning.sized(number, turn, 1) / self.faster

    def answered(self, name: str, number: int, start: Start, sojourn_s: float) -> None:
        """A task's answer is there."""
        self.subjects[name].tuning.served(number, start, sojourn_s)

    async def apply(self, agent_id: str, params: Mapping[str, float], arm: str) -> None:
        """A setting stands from now on; nothing is on trial."""
        self.subjects[agent_id].apply(params)

    async def pair(
        self, agent_id: str, old: Mapping[str, float], new: Mapping[str, float], number: int
    ) -> tuple[Window, Window]:
        """One window of both settings; see `TunedSubject`."""
        return await self.subjects[agent_id].pair(old, new)

    def _spread(self, subject: TunedSubject[Tuning], serial: int) -> dict[str, float]:
        tuning = subject.tuning
        return spread_around(self.seats.surface.space, self.draws, tuning.standing, serial, tuning.window)

    async def _collect(self, name: str, outcomes: Outcomes, point: Point, arm: int) -> None:
        await self.optimizer.collect_metrics(sample_of(name, self.runtime.wall_at(), outcomes, point, arm))
