"""A look at nodes without asking them: their detector of heartbeats says who is dead.

Most looks find nothing, a fleet has one every few seconds. So a detector that is sure of all nodes at once (`all_up`)
is asked first, and as long as nobody comes, goes or changes its status the nodes themselves are not looked at: what is
left is to count them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.scalability.health.watch import Watch
from sim.scalability.manager.entries import Node
from sim.types.fleet import NodeStatus

if TYPE_CHECKING:
    from sim.scalability.manager.health import Health


class Look:
    """Of one group of nodes, as often as it is called."""

    def __init__(self, health: Health, nodes: list[Node], watch: Watch) -> None:
        self.health, self.nodes, self.watch = health, nodes, watch
        self._seen = (-1, -1)  # changes of the nodes that `_watched_count` is of
        self._watched_count = 0

    def __call__(self) -> bool:
        """Look; whether any node is left."""
        health, detector = self.health, self.watch.detector
        now, seen = health.context.now(), (health.ledger.changes_count, health.silences_count)
        if seen == self._seen and not detector.needs_every and detector.all_up(now):
            health.counters.checks += self._watched_count
            return True
        self._seen, self._watched_count = seen, self._look(now)
        health.counters.checks += self._watched_count
        if any(node.gone for node in self.nodes):
            self.nodes[:] = [node for node in self.nodes if not node.gone]
        return bool(self.nodes)

    def _look(self, now: float) -> int:
        """Lose who is dead; gives how many nodes are watched."""
        health, detector = self.health, self.watch.detector
        caught_up, down, checks = detector.needs_every, detector.down, 0
        if caught_up:
            health.catch_up()
        online, draining = NodeStatus.ONLINE, NodeStatus.DRAINING
        for node in self.nodes:
            status = node.info.status
            if node.gone or (not node.silent and status is not online and status is not draining):
                continue  # as `is_watched`
            checks += 1
            if node.silent:
                if health.clearing.is_return(node) and down(node.info.node_id, now):
                    health.clearing.call_off(node)
            elif down(node.info.node_id, now):
                if not caught_up:
                    health.catch_up()
                    caught_up = True
                if down(node.info.node_id, now):
                    health.lose(node, detector.verdict(node.node_id, now).reason)
        return checks
