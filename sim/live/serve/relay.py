"""What stands before the balancer: who waits there, and connections, hear of the same changes of membership."""

from __future__ import annotations

from collections.abc import Callable

from sim.contracts import Membership


class Relay:
    """Implements `contracts.Membership`; `changed` follows what may let somebody go on."""

    def __init__(
        self, following: Membership, changed: Callable[[], None], fenced: Callable[[str], None],
        left: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.following, self._changed, self._fenced, self._left = following, changed, fenced, left

    def node_joined(self, node_id: str, weight: float) -> None:
        """A node is there."""
        self.following.node_joined(node_id, weight)

    def agents_changed(self, node_id: str, agent_type: str, ready: int) -> None:
        """Ready agents of a type on a node."""
        self.following.agents_changed(node_id, agent_type, ready)
        self._changed()

    def set_eligible(self, node_id: str, eligible: bool, silent: bool = False) -> None:
        """Whether the node may be picked."""
        self.following.set_eligible(node_id, eligible, silent)
        self._changed()

    def fence(self, node_id: str) -> None:
        """What is under way there does not count any more."""
        self.following.fence(node_id)
        self._fenced(node_id)

    def node_left(self, node_id: str) -> None:
        """The node is gone."""
        self.following.node_left(node_id)
        self._left(node_id)
