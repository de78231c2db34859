"""What health asks of a node and of a heartbeat at every sign of life, in as few steps as can be."""

from __future__ import annotations

import math

from sim.scalability.manager.entries import Node
from sim.types.fleet import NodeStatus


def is_watched(node: Node) -> bool:
    """A node under maintenance, or that the user took offline, may be silent."""
    return node.info.status in (NodeStatus.ONLINE, NodeStatus.DRAINING)


def is_plain(at: object, cpu_usage: object, memory_usage: object, status: object) -> bool:
    """The heartbeat of a machine that has nothing special to say, all of it acceptable (others are looked at)."""
    if type(at) is not float or type(cpu_usage) is not float or memory_usage is not None or status is not None:
        return False
    return 0.0 <= cpu_usage <= 1.0 and 0.0 <= at < math.inf


def is_settled(node: Node) -> bool:
    """Whether the ledger has nothing to say of the status of a node that is not silent."""
    status = node.info.status
    is_told = node.told[0] is (status is NodeStatus.ONLINE) and not node.told[1]
    return is_told and status is node.wanted and node.noted == (status, False)
