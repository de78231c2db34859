"""The two hot calls, dispatch and complete, put together once for a configuration.

A configuration that keeps no tree, one dispatcher and one view takes the short path (about half the time); all others
take the general one: signal, then for each view that holds the slot: fullness (queue at the balancer), tree, hook.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.elsewhere import pick_elsewhere
from sim.scalability.balancer.fleet_state import FleetState, ViewState, settle
from sim.scalability.balancer.least import update_least


class Dispatch(Protocol):
    """Pick a slot for an attempt and count it there; -1 when none may be picked."""

    def __call__(self, dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int: ...


class Complete(Protocol):
    """An attempt was answered; `occupancy` is what its pool still holds."""

    def __call__(
        self,
        dispatcher: int,
        slot: int,
        generation: int,
        now: float,
        latency_s: float,
        occupancy: int,
        draw: float = 0.0,
    ) -> None: ...


class Refused(Protocol):
    """An attempt was turned away by a full queue: it leaves no latency."""

    def __call__(self, dispatcher: int, slot: int, generation: int, now: float) -> None: ...


class Elsewhere(Protocol):
    """As `Dispatch`, to another node than slot `held` is of; `draws` are one more. -1 when there is none."""

    def __call__(self, dispatcher: int, view: int, draws: Sequence[float], key: int, held: int, now: float) -> int: ...


@dataclass(slots=True)
class Wiring:
    """What the paths are made of. `states[dispatcher][view]`; `holders[dispatcher][type]` are the views of a slot."""

    chooser: Chooser
    fleets: list[FleetState]
    states: list[list[Any]]
    holders: list[list[tuple[Any, ...]]]
    slot_type: array[int]
    generation: array[int]
    member: array[int]
    refresh: Callable[[int, int], None]
    sent: Callable[[FleetState, int], None]
    released: Callable[[FleetState, int], None]
    central: bool
    moves_on_sent: bool  # a dispatch changes the load that is read
    moves_on_released: bool
    idle: Callable[[int, int, float], None] | None  # (slot, occupancy, draw)


def is_short(wiring: Wiring) -> bool:
    """One dispatcher, one view, a local count and no hook: nothing but the pick and its count."""
    chooser = wiring.chooser
    hooks = (chooser.score, chooser.changed, chooser.answered, wiring.idle)
    one = len(wiring.states) == 1 and len(wiring.states[0]) == 1
    local = wiring.fleets[0].count is wiring.fleets[0].in_flight
    return one and local and not wiring.central and not any(hook is not None for hook in hooks)


def short_paths(wiring: Wiring) -> tuple[Dispatch, Complete, Refused]:
    """Dispatch, complete and refused of a short configuration."""
    pick, refresh = wiring.chooser.pick, wiring.refresh
    fleet: FleetState = wiring.fleets[0]
    state: ViewState = wiring.states[0][0]
    in_flight, generations = fleet.in_flight, wiring.generation

    def dispatch(dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int:
        if not state.fresh:
            refresh(0, 0)
        if not state.size:
            return -1
        slot = pick(fleet, state, draws, key, now)
        in_flight[slot] += 1
        return slot

    def complete(
        dispatcher: int, slot: int, generation: int, now: float, latency_s: float, occupancy: int, draw: float = 0.0
    ) -> None:
        if generations[slot] == generation:
            in_flight[slot] -= 1

    def refused(dispatcher: int, slot: int, generation: int, now: float) -> None:
        if generations[slot] == generation:
            in_flight[slot] -= 1

    return dispatch, complete, refused


def moving(wiring: Wiring) -> Callable[[FleetState, tuple[Any, ...], int], None]:
    """What follows when the load of a slot moved: fullness, tree and hook of every view that holds it."""
    chooser, central = wiring.chooser, wiring.central
    score, changed = chooser.score, chooser.changed

    def moved(fleet: FleetState, holders: tuple[Any, ...], slot: int) -> None:
        for state in holders:
            if central:
                settle(fleet, state, slot)
            if score is not None:
                update_least(fleet, state, slot, score)
            if changed is not None:
                changed(fleet, state, slot)

    return moved


def general_paths(wiring: Wiring) -> tuple[Dispatch, Complete, Refused]:
    """Dispatch, complete and refused of any configuration."""
    pick, answered = wiring.chooser.pick, wiring.chooser.answered
    refresh, sent, released, idle = wiring.refresh, wiring.sent, wiring.released, wiring.idle
    fleets, states, holders = wiring.fleets, wiring.states, wiring.holders
    slot_type, generations = wiring.slot_type, wiring.generation
    moved = moving(wiring)
    watched = wiring.central or wiring.chooser.score is not None or wiring.chooser.changed is not None
    on_sent = wiring.central or (watched and wiring.moves_on_sent)
    on_released = wiring.central or (watched and wiring.moves_on_released)

    def dispatch(dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int:
        state = states[dispatcher][view]
        if not state.fresh:
            refresh(dispatcher, view)
        if not state.size:
            return -1
        fleet = fleets[dispatcher]
        slot = pick(fleet, state, draws, key, now)
        sent(fleet, slot)
        if on_sent:
            moved(fleet, holders[dispatcher][slot_type[slot]], slot)
        return slot

    def complete(
        dispatcher: int, slot: int, generation: int, now: float, latency_s: float, occupancy: int, draw: float = 0.0
    ) -> None:
        if generations[slot] != generation:
            return
        fleet = fleets[dispatcher]
        released(fleet, slot)
        if answered is not None:
            answered(fleet, slot, now, latency_s)
        if on_released:
            moved(fleet, holders[dispatcher][slot_type[slot]], slot)
        if idle is not None:
            idle(slot, occupancy, draw)

    def refused(dispatcher: int, slot: int, generation: int, now: float) -> None:
        if generations[slot] == generation:
            fleet = fleets[dispatcher]
            released(fleet, slot)
            if on_released:
                moved(fleet, holders[dispatcher][slot_type[slot]], slot)

    return dispatch, complete, refused


def elsewhere_path(wiring: Wiring, dispatch: Dispatch, refused: Refused) -> Elsewhere:
    """A dispatch that avoids a node (see `elsewhere`), over the paths of a configuration."""
    states, fleets, member, generations = wiring.states, wiring.fleets, wiring.member, wiring.generation
    holders, slot_type, unpicked, sent = wiring.holders, wiring.slot_type, wiring.chooser.unpicked, wiring.sent
    moved = moving(wiring)
    watched = wiring.chooser.score is not None or wiring.chooser.changed is not None
    on_sent = wiring.central or (watched and wiring.moves_on_sent)

    def dispatch_elsewhere(dispatcher: int, view: int, draws: Sequence[float], key: int, held: int, now: float) -> int:
        slot = dispatch(dispatcher, view, draws, key, now)
        if slot < 0 or member[slot] != member[held]:
            return slot
        refused(dispatcher, slot, generations[slot], now)
        fleet, state = fleets[dispatcher], states[dispatcher][view]
        if unpicked is not None:
            unpicked(fleet, state, slot)
        several = len(states[dispatcher]) > 1 and view == len(states[dispatcher]) - 1
        other = pick_elsewhere(state, member, held, several, draws[-1])
        if other >= 0:
            sent(fleet, other)
            if on_sent:
                moved(fleet, holders[dispatcher][slot_type[other]], other)
        return other

    return dispatch_elsewhere


def place_path(wiring: Wiring) -> Callable[[int, int], int]:
    """`place(dispatcher, slot)`: count an attempt on a slot that somebody else chose; gives the slot."""
    fleets, holders, slot_type, sent = wiring.fleets, wiring.holders, wiring.slot_type, wiring.sent
    moved = moving(wiring)
    watched = wiring.chooser.score is not None or wiring.chooser.changed is not None
    on_sent = wiring.central or (watched and wiring.moves_on_sent)

    def place(dispatcher: int, slot: int) -> int:
        fleet = fleets[dispatcher]
        sent(fleet, slot)
        if on_sent:
            moved(fleet, holders[dispatcher][slot_type[slot]], slot)
        return slot

    return place
