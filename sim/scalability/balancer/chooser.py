"""What a strategy is made of: one rule that picks, the state it keeps for each dispatcher and view, and its hooks.

Hot rules are plain functions over arrays and numbers, so that a compiled engine can run the same source. `pick` is
called only while the view has a slot to pick (`state.size >= 1`), and is a pure function of (state, draws, key, now).
`draws` are `draws_count` uniforms in (0, 1), `key` the request's affinity key, `now` seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sim.scalability.balancer.fleet_state import FleetState, ViewState

Pick = Callable[[FleetState, Any, Sequence[float], int, float], int]
Score = Callable[[FleetState, int], float]
Foresee = Callable[[FleetState, Any, Sequence[float], int, int, int], int]  # as `power_of_d.foresee_pair`
Hook = TypeVar("Hook", bound=Callable[..., Any])
LOAD_BLIND = ("local", "polled")  # accepted and not read, so that a sweep over strategies can share the key


class MakeState(Protocol):
    """Builds the state of one view at one of `dispatchers` dispatchers."""

    def __call__(self, slots_max: int, dispatcher: int, dispatchers: int) -> ViewState: ...


def python_only(hook: Hook) -> Hook:
    """Marks a rare hook that no compiled engine runs: it comes back to Python for it."""
    hook.needs_python = True  # type: ignore[attr-defined]
    return hook


def sized(slots_max: int, dispatcher: int, dispatchers: int) -> ViewState:
    """The state of a strategy that keeps nothing but who may be picked."""
    return ViewState(slots_max)


@dataclass(frozen=True, slots=True)
class Chooser:
    """A strategy, bound to its settings."""

    pick: Pick
    make_state: MakeState = sized
    draws_count: int = 0
    signals: tuple[str, ...] = ("local", "polled")
    reads_load: bool = True  # False: the signal is not read, so that nothing is polled for it
    score: Score | None = None  # least-loaded family: kept in the state's tree, smaller is better
    rebuild: Callable[[FleetState, Any], None] | None = None  # members or polled loads changed
    changed: Callable[[FleetState, Any, int], None] | None = None  # (fleet, state, slot): its load or eligibility did
    answered: Callable[[FleetState, int, float, float], None] | None = None  # (fleet, slot, now, latency_s)
    joined: Callable[[int, str, str], None] | None = None  # (slot, node_id, agent_type): a new slot
    unpicked: Callable[[FleetState, Any, int], None] | None = None  # (fleet, state, slot): not sent there
    idle_tokens: bool = False  # nodes tell dispatchers when an agent falls idle
    probes_count: int = 0  # probes sent after each dispatch
    foresee: Foresee | None = None  # what a pick would give some requests earlier, for large fleets
