"""The balancer: k independent dispatchers over one membership, each with its own counts and its own chooser state.

A strategy is signal x chooser x eligible set (`signals/`, `choosers/`, views). One view per agent type and, in a
fleet of several types, a last one that holds all slots. Membership changes and polls only mark views; the next
dispatch of a view rebuilds it, so that deploying n agents costs one rebuild, not n. Units: seconds, attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sim.errors import ConfigError
from sim.registry import lookup, names
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.fleet_state import FleetState, enter, forget
from sim.scalability.balancer.hot_bound import HotPaths, hot_paths
from sim.scalability.balancer.idle import IdleDeck, deal, register_idle
from sim.scalability.balancer.least import TIES, rebuild_least
from sim.scalability.balancer.membership import SlotTable
from sim.scalability.balancer.params import BalancerParams
from sim.scalability.balancer.paths import Wiring, elsewhere_path, general_paths, is_short, place_path, short_paths
from sim.scalability.balancer.pool import pool_put, probe_sample
from sim.scalability.balancer.signals import local, polled
from sim.scalability.balancer.signals.probed import LatencyRings, ring_estimate, ring_forget, ring_record
from sim.scalability.balancer.slow_start import SlowStart, SlowStartParams, warmed


@dataclass(frozen=True, slots=True)
class BalancerStatistics:
    """A snapshot, by slot; `in_flight` is summed over dispatchers."""

    slots: tuple[tuple[str, str], ...]
    in_flight: tuple[int, ...]
    eligible: tuple[bool, ...]
    capacity: tuple[int, ...]


class Balancer:
    """Implements `contracts.Membership`; `dispatch`, `complete` and `refused` are set once at construction."""

    def __init__(
        self,
        params: BalancerParams,
        chooser: Chooser,
        types: Sequence[str],
        slots_max: int,
        slow_start: SlowStartParams | None = None,
    ) -> None:
        self.table, self.settled_chooser = SlotTable(types, slots_max), chooser
        self.slow = None if slow_start is None else SlowStart(slow_start, self.table.facts, slots_max, self._fill)
        if self.slow is not None:
            chooser = warmed(chooser, self.slow, params.queue == "central")
        self.params, self.chooser = params, chooser  # `settled_chooser`: while no slot is within a slow start
        self.generation: Sequence[int] = self.table.facts.generation
        self.slots = self.table.slots
        self.slot_listeners: list[Callable[[int, str, str], None]] = []
        self.fence_listeners: list[Callable[[int], None]] = []
        self.draws_count = chooser.draws_count
        self.probes_count, self.probe_delay_s = chooser.probes_count, params.probe_delay_s
        self.dispatchers_count = params.dispatchers
        self.central = params.queue == "central"
        self.board = polled.board_of(params)
        self.polled = (params.signal == "polled" or self.board is not None) and chooser.reads_load
        self.refresh_s: float | None = params.refresh_s if self.polled else None
        self.needs_completion_draw = chooser.idle_tokens and params.dispatchers > 1
        facts = self.table.facts
        each = range(params.dispatchers)
        self.views_count = 1 if len(types) == 1 else len(types) + 1
        self.fleets = [FleetState(slots_max, facts, not self.polled, params.ewma_tau_s) for _ in each]
        self.states: list[list[Any]] = [
            [chooser.make_state(slots_max, dispatcher, params.dispatchers) for _ in range(self.views_count)]
            for dispatcher in each
        ]
        if self.slow is not None:
            self.slow.join(chooser, self.states, slots_max)
        self.rings = LatencyRings(slots_max if chooser.probes_count else 0)
        self._deck = IdleDeck(facts, self.fleets, self._holders(True)) if chooser.idle_tokens else None
        self._deal_due = False
        self.hot: HotPaths | None = None  # once a compiled engine has asked for them
        wiring = self._wire()
        self.dispatch, self.complete, self.refused = (short_paths if is_short(wiring) else general_paths)(wiring)
        self.dispatch_elsewhere = elsewhere_path(wiring, self.dispatch, self.refused)
        self.place = place_path(wiring)

    def _holders(self, with_twins: bool = False) -> list[list[tuple[Any, ...]]]:
        holders: list[list[tuple[Any, ...]]]
        if self.views_count == 1:
            holders = [[(views[0],)] for views in self.states]
        else:
            holders = [[(view, views[-1]) for view in views[:-1]] for views in self.states]
        if with_twins and self.slow is not None:
            return [[(*held, *(state.twin.state for state in held)) for held in each] for each in holders]
        return holders

    def _wire(self) -> Wiring:
        deck = self._deck
        own = self.polled and self.params.count_own_dispatches

        def idle(slot: int, occupancy: int, draw: float) -> None:
            assert deck is not None
            register_idle(deck, slot, occupancy, draw)

        return Wiring(
            chooser=self.chooser,
            fleets=self.fleets,
            states=self.states,
            holders=self._holders(),
            slot_type=self.table.facts.slot_type,
            generation=self.table.facts.generation,
            member=self.table.facts.member,
            refresh=self._refresh,
            sent=polled.sent_counted if own else local.sent,
            released=local.released,
            central=self.central,
            moves_on_sent=own or not self.polled,
            moves_on_released=not self.polled,
            idle=None if deck is None else idle,
        )

    def node_joined(self, node_id: str, weight: float) -> None:
        """A node is there, not yet with agents; `weight` is the relative speed of one of its agents, above 0."""
        self.table.join(node_id, weight)

    def agents_changed(self, node_id: str, agent_type: str, ready: int) -> None:
        """How many agents of a type are ready on a node; the first call makes its slot and tells `slot_listeners`."""
        slot, is_new = self.table.set_ready(node_id, agent_type, ready)
        if is_new:
            joined = self.chooser.joined
            if joined is not None:
                joined(slot, node_id, agent_type)
            for listener in self.slot_listeners:
                listener(slot, node_id, agent_type)
        if self.slow is not None:
            self.slow.follow((slot,), False)
        self._changed()

    def set_eligible(self, node_id: str, eligible: bool, silent: bool = False) -> None:
        """Whether the node's slots may be picked; counts stay. Eligible and silent: used in a panic, fully at once."""
        if self.table.set_eligible(node_id, eligible):
            if self.slow is not None:
                self.slow.follow(self.table.member(node_id).slots.values(), silent)
            self._changed()

    def fence(self, node_id: str) -> None:
        """What was sent to the node is waited for no longer: its slots start from nothing under a new generation.

        `fence_listeners` hear of every slot after that, so that they end what is under way there.
        """
        slots = self.table.fence(node_id, self._emptied)
        self._changed()
        for slot in slots:
            for listener in self.fence_listeners:
                listener(slot)

    def node_left(self, node_id: str) -> None:
        """The node is gone; completions under the old generation will be ignored."""
        self.table.leave(node_id, self._freed)
        self._changed()

    def _freed(self, slot: int) -> None:
        if self.slow is not None:
            self.slow.forget(slot)
        self.table.facts.tokens[slot] = 0
        for fleet in self.fleets:
            forget(fleet, slot)
        if self.chooser.probes_count:
            ring_forget(self.rings, slot)

    def _emptied(self, slot: int) -> None:
        for fleet in self.fleets:
            fleet.in_flight[slot] = 0

    def _changed(self) -> None:
        self._deal_due = self._deck is not None
        self._mark()

    def _mark(self) -> None:
        for views in self.states:
            for state in views:
                state.fresh = False
        if self.slow is not None:
            self.slow.mark()
        if self.hot is not None:
            self.hot.mark(len(self.slots))

    def compiled(self) -> HotPaths:
        """The hot calls as plain functions over books that follow this balancer from now on."""
        if self.hot is None:
            self.hot = hot_paths(self)
        return self.hot

    def pickable(self, dispatcher: int, view: int) -> list[int]:
        """The slots that a view may pick now, ascending."""
        state = self.states[dispatcher][view]
        if not state.fresh:
            self._refresh(dispatcher, view)
        return sorted(state.slots[: state.size])

    def refresh(self, dispatcher: int, view: int) -> None:
        """Rebuild a view now (a compiled engine asks)."""
        self._refresh(dispatcher, view)

    def _refresh(self, dispatcher: int, view: int) -> None:
        """Rebuild who may be picked in a view, in slot order, and what the chooser keeps of them. O(slots_max)."""
        if self._deal_due and self._deck is not None:
            deal(self._deck, len(self.slots))
            self._deal_due = False
        self._fill(self.fleets[dispatcher], self.states[dispatcher][view], view, self.table.facts.eligible)

    def _fill(self, fleet: FleetState, state: Any, view: int, eligible: Sequence[int]) -> None:
        facts = self.table.facts
        everyone = self.views_count == 1 or view == self.views_count - 1
        state.size = state.members_count = 0
        for slot in range(len(self.slots)):
            state.position[slot] = -1
            if eligible[slot] and (everyone or facts.slot_type[slot] == view):
                state.members[state.members_count] = slot
                state.members_count += 1
                if not self.central or fleet.in_flight[slot] < facts.capacity[slot]:
                    enter(state, slot)
        if self.chooser.score is not None:
            rebuild_least(fleet, state, self.chooser.score)
        if self.chooser.rebuild is not None:
            self.chooser.rebuild(fleet, state)
        state.fresh = True

    def poll(self, now: float, occupancies: Sequence[int]) -> None:
        """What every slot holds (waiting plus in service), all dispatchers' work, for all dispatchers at once."""
        if self.polled:
            occupancies = polled.shown(self.board, self.params.signal, now, occupancies)
            for fleet in self.fleets:
                polled.refresh(fleet, occupancies, len(self.slots))
            self._mark()

    def probe_targets(self, dispatcher: int, view: int, draws: Sequence[float]) -> list[int]:
        """Up to `probes_count` distinct slots of the view, drawn uniformly; none where nothing is probed."""
        if not self.probes_count:
            return []
        state = self.states[dispatcher][view]
        if not state.fresh:
            self._refresh(dispatcher, view)
        return probe_sample(state, draws)

    def probe_answer(self, dispatcher: int, view: int, slot: int, now: float, rif: int, latency_s: float) -> None:
        """A probe came back; a slot that may no longer be picked is not kept."""
        state = self.states[dispatcher][view]
        if not state.fresh:
            self._refresh(dispatcher, view)
        fleet = self.fleets[dispatcher]
        pool_put(fleet, state, slot, now, rif, latency_s)
        if self.slow is not None and self.slow.is_warming():
            pool_put(fleet, self.slow.twin_of(fleet, state), slot, now, rif, latency_s)

    def record_latency(self, slot: int, rif_at_arrival: int, latency_s: float) -> None:
        """The node of `slot` notes an answer (node side, all dispatchers' work)."""
        ring_record(self.rings, slot, rif_at_arrival, latency_s)

    def estimate_latency_s(self, slot: int, rif: int) -> float:
        """What the node of `slot` expects of a request that finds `rif` there, seconds; 0 without any answer yet."""
        return ring_estimate(self.rings, slot, rif)

    def statistics(self) -> BalancerStatistics:
        """A snapshot for status pages and tests."""
        each = range(len(self.slots))
        facts = self.table.facts
        return BalancerStatistics(
            slots=tuple(self.slots),
            in_flight=tuple(sum(fleet.in_flight[slot] for fleet in self.fleets) for slot in each),
            eligible=tuple(facts.eligible[slot] == 1 for slot in each),
            capacity=tuple(facts.capacity[slot] for slot in each),
        )


