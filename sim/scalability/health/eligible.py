"""Who may be picked: what the manager says of a node, less what passive health excludes, unless too few are left.

A member is in service unless the manager took it out for a reason of its own (draining, maintenance, offline by wish);
one that is only believed dead (`silent`) is in service and not healthy. Healthy: eligible and excluded by no cause.
Panic (Envoy's healthy_panic_threshold, 50 % there): while fewer than `panic_ratio` of the members in service are
healthy, all in service are used, since the few left would fall to the load of all, and since so many rarely die at
once: what reports them dead is then the likelier fault. The next Membership hears `silent=True` with a node that only
the panic uses. O(1) a change, O(members) when a panic begins or ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sim.contracts import EventSink, Membership, Runtime

CAUSES = ("ejection", "breaker", "connection")  # connection: the balancer saw its connections break


@dataclass(slots=True)
class _Member:
    birth: int  # serial of joining
    eligible: bool = True  # as the manager says
    silent: bool = False
    excluded: dict[str, str] = field(default_factory=dict)  # cause -> reason
    told: tuple[bool, bool] = (True, False)  # what the next one heard last: eligible, silent

    @property
    def in_service(self) -> bool:
        return self.eligible or self.silent

    @property
    def healthy(self) -> bool:
        return self.eligible and not self.excluded


class EligibleSet:
    """Implements `contracts.Membership` in front of `next`; `left_listeners` hear of every node that leaves."""

    def __init__(self, following: Membership, runtime: Runtime, events: EventSink, panic_ratio: float = 0.0) -> None:
        self.following, self.runtime, self.events, self.panic_ratio = following, runtime, events, panic_ratio
        self.left_listeners: list[Callable[[str], None]] = []
        self.in_service_count = self.healthy_count = 0
        self.panic = False
        self._members: dict[str, _Member] = {}
        self._births_count = 0

    def node_joined(self, node_id: str, weight: float) -> None:
        """A node is there, and healthy until something else is said."""
        self.following.node_joined(node_id, weight)
        self._members[node_id] = _Member(self._births_count)
        self._births_count += 1
        self.in_service_count += 1
        self.healthy_count += 1
        self._settle()

    def agents_changed(self, node_id: str, agent_type: str, ready: int) -> None:
        """More or fewer ready agents of a type on a node."""
        self.following.agents_changed(node_id, agent_type, ready)

    def set_eligible(self, node_id: str, eligible: bool, silent: bool = False) -> None:
        """What the manager says: the node may be picked; or not, `silent` where it is only believed dead."""
        member = self._members[node_id]
        self._forget(member)
        member.eligible, member.silent = eligible, silent and not eligible
        self._count(node_id, member)

    def fence(self, node_id: str) -> None:
        """What the node still answers does not count."""
        self.following.fence(node_id)

    def node_left(self, node_id: str) -> None:
        """The node is gone, with all that was held against it."""
        self._forget(self._members.pop(node_id))
        self.following.node_left(node_id)
        for listener in self.left_listeners:
            listener(node_id)
        self._settle()

    def exclude(self, node_id: str, cause: str, reason: str) -> None:
        """Do not pick a member (one that left: nothing), by a cause of its own; the newest reason of a cause stands."""
        assert cause in CAUSES, cause
        member = self._members.get(node_id)
        if member is not None:
            self._forget(member)
            member.excluded[cause] = reason
            self._count(node_id, member)

    def include(self, node_id: str, cause: str) -> None:
        """Lift what a cause held against a member; nothing if it holds nothing."""
        member = self._members.get(node_id)
        if member is not None and cause in member.excluded:
            self._forget(member)
            del member.excluded[cause]
            self._count(node_id, member)

    def excluded(self, node_id: str) -> dict[str, str]:
        """Cause -> reason of what is held against a member."""
        return dict(self._members[node_id].excluded)

    def has(self, node_id: str) -> bool:
        """Whether the node is a member."""
        return node_id in self._members

    def birth(self, node_id: str) -> int:
        """Serial of the member's joining."""
        return self._members[node_id].birth

    def in_service(self, node_id: str) -> bool:
        """Whether the node is a member that requests may be sent to, in a panic at the latest."""
        member = self._members.get(node_id)
        return member is not None and member.in_service

    def _forget(self, member: _Member) -> None:
        self.in_service_count -= member.in_service
        self.healthy_count -= member.healthy

    def _count(self, node_id: str, member: _Member) -> None:
        self.in_service_count += member.in_service
        self.healthy_count += member.healthy
        if not self._settle():
            self._tell(node_id, member)

    def _settle(self) -> bool:
        """Begin or end a panic; True when everybody was told anew."""
        panic = self.healthy_count < self.panic_ratio * self.in_service_count
        if panic is self.panic:
            return False
        self.panic = panic
        kind = "panic_began" if panic else "panic_ended"
        share = f"{self.healthy_count} of {self.in_service_count} nodes in service are healthy"
        reason = f"{share}, panic_ratio={self.panic_ratio:g}"
        self.events.write(self.runtime.now(), kind, "fleet", reason=reason)
        for node_id, member in self._members.items():
            self._tell(node_id, member)
        return True

    def _tell(self, node_id: str, member: _Member) -> None:
        used = member.healthy or (self.panic and member.in_service)
        news = (used, member.in_service and not member.healthy)
        if news != member.told:
            member.told = news
            self.following.set_eligible(node_id, *news)
