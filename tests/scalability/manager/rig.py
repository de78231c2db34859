"""What the manager's tests stand on: a host that obeys a script, a membership that keeps books, one object for all."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, ClassVar, TypeVar

from sim.contracts import Membership, Runtime
from sim.errors import FleetError
from sim.runtime.events import EventLog
from sim.runtime.virtual import OrderedEnvironment, VirtualRuntime
from sim.scalability.health.params import HealthParams
from sim.scalability.health.watch import make_watch
from sim.scalability.manager import DistributedManager
from sim.types.fleet import AgentStatus, NodeInfo, NodeStatus
from tests.scalability.health.rig import DRAWS, Mortals

T = TypeVar("T")
AGENT = {"name": "Research Agent", "type": "research", "model": "gpt-4", "temperature": 0.7}


class ScriptedHost:
    """Starts take `start_s`; a node in `broken` refuses, one in `stuck` never answers a start."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.start_s = 0.0
        self.stop_s = 0.0
        self.broken: set[str] = set()
        self.stuck: set[str] = set()
        self.unstoppable: set[str] = set()
        self.running: dict[str, set[str]] = {}  # node -> agents
        self.calls: list[tuple[str, str, str]] = []
        self.epochs: list[tuple[str, str, int]] = []  # of the starts that were asked for

    async def start_agent(self, node_id: str, agent_id: str, config: dict[str, Any], epoch: int = 0) -> None:
        self.calls.append(("start", node_id, agent_id))
        self.epochs.append((node_id, agent_id, epoch))
        if node_id in self.broken:
            raise FleetError(f"{node_id} is broken")
        await self.runtime.sleep(1e9 if node_id in self.stuck else self.start_s)
        here = self.running.setdefault(node_id, set())
        assert agent_id not in here, f"{agent_id} started twice on {node_id}"
        here.add(agent_id)

    async def stop_agent(self, node_id: str, agent_id: str) -> None:
        self.calls.append(("stop", node_id, agent_id))
        if node_id in self.unstoppable:
            raise OSError(f"{node_id} does not listen")
        await self.runtime.sleep(self.stop_s)
        self.running.get(node_id, set()).discard(agent_id)


class Books(Membership):
    """What the balancer would know; refuses agent types in `refused`."""

    def __init__(self) -> None:
        self.weights: dict[str, float] = {}
        self.ready: dict[str, dict[str, int]] = {}
        self.eligible: dict[str, bool] = {}
        self.refused: set[str] = set()
        self.silent: dict[str, bool] = {}
        self.fenced: list[str] = []

    def node_joined(self, node_id: str, weight: float) -> None:
        assert node_id not in self.weights
        self.weights[node_id], self.ready[node_id], self.eligible[node_id] = weight, {}, True

    def agents_changed(self, node_id: str, agent_type: str, ready: int) -> None:
        if agent_type in self.refused:
            raise FleetError(f"type {agent_type} is not known")
        assert ready >= 0
        self.ready[node_id][agent_type] = ready

    def set_eligible(self, node_id: str, eligible: bool, silent: bool = False) -> None:
        self.eligible[node_id], self.silent[node_id] = eligible, silent

    def fence(self, node_id: str) -> None:
        assert node_id in self.weights
        self.fenced.append(node_id)

    def node_left(self, node_id: str) -> None:
        del self.weights[node_id], self.ready[node_id], self.eligible[node_id]


class Rig:
    """A manager and everything around it; `conftest` closes the runtimes of all that a test made."""

    open: ClassVar[list[Rig]] = []

    def __init__(
        self,
        *,
        journal: Any = None,
        link: Any = None,
        health: HealthParams | None = None,
        env: OrderedEnvironment | None = None,
        **config: Any,
    ) -> None:
        self.runtime = VirtualRuntime(env)
        self.mortals = Mortals(self.runtime)
        Rig.open.append(self)
        self.host = ScriptedHost(self.runtime)
        self.books = Books()
        self.log = EventLog()
        self.manager = DistributedManager(
            config or None,
            runtime=self.runtime,
            membership=self.books,
            host=self.host,
            events=self.log,
            link=link,
            journal=journal,
            watch=None if health is None else make_watch(health, DRAWS, self.mortals),
        )

    @classmethod
    def close_all(cls) -> None:
        """Let every task clean up at its own instant, and fail for what failed unseen."""
        while cls.open:
            cls.open.pop().runtime.close()

    def run(self, coro: Coroutine[Any, Any, T]) -> T:
        return self.runtime.run_task(coro)

    def pass_time(self, duration_s: float) -> None:
        self.run(self.runtime.sleep(duration_s))

    def add_nodes(self, count: int, capacity: int = 12, **metadata: Any) -> list[str]:
        names = [f"node-{len(self.manager.list_nodes()) + index}" for index in range(count)]
        for name in names:
            self.run(self.manager.register_node(node(name, capacity, **metadata)))
        return names

    def deploy(self, count: int = 1, **config: Any) -> list[str]:
        return [self.run(self.manager.deploy_agent({**AGENT, **config})) for _ in range(count)]

    def beat(self, *node_ids: str) -> None:
        for node_id in node_ids:
            self.manager.heartbeat(node_id)

    def home(self, agent_id: str) -> str | None:
        return self.manager.get_agent(agent_id).node_id

    def loads(self) -> dict[str, int]:
        return {info.node_id: info.current_load for info in self.manager.list_nodes()}

    def kinds(self, subject: str | None = None) -> list[str]:
        return [row.kind for row in self.log.rows if subject in (None, row.subject)]

    def reasons(self, kind: str, subject: str | None = None) -> list[str]:
        rows = [row for row in self.log.rows if row.kind == kind and subject in (None, row.subject)]
        return [str(dict(row.fields).get("reason", "")) for row in rows]

    def audit(self) -> None:
        """What holds at every instant; the host's own books only when nothing is under way."""
        status = self.manager.status()
        placed = status.agents["starting"] + status.agents["ready"]
        assert placed + status.agents["pending"] + status.agents["stopped"] == status.registered
        assert placed + status.pending <= status.agents_max
        for info in self.manager.list_nodes():
            assert 0 <= info.current_load <= info.capacity, info
            ready = self.books.ready[info.node_id]
            assert sum(ready.values()) <= info.current_load
            for agent_type, count in ready.items():
                assert self.manager.ready_count(info.node_id, agent_type) == count
            assert self.books.eligible[info.node_id] == (info.status is NodeStatus.ONLINE)
        assert set(self.books.weights) == {info.node_id for info in self.manager.list_nodes()}

    def audit_at_rest(self) -> None:
        """Every ready agent on a reachable node runs there and nowhere else."""
        self.audit()
        for info in self.manager.list_nodes():
            if info.status is NodeStatus.OFFLINE:
                continue
            here = self.manager.list_agents(node_id=info.node_id)
            assert all(agent.status is AgentStatus.READY for agent in here), here
            names, orphans = {agent.agent_id for agent in here}, self.orphans(info.node_id)
            running = self.host.running.get(info.node_id, set())
            assert names <= running <= names | orphans, info
            assert len(running) <= info.capacity
            assert len(here) + len(orphans) == info.current_load

    def orphans(self, node_id: str) -> set[str]:
        """Agents whose stop the node has not confirmed."""
        return set(self.manager._ledger.nodes[node_id].orphans)


def node(name: str = "node-1", capacity: int = 12, **metadata: Any) -> NodeInfo:
    return NodeInfo(node_id=name, host="192.168.1.10", port=8080, capacity=capacity, metadata=metadata)
