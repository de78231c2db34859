"""Nodes and agents become slots: one slot a (node, agent type), reused only under a new generation.

A slot is eligible while its node may be picked and at least one of its agents is ready. Its weight is the node's
weight (service speed of one agent, relative) times its ready agents, so that a share by weight is a share by capacity.
Slots are bounded by `slots_max`; the lowest free slot is used first, so that the same history gives the same slots.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sim.errors import FleetError, NodeError
from sim.scalability.balancer.fleet_state import Facts


@dataclass(slots=True)
class Member:
    """One node: its weight, whether it may be picked, its slots by agent type."""

    weight: float
    number: int  # of joining
    eligible: bool = True
    slots: dict[str, int] = field(default_factory=dict)


class SlotTable:
    """Writes the columns of `facts`; shape (slots_max,)."""

    def __init__(self, types: Sequence[str], slots_max: int) -> None:
        self.types = tuple(types)
        self.slots_max = slots_max
        self.facts = Facts(slots_max)
        self.slots: list[tuple[str, str]] = []
        self.members: dict[str, Member] = {}
        self.free: list[int] = []  # heap
        self.joins_count = 0

    def member(self, node_id: str) -> Member:
        """The node; raises `NodeError` if it has not joined."""
        try:
            return self.members[node_id]
        except KeyError:
            raise NodeError(node_id, "has not joined the balancer") from None

    def join(self, node_id: str, weight: float) -> None:
        """A node is there, without agents; raises `NodeError` for a second join or a weight that is not above 0."""
        if node_id in self.members:
            raise NodeError(node_id, "has joined the balancer already")
        if not 0.0 < weight < float("inf"):
            raise NodeError(node_id, f"weight {weight}: accepted is a finite number above 0")
        self.members[node_id] = Member(weight, self.joins_count)
        self.joins_count += 1

    def set_ready(self, node_id: str, agent_type: str, ready: int) -> tuple[int, bool]:
        """Ready agents of a type on a node; gives its slot and whether that is new."""
        member = self.member(node_id)
        if agent_type not in self.types:
            raise NodeError(node_id, f"agent type {agent_type!r}: accepted is one of {', '.join(self.types)}")
        if ready < 0:
            raise NodeError(node_id, f"{ready} ready agents: accepted is 0 or more")
        slot = member.slots.get(agent_type)
        is_new = slot is None
        if slot is None:
            slot = self._take((node_id, agent_type))
            member.slots[agent_type] = slot
            self.facts.slot_type[slot] = self.types.index(agent_type)
            self.facts.member[slot] = member.number
        self.facts.capacity[slot] = ready
        self.facts.weight[slot] = member.weight * ready
        self.facts.eligible[slot] = int(member.eligible and ready > 0)
        return slot, is_new

    def set_eligible(self, node_id: str, eligible: bool) -> bool:
        """Whether the node may be picked at all (health, draining); gives whether that is news."""
        member = self.member(node_id)
        if member.eligible == eligible:
            return False
        member.eligible = eligible
        for slot in member.slots.values():
            self.facts.eligible[slot] = int(eligible and self.facts.capacity[slot] > 0)
        return True

    def fence(self, node_id: str, on_fenced: Callable[[int], None]) -> tuple[int, ...]:
        """A new generation for the node's slots, which stay its own; gives them, after `on_fenced(slot)` of each."""
        slots = tuple(self.member(node_id).slots.values())
        for slot in slots:
            self.facts.generation[slot] += 1
            on_fenced(slot)
        return slots

    def leave(self, node_id: str, on_freed: Callable[[int], None]) -> None:
        """The node is gone: its slots get a new generation, `on_freed(slot)` clears what was known of each."""
        facts = self.facts
        for slot in self.member(node_id).slots.values():
            facts.generation[slot] += 1
            facts.eligible[slot] = facts.capacity[slot] = 0
            facts.weight[slot] = 0.0
            on_freed(slot)
            heapq.heappush(self.free, slot)
        del self.members[node_id]

    def _take(self, place: tuple[str, str]) -> int:
        if self.free:
            slot = heapq.heappop(self.free)
            self.slots[slot] = place
            return slot
        if len(self.slots) == self.slots_max:
            raise FleetError(f"the balancer holds {self.slots_max} slots (node x agent type); {place} is one too many")
        self.slots.append(place)
        return len(self.slots) - 1
