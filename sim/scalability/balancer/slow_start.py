"""Slow start: a node that joins or comes back gets a share of its requests that grows over a window (Envoy, HAProxy).

Rule: a pick that falls on a slot that may be picked for t is kept with probability max(min_ratio, (t / window)^(1 /
aggression)) (Envoy's factor on a weight), else it is picked again among the settled slots, if any. So it works for
every chooser: a chooser around a chooser, with a second state for each view (the twin) that holds settled slots only
and hears of loads like the first while it is used. A least-loaded strategy offers an empty slot every request, so that
there the factor bounds its share of all requests until its load is like the others'. Draws: the c uniforms of the
chooser, one that decides, c for the second pick. Slots that may be picked before the first dispatch, and those that
only a panic uses, are settled. Time comes from a clock, because membership changes carry none.
"""

from __future__ import annotations

import dataclasses
import math
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.errors import ConfigError
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import Facts, FleetState, floats, integers, settle
from sim.scalability.balancer.idle import push_idle
from sim.scalability.balancer.least import update_least

Fill = Callable[[FleetState, Any, int, Sequence[int]], None]  # (fleet, state, view, 1 where a slot belongs in)


@dataclass(frozen=True, slots=True)
class SlowStartParams:
    """Field names of the config group `health`; `clock` gives the instant, seconds."""

    slow_start_s: float
    clock: Callable[[], float]
    slow_start_min_ratio: float = 0.1
    slow_start_aggression: float = 1.0

    def __post_init__(self) -> None:
        for key, maximum in (("slow_start_s", None), ("slow_start_min_ratio", 1.0), ("slow_start_aggression", None)):
            value = getattr(self, key)
            if not 0.0 < value < math.inf or (maximum is not None and value > maximum):
                accepted = "a number above 0" if maximum is None else f"above 0, at most {maximum:g}"
                raise ConfigError(f"health.{key}", value, accepted)


@dataclass(slots=True)
class Twin:
    """The state of a view's settled slots."""

    state: Any
    view: int


class SlowStart:
    """Who is warming since when; `facts.warm[slot]` is 1 until the window is over and somebody asks."""

    def __init__(self, params: SlowStartParams, facts: Facts, slots_max: int, fill: Fill) -> None:
        self.params, self.facts = params, facts
        self.since = floats(slots_max)
        self.begun = integers(1)  # 1 once a dispatch happened; a compiled engine writes it too
        self.picked_from: Any = None  # the state that the last pick fell in: the view's or its twin
        self._up = integers(slots_max)  # as of the last change: may be picked
        self._down_at = floats(slots_max, -math.inf)
        self._was_warm = integers(slots_max)  # when it went down
        self._warming: deque[tuple[float, int]] = deque()  # (since, slot), at most slots_max, in order of time
        self._twins: list[Twin] = []
        self._fill = fill  # rebuilds a state for given members
        self._tokens = False

    def join(self, chooser: Chooser, states: list[list[Any]], slots_max: int) -> None:
        """Give every view of every dispatcher its twin."""
        self._tokens = chooser.idle_tokens
        for dispatcher, views in enumerate(states):
            for view, state in enumerate(views):
                state.twin = Twin(chooser.make_state(slots_max, dispatcher, len(states)), view)
                self._twins.append(state.twin)

    def follow(self, slots: Iterable[int], at_once: bool) -> None:
        """Slots may have come up or gone down; `at_once` gives those that came up their full share."""
        warm, eligible = self.facts.warm, self.facts.eligible
        for slot in slots:
            if eligible[slot] == self._up[slot]:
                continue
            self._up[slot] = eligible[slot]
            now = self.params.clock()
            if not eligible[slot]:
                self._down_at[slot], self._was_warm[slot] = now, warm[slot]
                if warm[slot]:
                    warm[slot] = 0
                    self._warming.remove((self.since[slot], slot))
            elif self.begun[0] and not at_once:
                if self._down_at[slot] < now:  # else it was not out: a panic ended as it came back
                    self.since[slot], self._was_warm[slot] = now, 1
                warm[slot] = self._was_warm[slot]
                if warm[slot]:
                    insort(self._warming, (self.since[slot], slot))

    def forget(self, slot: int) -> None:
        """The slot is another node's when it is used again."""
        self.follow((slot,), False)
        self._down_at[slot] = -math.inf

    def factor(self, elapsed_s: float) -> float:
        """Share of its picks that a slot keeps after `elapsed_s` in service, 0..1."""
        params = self.params
        if elapsed_s >= params.slow_start_s:
            return 1.0
        share: float = (elapsed_s / params.slow_start_s) ** (1.0 / params.slow_start_aggression)
        return max(params.slow_start_min_ratio, share)

    def is_warming(self) -> bool:
        """Whether any slot was not settled when last looked at."""
        return bool(self._warming)

    def settle(self, now: float) -> None:
        """Slots whose window is over are settled."""
        warming = self._warming
        while warming and now - warming[0][0] >= self.params.slow_start_s:
            self.facts.warm[warming.popleft()[1]] = 0
            self.mark()

    def mark(self) -> None:
        """Members, loads that were polled, or who is settled changed: twins are rebuilt before they are used."""
        for twin in self._twins:
            twin.state.fresh = False

    def twin_of(self, fleet: FleetState, state: Any) -> Any:
        """The state of the view's settled slots, rebuilt if they changed."""
        twin: Twin = state.twin
        if not twin.state.fresh:
            facts = self.facts
            settled = [up and not warm for up, warm in zip(facts.eligible, facts.warm, strict=True)]
            self._fill(fleet, twin.state, twin.view, settled)
            if self._tokens:
                refill_tokens(fleet, twin.state)
        return twin.state


