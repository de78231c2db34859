"""Passive health as one listener of the engine: how attempts ended, told to whoever is there, as directly as can be.

`hub_ok` and its sisters are plain functions over `HubState` that count; what they give says who must act on this very
attempt now (0: nobody, as nearly always), and `act` carries that out: an ejection that is due, a breaker to open, a
trial. So a compiled engine counts by itself and comes back for the rare case. Ejection comes before the breaker.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass

from sim.scalability.health.breaker import (
    HALF_OPEN,
    Breaker,
    BreakerState,
    breaker_dropped,
    breaker_failed,
    breaker_sent,
)
from sim.scalability.health.ejection import Ejection, EjectionState, ejection_failed

Heard = Callable[[int, float], None]
Act = Callable[[int, int, float, int], None]

OK, FAILED, SENT, DROPPED = range(4)  # what may be heard of an attempt
EJECTION, BREAKER = 1, 2  # bits of what a hub function gives: who must act


class HubState:
    """Which of the two listen (`ejects`, `breaks`), and the states that they count in (empty where one is absent)."""

    __slots__ = ("breaker", "breaks", "ejection", "ejects")

    def __init__(self, ejection: Ejection | None, breaker: Breaker | None) -> None:
        self.ejects, self.breaks = ejection is not None, breaker is not None
        self.ejection = EjectionState(0, array("q", [0])) if ejection is None else ejection.state
        self.breaker = BreakerState(0, array("q", [0])) if breaker is None else breaker.columns


def hub_ok(state: HubState, slot: int, now: float) -> int:
    """An attempt was answered; who must act. The rules of both, written out: nearly every attempt passes here."""
    due = 0
    if state.ejects:
        ejection = state.ejection
        row = ejection.row_of[slot]
        ejection.oks[row] += 1
        if ejection.streak[row] != 0:
            ejection.streak[row] = 0
    if state.breaks:
        breaker = state.breaker
        row = breaker.row_of[slot]
        if breaker.streak[row] != 0:
            breaker.streak[row] = 0
        if breaker.trials[row] != 0:
            due = BREAKER
    return due


def hub_failed(state: HubState, slot: int, now: float) -> int:
    """An attempt failed; who must act."""
    due = 0
    if state.ejects and ejection_failed(state.ejection, slot):
        due = EJECTION
    if state.breaks and breaker_failed(state.breaker, slot):
        due += BREAKER
    return due


def hub_sent(state: HubState, slot: int, now: float) -> int:
    """An attempt was dispatched to the slot; who must act."""
    return BREAKER if state.breaks and breaker_sent(state.breaker, slot) else 0


def hub_dropped(state: HubState, slot: int, now: float) -> int:
    """An attempt ended without saying anything of the node (cancelled); who must act."""
    return BREAKER if state.breaks and breaker_dropped(state.breaker, slot) else 0


@dataclass(frozen=True, slots=True)
class OutcomeHub:
    """Hot calls, `(slot, now)`; `sent` and `dropped` are None where nobody counts what is under way.

    `act(what, slot, now, due)`: what is due after a hub function (`what`: OK, FAILED, SENT, DROPPED).
    """

    ok: Heard
    failed: Heard
    sent: Heard | None
    dropped: Heard | None
    slot_added: Callable[[int, str, str], None]  # for `balancer.slot_listeners`
    state: HubState
    act: Act


def ok_of(state: HubState, act: Act) -> Heard:
    """`hub_ok` of both listeners with cells for attributes: nearly every attempt passes there."""
    ejection, breaker = state.ejection, state.breaker
    row_of, oks, streak = ejection.row_of, ejection.oks, ejection.streak
    breaker_row_of, breaker_streak, trials = breaker.row_of, breaker.streak, breaker.trials

    def ok(slot: int, now: float) -> None:
        row = row_of[slot]
        oks[row] += 1
        if streak[row]:
            streak[row] = 0
        row = breaker_row_of[slot]
        if breaker_streak[row]:
            breaker_streak[row] = 0
        if trials[row]:
            act(OK, slot, now, BREAKER)

    return ok


def sent_of(state: HubState, act: Act) -> Heard:
    """`hub_sent` likewise."""
    row_of, phase = state.breaker.row_of, state.breaker.phase

    def sent(slot: int, now: float) -> None:
        if phase[row_of[slot]] == HALF_OPEN:
            act(SENT, slot, now, BREAKER)

    return sent


def make_hub(ejection: Ejection | None, breaker: Breaker | None) -> OutcomeHub | None:
    """A hub over what there is; None without any."""
    if ejection is None and breaker is None:
        return None
    state = HubState(ejection, breaker)

    def act(what: int, slot: int, now: float, due: int) -> None:
        if due & EJECTION:
            assert ejection is not None
            ejection.strike(slot, now)
        if due & BREAKER:
            assert breaker is not None
            if what == SENT:
                breaker.trial_sent(slot)
            elif what == FAILED:
                breaker.fell(slot, now)
            else:
                breaker.tried(slot, now, int(what == OK))

    def heard(what: int, rule: Callable[[HubState, int, float], int]) -> Heard:
        def hear(slot: int, now: float) -> None:
            due = rule(state, slot, now)
            if due:
                act(what, slot, now, due)

        return hear

    ok, sent = heard(OK, hub_ok), heard(SENT, hub_sent)
    if ejection is not None and breaker is not None:
        ok = ok_of(state, act)
    if breaker is not None:
        sent = sent_of(state, act)

    def slot_added(slot: int, node_id: str, agent_type: str) -> None:
        for one in (ejection, breaker):
            if one is not None:
                one.slot_added(slot, node_id, agent_type)

    return OutcomeHub(
        ok=ok,
        failed=heard(FAILED, hub_failed),
        sent=None if breaker is None else sent,
        dropped=None if breaker is None else heard(DROPPED, hub_dropped),
        slot_added=slot_added,
        state=state,
        act=act,
    )
