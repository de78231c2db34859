"""M15: at a deep look a second control plane is built from a copy of the journal, and must have the same assignment.

It is a shadow: its membership, host and events go nowhere, its disks are copies. What was under way counts as taken
back in both digests.
"""

from __future__ import annotations

from typing import Any

from sim.bench.storm.findings import Findings
from sim.contracts import Runtime
from sim.runtime.events import EventLog
from sim.scalability.manager import DistributedManager
from sim.scalability.manager.assignment import replay
from sim.scalability.manager.disks import Disks
from sim.scalability.manager.journal import MemoryJournal


class Silent:
    """A membership that nobody listens to."""

    def node_joined(self, node_id: str, weight: float) -> None:
        """Nothing."""

    def agents_changed(self, node_id: str, agent_type: str, ready: int) -> None:
        """Nothing."""

    def set_eligible(self, node_id: str, eligible: bool, silent: bool = False) -> None:
        """Nothing."""

    def fence(self, node_id: str) -> None:
        """Nothing."""

    def node_left(self, node_id: str) -> None:
        """Nothing."""


def judge_restart(findings: Findings, manager: Any, journal: MemoryJournal, disks: Disks, runtime: Runtime) -> None:
    """Compare the digests of the living, of its journal's records, and of a manager that starts from them."""
    now, records = runtime.now(), journal.records()
    living = manager.assignment_digest()
    replayed = replay(records).settled().digest()
    told = f"digest {replayed} of {len(records)} records, the manager has {living}"
    findings.hold("M15", replayed == living, now, "journal", lambda: told)
    shadow = DistributedManager.restore(
        journal.copied(), manager.config, runtime=runtime, membership=Silent(), events=EventLog(), disks=disks.copied()
    )
    started = shadow.assignment_digest()
    text = f"a manager that starts from the journal has digest {started}, the living one {living}"
    findings.hold("M15", started == living, now, "restart", lambda: text)
    statuses = {name: status.value for name, status in shadow.node_statuses().items()}
    mine = {name: status.value for name, status in manager.node_statuses().items()}
    findings.hold("M15", statuses == mine, now, "restart", lambda: f"nodes are {statuses}, of the living one {mine}")