def warmed(chooser: Chooser, slow: SlowStart, central: bool) -> Chooser:
    """The same strategy with a slow start."""
    base, count, unpicked = chooser.pick, chooser.draws_count, chooser.unpicked
    warm, since = slow.facts.warm, slow.since

    def pick(fleet: FleetState, state: Any, draws: Sequence[float], key: int, now: float) -> int:
        slow.begun[0] = 1
        slow.picked_from = state
        slot = base(fleet, state, draws, key, now)
        if not warm[slot]:
            return slot
        slow.settle(now)
        if not warm[slot] or draws[count] < slow.factor(now - since[slot]):
            return slot
        settled = slow.twin_of(fleet, state)
        if not settled.size:
            return slot
        if unpicked is not None:
            unpicked(fleet, state, slot)
        slow.picked_from = settled
        return base(fleet, settled, draws[count + 1 :], key, now)

    hooks = (chooser.score, chooser.changed)
    follows = central or any(hook is not None for hook in hooks)
    changed = following(chooser, central) if follows else None

    def unpick(fleet: FleetState, state: Any, slot: int) -> None:
        assert unpicked is not None
        unpicked(fleet, slow.picked_from, slot)

    again = None if unpicked is None else unpick
    return dataclasses.replace(chooser, pick=pick, draws_count=2 * count + 1, changed=changed, unpicked=again)


def following(chooser: Chooser, central: bool) -> Callable[[FleetState, Any, int], None]:
    """The hook of a moved load: the chooser's own, and all that follows for the twin where the slot is settled."""
    score, changed = chooser.score, chooser.changed

    def moved(fleet: FleetState, state: Any, slot: int) -> None:
        if changed is not None:
            changed(fleet, state, slot)
        twin = state.twin.state
        if not twin.fresh or fleet.warm[slot]:
            return
        if central:
            settle(fleet, twin, slot)
        if score is not None:
            update_least(fleet, twin, slot, score)
        if changed is not None:
            changed(fleet, twin, slot)

    return moved


def refill_tokens(fleet: FleetState, state: Any) -> None:
    """Idle tokens of a slot that has just settled stand in the twin's ring again."""
    for slot in state.members[: state.members_count]:
        if fleet.held[slot] > 0:
            push_idle(state, slot)
