"""Who is alive: heartbeats come in, checks find who is dead.

Without a watch: a node silent for longer than `node_timeout` at a check, every `health_check_interval`, becomes OFFLINE
and its next heartbeat brings it back. With one: its detector says at each check of a node (`health.watch`) who is down;
a sign of life that leaves the detector content, a heartbeat or a passed check, brings a node back. A node that is down
is not eligible; with `failover_enabled` its agents wait for another place, and it comes back after its host has stopped
what it may still run of them. Arrivals are stamped by the runtime's clock; a node's own timestamps are wall time, kept
for information, and figures that come with an older one than the last are dropped and counted. All times in seconds.
"""

from __future__ import annotations

from sim.errors import NodeError
from sim.scalability.health.watch import Watch, check_node, look_together
from sim.scalability.manager.checks import check_fields, check_load
from sim.scalability.manager.clearing import Clearing
from sim.scalability.manager.context import Context
from sim.scalability.manager.counters import Counters
from sim.scalability.manager.deployment import Deployer
from sim.scalability.manager.entries import Node
from sim.scalability.manager.jobs import Jobs
from sim.scalability.manager.ledger import Ledger
from sim.scalability.manager.looks import Look
from sim.scalability.manager.signs import is_plain, is_settled, is_watched
from sim.types.fleet import NodeStatus


