"""Passive health as one listener of the engine: how attempts ended, told to whoever is there, as directly as can be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sim.scalability.health.breaker import Breaker
from sim.scalability.health.ejection import Ejection

Heard = Callable[[int, float], None]


@dataclass(frozen=True, slots=True)
class OutcomeHub:
    """Hot calls, `(slot, now)`; `sent` and `dropped` are None where nobody counts what is under way."""

    ok: Heard
    failed: Heard
    sent: Heard | None  # an attempt was dispatched to the slot
    dropped: Heard | None  # it ended without saying anything of the node: cancelled
    slot_added: Callable[[int, str, str], None]  # for `balancer.slot_listeners`


def make_hub(ejection: Ejection | None, breaker: Breaker | None) -> OutcomeHub | None:
    """A hub over what there is; with one listener its very functions; None without any."""
    if ejection is None or breaker is None:
        if ejection is not None:
            return OutcomeHub(ejection.ok, ejection.failed, None, None, ejection.slot_added)
        if breaker is not None:
            return OutcomeHub(breaker.ok, breaker.failed, breaker.sent, breaker.dropped, breaker.slot_added)
        return None
    first_added, second_added = ejection.slot_added, breaker.slot_added

    def slot_added(slot: int, node_id: str, agent_type: str) -> None:
        first_added(slot, node_id, agent_type)
        second_added(slot, node_id, agent_type)

    ok, failed = _both_ok(ejection, breaker), both(ejection.failed, breaker.failed)
    return OutcomeHub(ok, failed, breaker.sent, breaker.dropped, slot_added)


def _both_ok(ejection: Ejection, breaker: Breaker) -> Heard:
    """The two `ok` written out: nearly every attempt passes here, and nearly none ends a row of failures."""
    row_of, streak, oks = ejection.ok_columns
    breaker_row_of, breaker_streak, state = breaker.ok_columns
    breaker_ok = breaker.ok

    def ok(slot: int, now: float) -> None:
        row = row_of[slot]
        oks[row] += 1
        if streak[row]:
            streak[row] = 0
        row = breaker_row_of[slot]
        if breaker_streak[row] or state[row]:
            breaker_ok(slot, now)

    return ok


def both(first: Heard, second: Heard) -> Heard:
    """Tell two, in this order."""

    def heard(slot: int, now: float) -> None:
        first(slot, now)
        second(slot, now)

    return heard
