"""What nodes keep of agents' states: the content itself, so that a stale copy is really stale.

A write is staged on every node that is to hold it and takes the place of the older version when it is acknowledged
(two phases; Gray, 1978): until then the older one can still be read. What a node keeps outlives its absence and the
control plane; `erase` is the loss of the disk.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from sim.runtime.events import canonical


@dataclass(slots=True)
class Copy:
    """One version of an agent's state as JSON; agents that save in rounds share one (`rounds`)."""

    version: int
    text: str


@dataclass(slots=True)
class _Disk:
    kept: dict[str, Copy] = field(default_factory=dict)
    staged: dict[str, Copy] = field(default_factory=dict)


class Disks:
    """One disk a node; a node without a disk has an empty one."""

    def __init__(self) -> None:
        self._disks: dict[str, _Disk] = {}

    def copied(self) -> Disks:
        """Disks with the same content that go their own way from here on."""
        other = Disks()
        for name, disk in self._disks.items():
            kept = {agent_id: Copy(copy.version, copy.text) for agent_id, copy in disk.kept.items()}
            other._disks[name] = _Disk(kept, dict(disk.staged))
        return other

    def read(self, node_id: str, agent_id: str) -> Copy | None:
        """The version that counts."""
        disk = self._disks.get(node_id)
        return None if disk is None else disk.kept.get(agent_id)

    def agents(self, node_id: str) -> list[str]:
        """Whose states are kept or staged, in order of their first write."""
        disk = self._disks.get(node_id)
        return [] if disk is None else list({**disk.kept, **disk.staged})

    def write(self, node_id: str, agent_id: str, copy: Copy) -> None:
        """A copy of an acknowledged version; whatever was there gives way."""
        disk = self._disks.setdefault(node_id, _Disk())
        disk.kept[agent_id] = copy
        disk.staged.pop(agent_id, None)

    def stage(self, node_id: str, agent_id: str, copy: Copy) -> None:
        """A version that is not acknowledged yet."""
        self._disks.setdefault(node_id, _Disk()).staged[agent_id] = copy

    def staged(self, node_id: str, agent_id: str) -> Copy | None:
        """The version that is not acknowledged yet."""
        disk = self._disks.get(node_id)
        return None if disk is None else disk.staged.get(agent_id)

    def unstage(self, node_id: str, agent_id: str, copy: Copy) -> None:
        """That version will not be acknowledged."""
        if self.staged(node_id, agent_id) is copy:
            del self._disks[node_id].staged[agent_id]

    def settle(self, node_id: str, agent_id: str, version: int) -> Copy | None:
        """Version `version` is the acknowledged one: a staged copy of it counts from now on, another one is dropped."""
        disk = self._disks.setdefault(node_id, _Disk())
        staged = disk.staged.pop(agent_id, None)
        if staged is not None and staged.version == version:
            disk.kept[agent_id] = staged
        return disk.kept.get(agent_id)

    def drop(self, node_id: str, agent_id: str) -> None:
        """Nothing of the agent is kept any more."""
        disk = self._disks.get(node_id)
        if disk is not None:
            disk.kept.pop(agent_id, None)
            disk.staged.pop(agent_id, None)

    def erase(self, node_id: str) -> None:
        """The node has lost its disk, or has left with it."""
        self._disks.pop(node_id, None)

    def digest(self, node_id: str) -> str:
        """Hex digest (32 digits) of what counts on the node; equal content gives an equal digest."""
        disk = self._disks.get(node_id, _Disk())
        text = canonical({agent_id: [copy.version, copy.text] for agent_id, copy in disk.kept.items()})
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
