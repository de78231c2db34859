"""Any history keeps the books: placed + pending + stopped = registered, load <= capacity, at every step.

Hypothesis draws operations that overlap in time on a host that is slow, refuses, hangs and does not stop; the books are
audited at every instant at which something happens, and compared with what the host runs once all is quiet.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.errors import SimError
from sim.runtime.cancelled import Cancelled
from sim.types.fleet import NodeStatus
from tests.scalability.manager.rig import AGENT, Rig, node

STATUSES = list(NodeStatus)
OPS = st.sampled_from(["add", *["deploy"] * 3, "undeploy", "remove", "status", "beat", "resize", "cancel", "save"])
STEP = st.tuples(OPS, st.integers(0, 999), st.sampled_from([0.0, 0.0, 1.0, 3.0, 40.0]))


class Storm:
    """Carries the steps out."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.tasks: list[Any] = []
        self.born = 0

    async def quietly(self, coro: Coroutine[Any, Any, Any]) -> None:
        """What the manager refuses is no failure of it."""
        try:
            await coro
        except SimError:
            self.rig.audit()

    def spawn(self, coro: Coroutine[Any, Any, Any]) -> None:
        self.tasks.append(self.rig.runtime.spawn(self.quietly(coro)))

    def step(self, op: str, number: int) -> None:
        rig, manager = self.rig, self.rig.manager
        nodes = manager.list_nodes()
        agents = manager.list_agents()
        if op == "add":
            self.born += 1
            self.spawn(manager.register_node(node(f"born-{self.born}", 1 + number % 4, zone=f"z{number % 2}")))
        elif op == "deploy":
            self.spawn(manager.deploy_agent({**AGENT, "type": ("research", "writer")[number % 2]}))
        elif op == "undeploy" and agents:
            self.spawn(manager.undeploy_agent(agents[number % len(agents)].agent_id))
        elif op == "save" and agents:
            self.spawn(manager.save_state(agents[number % len(agents)].agent_id, {"step": number}))
        elif op == "cancel" and self.tasks:
            self.tasks[number % len(self.tasks)].cancel()
        elif op == "remove" and nodes:
            self.spawn(manager.remove_node(nodes[number % len(nodes)].node_id))
        elif op == "status" and nodes:
            name = nodes[number % len(nodes)].node_id
            self.spawn(manager.update_node(name, status=STATUSES[number // 7 % len(STATUSES)]))
        elif op == "resize" and nodes:
            self.spawn(manager.update_node(nodes[number % len(nodes)].node_id, capacity=1 + number % 5))
        elif op == "beat" and nodes:
            manager.heartbeat(nodes[number % len(nodes)].node_id)
        rig.audit()

    async def run(self, steps: list[tuple[str, int, float]]) -> None:
        for op, number, pause_s in steps:
            self.step(op, number)
            await self.rig.runtime.sleep(pause_s)
            self.rig.audit()
        for task in self.tasks:
            try:
                await task.join()
            except Cancelled:
                self.rig.audit()
        await self.rig.manager.stop()


@settings(max_examples=150)
@given(
    st.lists(STEP, max_size=40),
    st.sampled_from([0.0, 1.0, 2.0]),
    st.sampled_from([0.0, 2.0]),
    st.sets(st.sampled_from(["born-1", "born-2"]), max_size=1),
    st.sets(st.sampled_from(["born-1", "born-3"]), max_size=1),
    st.booleans(),
)
def test_the_books_hold(
    steps: list[tuple[str, int, float]],
    start_s: float,
    stop_s: float,
    broken: set[str],
    stuck: set[str],
    failover: bool,
) -> None:
    rig = Rig(node_timeout=35.0, deployment_timeout=10.0, failover_enabled=failover, agents_max=9, max_nodes=4)
    rig.host.start_s, rig.host.stop_s = start_s, stop_s
    rig.host.broken, rig.host.stuck = broken, stuck
    rig.run(rig.manager.start())
    rig.run(Storm(rig).run(steps))
    rig.audit_at_rest()
    Rig.close_all()


def test_a_storm_reaches_every_state() -> None:
    """The property above is no empty one: a fixed storm has failovers, moves, restarts, lost and returned nodes."""
    rig = Rig(node_timeout=35.0, deployment_timeout=10.0, agents_max=9, max_nodes=4)
    rig.host.start_s = 1.0
    rig.run(rig.manager.start())
    steps = [("add", 3, 0.0), ("add", 2, 0.0), ("add", 3, 1.0)]
    steps += [("deploy", number, 0.0) for number in range(6)]
    steps += [("beat", 0, 40.0), ("beat", 1, 40.0), ("beat", 0, 3.0), ("beat", 1, 3.0), ("beat", 2, 3.0)]
    steps += [("remove", 0, 40.0), ("beat", 0, 0.0), ("beat", 1, 40.0), ("beat", 0, 40.0), ("beat", 0, 40.0)]
    rig.run(Storm(rig).run(steps))
    metrics = rig.manager.metrics()
    assert metrics.failovers > 0
    assert metrics.restarts > 0
    assert metrics.nodes_lost > 0
    assert metrics.nodes_returned > 0
    assert metrics.nodes_removed == 1
    rig.audit_at_rest()
