"""The balancer as the engine sees it: the calls on the way of one request (the world does not import scalability)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from sim.contracts import Membership


class LoadBalancer(Membership, Protocol):
    """k dispatchers over slots (pools) that hear of membership; `generation` voids completions of a freed slot."""

    draws_count: int
    probes_count: int
    probe_delay_s: float
    refresh_s: float | None
    needs_completion_draw: bool
    central: bool
    dispatchers_count: int
    slot_listeners: list[Callable[[int, str, str], None]]
    generation: Sequence[int]

    def dispatch(self, dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int: ...
    def complete(
        self,
        dispatcher: int,
        slot: int,
        generation: int,
        now: float,
        latency_s: float,
        occupancy: int,
        draw: float = 0.0,
    ) -> None: ...
    def refused(self, dispatcher: int, slot: int, generation: int, now: float) -> None: ...
    def poll(self, now: float, occupancies: Sequence[int]) -> None: ...
    def probe_targets(self, dispatcher: int, view: int, draws: Sequence[float]) -> list[int]: ...
    def probe_answer(self, dispatcher: int, view: int, slot: int, now: float, rif: int, latency_s: float) -> None: ...
    def record_latency(self, slot: int, rif_at_arrival: int, latency_s: float) -> None: ...
    def estimate_latency_s(self, slot: int, rif: int) -> float: ...