def make_balancer(
    params: BalancerParams, types: Sequence[str], slots_max: int, slow_start: SlowStartParams | None = None
) -> Balancer:
    """Build a balancer for a fleet of these agent types and at most `slots_max` slots; raises `ConfigError`.

    With a slow start `draws_count` is 2 c + 1 for a strategy of c draws (see `slow_start`).
    """
    for key, value, accepted in (
        ("ties", params.ties, tuple(TIES)),
        ("queue", params.queue, ("node", "central")),
        ("signal", params.signal, (*polled.SIGNALS, *names("signal"))),
    ):
        if value not in accepted:
            raise ConfigError(f"balancer.{key}", value, " / ".join(accepted))
    if params.dispatchers < 1:
        raise ConfigError("balancer.dispatchers", params.dispatchers, "1 or more")
    chooser: Chooser = lookup("balancer", params.kind)(params)
    signal = params.signal if params.signal in polled.SIGNALS else "polled"  # a board of a plugin is polled
    if signal not in chooser.signals:
        raise ConfigError("balancer.signal", params.signal, f"{' / '.join(chooser.signals)} with {params.kind}")
    if params.count_own_dispatches and signal != "polled":
        raise ConfigError("balancer.count_own_dispatches", True, "false unless balancer.signal=polled")
    if signal == "polled" and not params.refresh_s > 0.0:
        raise ConfigError("balancer.refresh_s", params.refresh_s, "above 0")
    return Balancer(params, chooser, types, slots_max, slow_start)
