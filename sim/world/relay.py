"""Membership on its way to the balancer: what waits for a slot is sent on at the instant one comes up.

Without this a request that found nothing eligible would wait for the next answer, which may never come.
"""

from __future__ import annotations

from collections.abc import Callable

from sim.contracts import Membership


class MembershipRelay:
    """Implements `contracts.Membership` in front of `balancer`; `changed` is called after every change.

    `leaving` is called before the balancer forgets a node.
    """

    def __init__(self, balancer: Membership, changed: Callable[[], None], leaving: Callable[[str], None]) -> None:
        self.balancer, self.changed, self.leaving = balancer, changed, leaving

    def node_joined(self, node_id: str, weight: float) -> None:
        """A node without agents: nothing to send to yet."""
        self.balancer.node_joined(node_id, weight)

    def agents_changed(self, node_id: str, agent_type: str, ready: int) -> None:
        """More or fewer ready agents of a type on a node."""
        self.balancer.agents_changed(node_id, agent_type, ready)
        self.changed()

    def set_eligible(self, node_id: str, eligible: bool, silent: bool = False) -> None:
        """Whether the node may be picked."""
        self.balancer.set_eligible(node_id, eligible, silent)
        self.changed()

    def fence(self, node_id: str) -> None:
        """What the node still answers does not count."""
        self.balancer.fence(node_id)
        self.changed()

    def node_left(self, node_id: str) -> None:
        """The node is gone."""
        self.leaving(node_id)
        self.balancer.node_left(node_id)
        self.changed()
