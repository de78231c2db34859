"""When a fault strikes: an alternating renewal process at every place (node, zone or the fleet), and fixed instants.

Time up is exponential(mttf_s) from the place's birth or its last repair, time down exponential or deterministic; both
are pure functions of (kind, place, occurrence), so that no fault moves another one's instants. With `repairers_max`
a broken node waits for a repairer, first come first served, and its repair time starts then (the machine-repair model;
Palm 1947). An episode due while one is on at its place is skipped and counted; a random one then lets its time down
pass, so that the next instants do not depend on it. Scheduled episodes last `for_s` and need no repairer.
Entity of a draw: code << 56 | serial << 24 | occurrence; the key of an instant is that and the phase: an end comes
before the next beginning at its place, and equal instants never depend on what was scheduled first. Seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from sim.contracts import Draws
from sim.runtime.draws import FAULT_DOWN, FAULT_UP
from sim.runtime.environment import OrderedEnvironment
from sim.runtime.order import FAULT
from sim.world.faults.params import EpisodeParams

# Position is the kind's index in every draw, for ever: add at the end only.
KINDS = (
    "crash", "slow", "pause", "partition", "packet_loss", "zone_outage", "flapping", "clock_skew", "errors",
    "poison_request", "overload", "preemption",
)  # fmt: skip
COPIES_MAX = 16  # faults of one kind with different settings
OCCURRENCES_MAX = 1 << 23  # random episodes of one place, after which it fails no more
SCHEDULED = 1 << 23  # occurrences from here on are those of `at_s`
FLEET_SERIAL = (1 << 32) - 1
BEGIN, STEP, END, JOIN = range(4)


def code_of(kind: str, copy: int) -> int:
    """8 bits that name a fault of a run: `copy` counts those of the same kind."""
    return copy << 4 | KINDS.index(kind)


def key_of(entity: int, phase: int) -> int:
    """Key of an instant of an episode."""
    return entity << 2 | phase


@dataclass(slots=True)
class Place:
    """A node, a zone or the fleet, while it is there."""

    name: str
    serial: int
    on: int | None = None  # occurrence of the episode that is on
    open: bool = True
    repaired: bool = False  # a repairer works on it


class Schedule:
    """Begins and ends the episodes of one fault; `begin(place, entity)` and `end(place)` do what it does."""

    def __init__(
        self,
        env: OrderedEnvironment,
        draws: Draws,
        code: int,
        params: EpisodeParams,
        begin: Callable[[str, int], None],
        end: Callable[[str], None],
        lead_s: float = 0.0,
        repairers_max: int = 0,
    ) -> None:
        self.skipped_count = 0
        self._env, self._draws, self._code, self._params = env, draws, code, params
        self._at = sorted(params.at_s)
        self._begin_at, self._end_at = begin, end
        self._lead_s = lead_s  # an episode's warning, before its time down
        self._repairers_free: float = repairers_max or math.inf
        self._broken: deque[Place] = deque()  # waiting for a repairer; at most one entry a place
        self._places: dict[str, Place] = {}

    def open(self, name: str, serial: int) -> None:
        """A place is there from now on."""
        place = self._places[name] = Place(name, serial)
        now = self._env.now
        if self._params.mttf_s is not None:
            self._arm(place, 0, now)
        self._arm_scheduled(place, bisect_left(self._at, now))

    def close(self, name: str) -> None:
        """The place is gone: nothing begins or ends there any more; its repairer goes on to the next."""
        place = self._places.pop(name, None)
        if place is None:
            return
        place.open = False
        if place in self._broken:
            self._broken.remove(place)
        self._free(place)

    def close_all(self) -> None:
        """Nothing begins or ends any more."""
        self._broken.clear()
        for name in list(self._places):
            self.close(name)

    def _entity(self, place: Place, occurrence: int) -> int:
        return self._code << 56 | place.serial << 24 | occurrence

    def _arm(self, place: Place, occurrence: int, up_at: float) -> None:
        if occurrence >= OCCURRENCES_MAX:
            return
        assert self._params.mttf_s is not None
        entity = self._entity(place, occurrence)
        up_s = -math.log(self._draws.uniform(FAULT_UP, entity)) * self._params.mttf_s
        self._env.call_at(up_at + up_s, FAULT, key_of(entity, BEGIN), self._begin, (place, occurrence))

    def _arm_scheduled(self, place: Place, index: int) -> None:
        if index < len(self._at):
            occurrence = SCHEDULED + index
            key = key_of(self._entity(place, occurrence), BEGIN)
            self._env.call_at(self._at[index], FAULT, key, self._begin, (place, occurrence))

    def _down_s(self, place: Place, occurrence: int) -> float:
        if occurrence >= SCHEDULED:
            return self._params.for_s
        if self._params.repair == "deterministic":
            return self._params.mttr_s
        return -math.log(self._draws.uniform(FAULT_DOWN, self._entity(place, occurrence))) * self._params.mttr_s

    def _begin(self, what: tuple[Place, int]) -> None:
        place, occurrence = what
        if not place.open:
            return
        random = occurrence < SCHEDULED
        if place.on is not None:
            self.skipped_count += 1
            if random:
                ends_at = self._env.now + self._lead_s + self._down_s(place, occurrence)
                self._arm(place, occurrence + 1, ends_at)
        else:
            place.on = occurrence
            self._begin_at(place.name, self._entity(place, occurrence))
            if not place.open:  # what it did removed the place
                return
            if not random:
                self._arm_end(place, occurrence)
            elif self._repairers_free:
                self._repair(place, occurrence)
            else:
                self._broken.append(place)
        if not random:
            self._arm_scheduled(place, occurrence - SCHEDULED + 1)

    def _repair(self, place: Place, occurrence: int) -> None:
        self._repairers_free -= 1
        place.repaired = True
        self._arm_end(place, occurrence)

    def _arm_end(self, place: Place, occurrence: int) -> None:
        at = self._env.now + self._lead_s + self._down_s(place, occurrence)
        key = key_of(self._entity(place, occurrence), END)
        self._env.call_at(at, FAULT, key, self._end, (place, occurrence))

    def _end(self, what: tuple[Place, int]) -> None:
        place, occurrence = what
        if not place.open:
            return
        place.on = None
        self._end_at(place.name)
        self._free(place)
        if occurrence < SCHEDULED and place.open:
            self._arm(place, occurrence + 1, self._env.now)

    def _free(self, place: Place) -> None:
        if not place.repaired:
            return
        place.repaired = False
        self._repairers_free += 1
        if self._broken:
            following = self._broken.popleft()
            assert following.on is not None
            self._repair(following, following.on)