class Health:
    """Takes heartbeats, runs the check loop, and carries out what a status change means."""

    def __init__(
        self,
        context: Context,
        ledger: Ledger,
        deployer: Deployer,
        jobs: Jobs,
        counters: Counters,
        watch: Watch | None = None,
    ) -> None:
        self.context, self.ledger, self.deployer, self.jobs, self.counters = context, ledger, deployer, jobs, counters
        self.watch = watch
        self.silences_count = 0  # of nodes that fell silent or were heard of again
        self._running = False
        self._watched: dict[int, None] = {}  # births of nodes that the detector knows
        self._leaving: dict[int, None] = {}  # of nodes that said they go down: a passed check is no return
        self.clearing = Clearing(context, deployer, jobs, self._returned)

    def joined(self, node: Node) -> None:
        """A node was registered: it is watched from now on, its checks once the loops run."""
        if self.watch is not None:
            self.catch_up()  # what it said before does not count
            self._know(node, self.watch)
            if self._running:
                self._spawn_checks([node], self.watch)

    def left(self, node: Node) -> None:
        """A node was removed."""
        self._leaving.pop(node.birth, None)
        if self.watch is not None and node.birth in self._watched:
            del self._watched[node.birth]
            self.watch.detector.left(node.node_id)

    def _know(self, node: Node, watch: Watch) -> None:
        if node.birth not in self._watched:
            self._watched[node.birth] = None
            watch.detector.joined(node.node_id, self.context.now())

    def heartbeat(
        self,
        node_id: str,
        at: float | None,
        current_load: int | None,
        cpu_usage: float | None,
        memory_usage: float | None,
        status: NodeStatus | None,
    ) -> None:
        """A sign of life; raises `NodeError` for an unknown node or a figure that is not accepted."""
        node = self.ledger.node(node_id)
        if not is_plain(at, cpu_usage, memory_usage, status):
            usages = {"cpu_usage": cpu_usage, "memory_usage": memory_usage, "last_heartbeat": at, "status": status}
            check_fields(node_id, **{name: value for name, value in usages.items() if value is not None})
        if current_load is not None:
            check_load(node_id, current_load, node.info.capacity)
        self.counters.heartbeats_received += 1
        now = self.context.now()
        silence_s = now - node.heard_at
        node.heard_at = now
        if self.watch is not None:
            self._know(node, self.watch)
            self.watch.detector.heartbeat(node_id, now)
        if at is not None and node.reported_at is not None and at < node.reported_at:
            self.counters.heartbeats_stale += 1
            cpu_usage = memory_usage = current_load = status = None
        elif at is not None:
            node.reported_at = node.info.last_heartbeat = at
        if cpu_usage is not None:
            node.info.cpu_usage = cpu_usage
        if memory_usage is not None:
            node.info.memory_usage = memory_usage
        if current_load is not None:
            self.ledger.set_reported_load(node, current_load)
        if status is NodeStatus.OFFLINE:
            self._leaving[node.birth] = None
            self.lose(node, "the node said that it goes down")
            return
        if self._leaving:
            self._leaving.pop(node.birth, None)
        if status is not None and node.wanted is not NodeStatus.OFFLINE and not node.removing:
            node.wanted = status
        if node.silent:
            if self.watch is None or not self.watch.detector.down(node_id, now):
                self._revive(node, f"heartbeat after {silence_s:g} s")
        elif status is not None or not is_settled(node):
            self.ledger.set_status(node, "reported by the node")

    def heard(self, node_id: str, heard_at: float, at: float, cpu_usage: float, count: int = 1) -> None:
        """`count` heartbeats that were held back (`Watch.held_back`), the last came at `heard_at`.

        The node was not lost since; what one said that was not in the fleet then does not count.
        """
        node = self.ledger.nodes.get(node_id)
        if node is None or heard_at < node.heard_at:
            return
        assert self.watch is not None and not node.silent, node_id
        self.counters.heartbeats_received += count
        node.heard_at = heard_at
        self._know(node, self.watch)
        self.watch.detector.heartbeat(node_id, heard_at)
        node.reported_at = node.info.last_heartbeat = at
        node.info.cpu_usage = cpu_usage

    def catch_up(self) -> None:
        """Take in what was held back so far."""
        if self.watch is not None:
            for deliver in self.watch.held_back:
                deliver()

    def check(self) -> None:
        """One look at all nodes; also another try for starts that failed and stops that were not confirmed."""
        now, limit_s = self.context.now(), self.context.config.node_timeout
        self.counters.checks += self.watch is None
        for node in list(self.ledger.nodes.values()):
            if self.watch is None and now - node.heard_at > limit_s and is_watched(node):
                self.lose(node, f"silent for {now - node.heard_at:g} s, over node_timeout={limit_s:g} s")
            elif self.watch is None and now - node.heard_at > limit_s and self.clearing.is_return(node):
                self.clearing.call_off(node)
            elif node.orphans and node.reachable:
                self.clearing.begin(node, None)
        self.deployer.place_pending(retry=True)

    async def run(self) -> None:
        """Check at start + k * health_check_interval, for good; the checks of a watch are jobs of their own."""
        started_at, number = self.context.now(), 0
        self._running = True
        try:
            if self.watch is not None:
                nodes = list(self.ledger.nodes.values())
                for group in [nodes] if self.watch.is_joint else [[node] for node in nodes]:
                    self._spawn_checks(group, self.watch)
            while True:
                number += 1
                await self.context.runtime.sleep_until(started_at + number * self.context.config.health_check_interval)
                self.check()
        finally:
            self._running = False

    def _spawn_checks(self, nodes: list[Node], watch: Watch) -> None:
        """The checks of a node, or of several that are looked at together."""
        for node in nodes:
            self._know(node, watch)
        if watch.is_idle or not nodes:
            return
        node, runtime = nodes[0], self.context.runtime
        name = f"watch {node.node_id} {node.birth}"
        if watch.is_joint:
            self.jobs.spawn(name, lambda: look_together(runtime, watch, Look(self, nodes, watch)), _nothing)
            return

        def state() -> bool | None:
            if node.gone:
                return None
            return is_watched(node) or node.silent

        def checked(passed: bool | None) -> None:
            self._checked(node, watch, passed)

        self.jobs.spawn(name, lambda: check_node(runtime, watch, node.node_id, node.birth, state, checked), _nothing)

    def _checked(self, node: Node, watch: Watch, passed: bool | None) -> None:
        """A check of a node is over (None: nothing was asked): its detector judges."""
        now = self.context.now()
        self.counters.checks += 1
        if passed is not None:
            watch.detector.checked(node.node_id, now, passed)
        else:  # a detector of heartbeats: one of neither is never looked at
            self.catch_up()
        if watch.detector.down(node.node_id, now):
            if not node.silent:
                self.lose(node, watch.detector.verdict(node.node_id, now).reason)
            elif self.clearing.is_return(node):
                self.clearing.call_off(node)
        elif passed:
            if node.silent and node.birth not in self._leaving:
                self._revive(node, watch.detector.verdict(node.node_id, now).reason)
            for listener in watch.passed_listeners:
                listener(node.node_id, now)

    def lose(self, node: Node, reason: str) -> None:
        """The node cannot be reached any more."""
        was_reachable = node.reachable
        if self.watch is not None:
            for listener in self.watch.lost_listeners:
                listener()
        node.silent = True
        self.silences_count += 1
        self.clearing.call_off(node)  # nobody there will answer what it asks; its return asks anew
        self.ledger.set_status(node, reason)
        if was_reachable:
            self._lost(node, reason)

    async def set_wanted(self, node: Node, status: NodeStatus, reason: str) -> None:
        """The user wants a status; a node that comes back is cleared of agents that live elsewhere first."""
        if status is not NodeStatus.OFFLINE and not node.reachable and node.orphans:
            await self.clearing.asked(node)
            if node.gone:
                raise NodeError(node.node_id, "was removed meanwhile")
        self.catch_up()
        was_reachable = node.reachable
        node.wanted = status
        node.silent = False
        self.silences_count += 1
        node.heard_at = self.context.now()
        if node.birth in self._watched and self.watch is not None:
            self.watch.detector.joined(node.node_id, node.heard_at)
        self.ledger.set_status(node, reason)
        if was_reachable and not node.reachable:
            self._lost(node, reason)

    def _lost(self, node: Node, reason: str) -> None:
        self.counters.nodes_lost += 1
        self.deployer.asking.lost(node)
        if self.context.config.failover_enabled:
            self.deployer.lose(node, reason)

    def _revive(self, node: Node, reason: str) -> None:
        if node.orphans:
            self.clearing.begin(node, reason)
        else:
            self._returned(node, reason)

    def _returned(self, node: Node, reason: str) -> None:
        node.silent = False
        self.silences_count += 1
        self.counters.nodes_returned += 1
        self.ledger.set_status(node, reason)


def _nothing() -> None:
    """A job that never began has nothing to undo."""
