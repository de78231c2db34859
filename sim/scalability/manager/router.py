"""The balancer of a manager that was given none: requests are routed with `load_balancing_strategy`.

A balancer knows its agent types from the start, a manager learns them as agents are deployed. So each type gets a
balancer of its own when the first request asks for it (a slot is a node's agents of one type either way), and one more
serves requests that name no type. Each counts the requests it sent itself. Chance comes from (seed, request ordinal).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.errors import FleetError
from sim.registry import lookup
from sim.runtime.draws import PICK, PROBE, CounterDraws
from sim.scalability.balancer.balancer import Balancer, make_balancer
from sim.scalability.balancer.chooser import Chooser
from sim.scalability.balancer.params import BalancerParams

ANY = "any"


@dataclass(frozen=True, slots=True)
class Route:
    """Where one request goes; handed back when it has been answered."""

    ordinal: int
    node_id: str
    agent_type: str | None
    slot: int
    generation: int
    sent_at: float  # s
    ahead: int  # requests that were at the slot already


@dataclass(slots=True)
class _Member:
    weight: float
    eligible: bool = True
    ready: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Pool:
    balancer: Balancer
    present: list[int]  # requests at each slot


class Router:
    """Implements `contracts.Membership`; `route` and `finish` are the way of one request."""

    def __init__(self, strategy: str, nodes_max: int, requests_max: int, seed: int) -> None:
        self._params = BalancerParams(kind=strategy)
        chooser: Chooser = lookup("balancer", strategy)(self._params)
        self._params = BalancerParams(kind=strategy, signal=chooser.signals[0])
        self._nodes_max, self._requests_max = nodes_max, requests_max
        self._draws = CounterDraws(seed, 0)
        self._members: dict[str, _Member] = {}
        self._pools: dict[str | None, _Pool] = {}
        self._open: dict[int, Route] = {}
        self._ordinal = 0

    def node_joined(self, node_id: str, weight: float) -> None:
        """A node is there."""
        self._members[node_id] = _Member(weight)
        for pool in self._pools.values():
            pool.balancer.node_joined(node_id, weight)

    def agents_changed(self, node_id: str, agent_type: str, ready: int) -> None:
        """Ready agents of a type on a node."""
        counts = self._members[node_id].ready
        counts[agent_type] = ready
        if agent_type in self._pools:
            self._pools[agent_type].balancer.agents_changed(node_id, agent_type, ready)
        if None in self._pools:
            self._pools[None].balancer.agents_changed(node_id, ANY, sum(counts.values()))

    def set_eligible(self, node_id: str, eligible: bool, silent: bool = False) -> None:
        """Whether the node may be picked."""
        self._members[node_id].eligible = eligible
        for pool in self._pools.values():
            pool.balancer.set_eligible(node_id, eligible, silent)

    def fence(self, node_id: str) -> None:
        """Requests under way on the node do not count any more; `finish_request` of one changes nothing."""
        for pool in self._pools.values():
            pool.balancer.fence(node_id)

    def node_left(self, node_id: str) -> None:
        """The node is gone."""
        del self._members[node_id]
        for pool in self._pools.values():
            pool.balancer.node_left(node_id)

    def route(self, agent_type: str | None, key: int | None, now: float) -> Route:
        """Pick a node; raises `FleetError` when none is eligible or `requests_max` are under way."""
        if len(self._open) >= self._requests_max:
            raise FleetError(f"{len(self._open)} requests are under way, which is requests_max")
        pool = self._pools.get(agent_type) or self._make(agent_type)
        balancer, ordinal = pool.balancer, self._ordinal
        self._ordinal += 1
        draws = [self._draws.uniform(PICK, ordinal, 0, index) for index in range(balancer.draws_count)]
        slot = balancer.dispatch(0, 0, draws, ordinal if key is None else key, now)
        if slot < 0:
            raise FleetError(
                f"no online node has a ready agent{'' if agent_type is None else f' of type {agent_type!r}'}"
            )
        node_id, generation = balancer.slots[slot][0], balancer.generation[slot]
        route = Route(ordinal, node_id, agent_type, slot, generation, now, pool.present[slot])
        pool.present[slot] += 1
        self._open[ordinal] = route
        if balancer.probes_count:
            self._probe(pool, ordinal, now)
        return route

    def finish(self, route: Route, now: float) -> None:
        """The request has been answered; raises `FleetError` if it is not under way."""
        if self._open.pop(route.ordinal, None) is not route:
            raise FleetError(f"request {route.ordinal} is not under way")
        pool = self._pools[route.agent_type]
        if pool.balancer.generation[route.slot] != route.generation:
            return  # its node left or was fenced meanwhile
        pool.present[route.slot] -= 1
        latency_s, occupancy = now - route.sent_at, pool.present[route.slot]
        if pool.balancer.probes_count:
            pool.balancer.record_latency(route.slot, route.ahead, latency_s)
        pool.balancer.complete(0, route.slot, route.generation, now, latency_s, occupancy)

    def _probe(self, pool: _Pool, ordinal: int, now: float) -> None:
        balancer = pool.balancer
        draws = [self._draws.uniform(PROBE, ordinal, 0, index) for index in range(balancer.probes_count)]
        for slot in balancer.probe_targets(0, 0, draws):
            rif = pool.present[slot]
            balancer.probe_answer(0, 0, slot, now, rif, balancer.estimate_latency_s(slot, rif))

    def _make(self, agent_type: str | None) -> _Pool:
        """A balancer that starts from what is known of the fleet."""
        if agent_type is not None and not any(agent_type in member.ready for member in self._members.values()):
            raise FleetError(f"no agent of type {agent_type!r} is deployed")
        name = ANY if agent_type is None else agent_type
        balancer = make_balancer(self._params, (name,), self._nodes_max)
        pool = self._pools[agent_type] = _Pool(balancer, [0] * self._nodes_max)
        balancer.slot_listeners.append(lambda slot, _node_id, _type: _clear(pool, slot))
        balancer.fence_listeners.append(lambda slot: _clear(pool, slot))
        for node_id, member in self._members.items():
            balancer.node_joined(node_id, member.weight)
            ready = sum(member.ready.values()) if agent_type is None else member.ready.get(agent_type, 0)
            if ready:
                balancer.agents_changed(node_id, name, ready)
            if not member.eligible:
                balancer.set_eligible(node_id, False)
        return pool


def _clear(pool: _Pool, slot: int) -> None:
    """A slot begins anew: what an earlier node's requests left there is not its own."""
    pool.present[slot] = 0
