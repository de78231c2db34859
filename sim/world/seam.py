"""The control plane as the engine sees it: the calls on the way of one request (the world imports no scalability)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sim.contracts import Membership, Outcomes


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
    fence_listeners: list[Callable[[int], None]]  # a slot's attempts under way do not count any more
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
    def dispatch_elsewhere(
        self, dispatcher: int, view: int, draws: Sequence[float], key: int, held: int, now: float
    ) -> int: ...  # draws_count + 1 uniforms; to another node than slot `held` is of, -1 without one
    def poll(self, now: float, occupancies: Sequence[int]) -> None: ...
    def probe_targets(self, dispatcher: int, view: int, draws: Sequence[float]) -> list[int]: ...
    def probe_answer(self, dispatcher: int, view: int, slot: int, now: float, rif: int, latency_s: float) -> None: ...
    def record_latency(self, slot: int, rif_at_arrival: int, latency_s: float) -> None: ...
    def estimate_latency_s(self, slot: int, rif: int) -> float: ...


class Network(Protocol):
    """Messages between the balancer and nodes; `plain` while all of them arrive at once."""

    plain: bool

    def request_delay_s(self, serial: int, to_node: bool, entity: int, attempt: int) -> float: ...


class RetryBudget(Protocol):
    """How many retries there may be."""

    @property
    def counts_fresh(self) -> bool: ...
    def fresh(self) -> None: ...
    def take(self, active: int) -> bool: ...
    def ended(self) -> None: ...


class Admission(Protocol):
    """Who is let in."""

    needs_draw: bool
    learns: bool  # wants to hear how requests end

    def admit(self, priority: int, in_flight: int, draw: float, now: float) -> bool: ...
    def ended(self, ok: bool, now: float) -> None: ...


@dataclass(slots=True)
class RequestRules:
    """The control plane's rules of the request path, as objects and numbers; seconds."""

    budget: RetryBudget
    outcomes: Outcomes
    backoff_s: Callable[[int, float], float]  # (retry, draw)
    admission: Admission | None = None
    on_sent: Callable[[int, float], None] | None = None  # (slot, now), for breakers
    on_dropped: Callable[[int, float], None] | None = None  # (slot, now): it ended without a word on the node
    on_demand: Callable[[], None] | None = None  # whenever a request begins or ends to wait, or a node falls idle
    attempts_max: int = 1
    attempt_timeout_s: float | None = None
    deadline_s: float | None = None
    hedge_after_s: float | None = None
    hedges_max: int = 1
    cancel_outrun: bool = True
    kills: bool = False  # what is given up is cancelled at its node
    redraw: Any = None  # (row): draw the demand of a further attempt anew
