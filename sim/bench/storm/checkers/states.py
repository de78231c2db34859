"""States of agents: M12, from the disks themselves and the books of nodes.

Repair takes no time, so that at every loss of a node the other copies of a state are whole: it may be reported lost
only if no other node in reach held the acknowledged version when the node went. Who held it is read from the disks at
the event that precedes the loss. At a look every acknowledged state that was not reported lost is read back.
"""

from __future__ import annotations

from typing import Any

from sim.bench.storm.checkers.agents import Agents
from sim.bench.storm.checkers.nodes import OFFLINE, NodeBooks
from sim.bench.storm.findings import Findings
from sim.errors import DeployError
from sim.runtime.events import Row
from sim.scalability.manager.disks import Disks


class States:
    """`read` every event after the books."""

    def __init__(self, findings: Findings, books: NodeBooks, agents: Agents, disks: Disks) -> None:
        self.findings, self.books, self.agents, self.disks = findings, books, agents, disks
        self.lost: dict[str, None] = {}
        self._before: dict[str, list[str]] = {}  # agent -> who held its acknowledged version, when a node went

    def read(self, row: Row) -> None:
        """Losses, and what precedes them."""
        if row.kind == "node_status" and dict(row.fields)["new"] == OFFLINE:
            self._before = {agent_id: self.holders(agent_id, row.subject) for agent_id in self.agents.saved()}
        elif row.kind == "state_lost":
            others = [name for name in self._before.get(row.subject, []) if name != dict(row.fields)["node"]]
            others = [name for name in others if name in self.books.nodes]
            self.lost[row.subject] = None
            text = f"it is reported lost although {others} hold the acknowledged version"
            reason = dict(row.fields)["reason"]
            judged = reason == "last copy"  # an erased disk or a removal is not preceded by an OFFLINE
            self.findings.hold("M12", not judged or not others, row.at, row.subject, lambda: text)
            self.findings.seen("a state that is lost")
        elif row.kind in ("state_found", "agent_stopped"):
            self.lost.pop(row.subject, None)

    def holders(self, agent_id: str, also: str = "") -> list[str]:
        """Nodes in reach whose disk holds the acknowledged version."""
        version = self.agents.saved()[agent_id]
        found = []
        for name, node in self.books.nodes.items():
            copy = self.disks.read(name, agent_id)
            if (node.status != OFFLINE or name == also) and copy is not None and copy.version == version:
                found.append(name)
        return found

    def look(self, manager: Any, now: float, failover: bool) -> None:
        """Every acknowledged state can be read, at its newest version, or was reported lost."""
        for agent_id, version in self.agents.saved().items():
            if agent_id in self.lost:
                continue
            holders = self.holders(agent_id)
            try:
                found = manager.load_state(agent_id).version
            except DeployError as error:
                told = f"version {version} cannot be read ({error}), disks in reach that hold it: {holders}"
                self.findings.hold("M12", not failover and not holders, now, agent_id, lambda t=told: t)  # type: ignore[misc]
                continue
            text = f"version {found} is read, {version} was acknowledged"
            self.findings.hold("M12", found == version, now, agent_id, lambda t=text: t)  # type: ignore[misc]
            self.findings.seen("a state that was read back")
