"""The network between the control plane or balancer and the nodes: what is lost, what is late.

Requests and answers go over connections: a lost transmission is sent again after `retransmit_s`, then after twice that
and so on up to RETRANSMIT_MAX_S, RETRANSMITS_MAX times (Linux TCP: 120 s, tcp_retries2 15), and each may be lost again.
Heartbeats and probes are datagrams: lost is lost. A delay is `delay_s` plus an exponential of mean `delay_jitter_s`.
Conditions compose: blocks are counted, a message survives if it survives every loss, delays and jitter means add, the
longest retransmission time holds. Nodes are named by birth serial. Every answer is a pure function of the draws and of
what is wrong at the instant of sending: a message never changes the fate of another one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sim.contracts import Draws
from sim.runtime.draws import MESSAGE_DELAY, MESSAGE_LOSS

RETRANSMITS_MAX = 15
RETRANSMIT_MAX_S = 120.0
HOP_STRIDE = RETRANSMITS_MAX + 1  # draws that one hop may take


@dataclass(frozen=True, slots=True, order=True)
class Path:
    """What a message meets on its way to or from a node."""

    loss_prob: float = 0.0
    delay_s: float = 0.0
    delay_jitter_s: float = 0.0
    retransmit_s: float = 0.0


CLEAR = Path()


class Network:
    """Reachability and delay of every node; `plain` while nothing is wrong anywhere."""

    def __init__(self, draws: Draws) -> None:
        self.plain = True
        self._draws = draws
        self._blocks: dict[int, list[int]] = {}  # serial -> blocks from the node, blocks to the node
        self._degraded: dict[int | None, list[Path]] = {}  # serial, or None for all nodes -> what is on
        self._paths: dict[int, Path] = {}  # composed, by serial

    def block(self, serial: int, to_node: bool, from_node: bool) -> None:
        """What goes to the node (comes from it) is lost until as many `unblock` calls."""
        counts = self._blocks.setdefault(serial, [0, 0])
        counts[0] += from_node
        counts[1] += to_node
        self._changed()

    def unblock(self, serial: int, to_node: bool, from_node: bool) -> None:
        """Take back one `block` of the same arguments."""
        counts = self._blocks[serial]
        counts[0] -= from_node
        counts[1] -= to_node
        assert min(counts) >= 0
        if not any(counts):
            del self._blocks[serial]
        self._changed()

    def degrade(self, serial: int | None, path: Path) -> None:
        """Loss and delay on the way to and from a node, or all nodes (None), until `restore` of the same."""
        self._degraded.setdefault(serial, []).append(path)
        self._changed()

    def restore(self, serial: int | None, path: Path) -> None:
        """Take back one `degrade` of the same arguments."""
        paths = self._degraded[serial]
        paths.remove(path)
        if not paths:
            del self._degraded[serial]
        self._changed()

    def forget(self, serial: int) -> None:
        """The node is gone, and what was wrong with its connection with it."""
        self._blocks.pop(serial, None)
        self._degraded.pop(serial, None)
        self._changed()

    def blocked(self, serial: int, to_node: bool) -> bool:
        """Whether nothing gets to (from) the node now."""
        counts = self._blocks.get(serial)
        return counts is not None and counts[to_node] > 0

    def path(self, serial: int) -> Path:
        """All that degrades the way to and from a node, composed."""
        path = self._paths.get(serial)
        if path is None:
            path = compose(self._degraded.get(None, []) + self._degraded.get(serial, []))
            self._paths[serial] = path  # at most one a node; emptied at every change
        return path

    def request_delay_s(self, serial: int, to_node: bool, entity: int, attempt: int) -> float:
        """One way of a request (`to_node`) or answer over a connection; infinity when it never gets there."""
        if self.plain:
            return 0.0
        if self.blocked(serial, to_node):
            return math.inf
        path = self.path(serial)
        first = HOP_STRIDE * to_node
        late_s, wait_s = 0.0, path.retransmit_s
        if path.loss_prob:
            sent = 0
            while self._draws.uniform(MESSAGE_LOSS, entity, attempt, first + sent) < path.loss_prob:
                if sent == RETRANSMITS_MAX:
                    return math.inf
                late_s += wait_s
                wait_s = min(2.0 * wait_s, RETRANSMIT_MAX_S)
                sent += 1
        jitter_s = 0.0
        if path.delay_jitter_s:
            jitter_s = -math.log(self._draws.uniform(MESSAGE_DELAY, entity, attempt, int(to_node)))
        return late_s + path.delay_s + path.delay_jitter_s * jitter_s

    def datagram_delay_s(self, serial: int, to_node: bool, purpose: int, entity: int) -> float:
        """One way of a heartbeat or probe, entity (node, number) of its `purpose`; infinity when it is lost.

        Takes draws 0 and 1 of the attempts 1 (from the node) and 2 (to it), so that `purpose` may serve jitter too.
        """
        if self.plain:
            return 0.0
        if self.blocked(serial, to_node):
            return math.inf
        path, attempt = self.path(serial), 1 + to_node
        if path.loss_prob and self._draws.uniform(purpose, entity, attempt) < path.loss_prob:
            return math.inf
        jitter_s = 0.0
        if path.delay_jitter_s:
            jitter_s = -math.log(self._draws.uniform(purpose, entity, attempt, 1))
        return path.delay_s + path.delay_jitter_s * jitter_s

    def _changed(self) -> None:
        self._paths.clear()
        self.plain = not self._blocks and not self._degraded


def compose(paths: list[Path]) -> Path:
    """Several conditions at once; sorted, so that the sums do not depend on which came first."""
    if not paths:
        return CLEAR
    survive, delay_s, jitter_s, retransmit_s = 1.0, 0.0, 0.0, 0.0
    for path in sorted(paths):
        survive *= 1.0 - path.loss_prob
        delay_s += path.delay_s
        jitter_s += path.delay_jitter_s
        retransmit_s = max(retransmit_s, path.retransmit_s)
    return paths[0] if len(paths) == 1 else Path(1.0 - survive, delay_s, jitter_s, retransmit_s)
