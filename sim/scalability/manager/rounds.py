"""Rounds of saves: the same agents save the same state again and again, as long as nothing changes meanwhile.

After one whole round all agents of a version share one copy on the disks, which the next round moves on at once: it
costs a number per agent, and no write. Any change of nodes or of who holds what ends that (`changes`), and such copies
stay as they are from then on: a node that was out of reach meanwhile has kept what it had.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sim.scalability.manager.disks import Copy, Disks

if TYPE_CHECKING:
    from sim.scalability.manager.replication import Entry

Changes = tuple[int, int]  # counts of changes of the nodes and of the holders


class Rounds:
    """The last round: who saved, and after which changes."""

    def __init__(self, entries: Mapping[str, Entry], disks: Disks) -> None:
        self.entries, self.disks = entries, disks
        self._changes: Changes = (-1, -1)
        self._agent_ids: list[str] = []
        self._shares = False
        self._entries: list[Entry] = []
        self._copies: list[Copy] = []  # one for all agents of a version

    def is_last(self, changes: Changes, agent_ids: list[str]) -> bool:
        """Whether these very agents saved last and nothing has changed since."""
        return self._changes == changes and self._agent_ids == agent_ids

    def end(self, changes: Changes, agent_ids: list[str]) -> None:
        """These agents have just saved, in this order, each a copy of its own."""
        self._changes, self._agent_ids, self._shares = changes, list(agent_ids), False

    def repeat(self, text: str) -> None:
        """A round as the last one: the next version of each stands where the last one stood."""
        if not self._shares:
            self._share()
        for copy in self._copies:
            copy.version += 1
            copy.text = text
        for entry in self._entries:
            entry.version += 1

    def _share(self) -> None:
        self._shares = True
        self._entries = [self.entries[agent_id] for agent_id in self._agent_ids]
        shared: dict[int, Copy] = {}
        for agent_id, entry in zip(self._agent_ids, self._entries, strict=True):
            copy = shared.setdefault(entry.version, Copy(entry.version, ""))
            for node_id in entry.holders:
                self.disks.write(node_id, agent_id, copy)
        self._copies = list(shared.values())
