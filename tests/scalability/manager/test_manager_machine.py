"""Any order of losses, returns, drains and writes against a plain model: M1, M2 and M12 at every step.

The model is a few dicts that follow what the user was told: which agents live, which version of a state was
acknowledged and where it stood before each loss. It never looks into the books.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sim.errors import DeployError, NodeError, SimError
from sim.scalability.manager import DistributedManager
from sim.scalability.manager.assignment import replay
from sim.scalability.manager.journal import MemoryJournal
from sim.types.fleet import AgentStatus, NodeStatus
from tests.scalability.manager.rig import AGENT, Books, Rig, node

PICK = st.integers(0, 999)


class ManagerMachine(RuleBasedStateMachine):
    """A fleet of up to five nodes of two places."""

    @initialize(copies_min=st.integers(0, 2), failover=st.booleans())
    def begin(self, copies_min: int, failover: bool) -> None:
        self.journal = MemoryJournal(records_max=50)
        self.config = {
            "auto_scaling": False,
            "copies_min": copies_min,
            "failover_enabled": failover,
            "max_nodes": 5,
            "agents_max": 9,
        }
        self.rig = Rig(journal=self.journal, **self.config)
        self.manager = self.rig.manager
        self.born = 0
        self.live: list[str] = []
        self.acknowledged: dict[str, int] = {}
        self.gone: set[str] = set()  # states whose last copy was lost
        self.epochs: dict[str, int] = {}
        for _ in range(2):
            self.join()

    def teardown(self) -> None:
        Rig.close_all()

    def nodes(self, *statuses: NodeStatus) -> list[str]:
        return [info.node_id for info in self.manager.list_nodes() if not statuses or info.status in statuses]

    def before_loss(self, node_id: str) -> None:
        """The model: what only this node holds is gone."""
        for agent_id in self.acknowledged:
            if agent_id not in self.gone and self.manager.load_state(agent_id).node_ids == (node_id,):
                self.gone.add(agent_id)

    @rule()
    def join(self) -> None:
        self.born += 1
        try:
            fresh = node(f"born-{self.born}", 2, zone=f"z{self.born % 2}")
            self.rig.run(self.manager.register_node(fresh))
        except NodeError:
            assert len(self.nodes()) == 5
        self.rig.pass_time(1.0)

    @rule()
    def deploy(self) -> None:
        try:
            self.live.append(self.rig.run(self.manager.deploy_agent(AGENT)))
        except DeployError:
            online = self.manager.list_nodes(NodeStatus.ONLINE)
            assert len(self.live) == 9 or sum(info.capacity - info.current_load for info in online) == 0

    @precondition(lambda self: self.live)
    @rule(pick=PICK)
    def undeploy(self, pick: int) -> None:
        agent_id = self.live.pop(pick % len(self.live))
        self.rig.run(self.manager.undeploy_agent(agent_id))
        self.acknowledged.pop(agent_id, None)
        self.gone.discard(agent_id)
        self.rig.pass_time(1.0)

    @precondition(lambda self: self.live)
    @rule(pick=PICK, old=st.booleans())
    def save(self, pick: int, old: bool) -> None:
        agent_id = self.live[pick % len(self.live)]
        info = self.manager.get_agent(agent_id)
        epoch = info.epoch - old
        try:
            version = self.rig.run(self.manager.save_state(agent_id, {"step": pick}, epoch=epoch))
        except DeployError as refused:
            up = self.nodes(NodeStatus.ONLINE, NodeStatus.DRAINING)
            fenced = "fenced" in refused.problem
            assert fenced if old else info.status is not AgentStatus.READY or info.node_id not in up
            return
        assert not old
        assert version == self.acknowledged.get(agent_id, 0) + 1  # never back, also over a loss
        self.acknowledged[agent_id] = version
        self.gone.discard(agent_id)

    @precondition(lambda self: self.nodes(NodeStatus.ONLINE, NodeStatus.DRAINING))
    @rule(pick=PICK)
    def lose(self, pick: int) -> None:
        up = self.nodes(NodeStatus.ONLINE, NodeStatus.DRAINING)
        self.before_loss(up[pick % len(up)])
        self.manager.heartbeat(up[pick % len(up)], status=NodeStatus.OFFLINE)
        self.rig.pass_time(1.0)

    @precondition(lambda self: self.nodes(NodeStatus.OFFLINE))
    @rule(pick=PICK, kept_state=st.booleans())
    def come_back(self, pick: int, kept_state: bool) -> None:
        down = self.nodes(NodeStatus.OFFLINE)
        name = down[pick % len(down)]
        self.manager.node_restarted(name, kept_state)
        self.manager.heartbeat(name)
        self.rig.pass_time(1.0)
        for agent_id in sorted(self.gone):  # a state may be found again, in its acknowledged version or not at all
            try:
                assert self.manager.load_state(agent_id).version == self.acknowledged[agent_id]
                assert kept_state
                self.gone.discard(agent_id)
            except DeployError:
                assert agent_id in self.gone

    @precondition(lambda self: self.nodes(NodeStatus.ONLINE))
    @rule(pick=PICK)
    def lose_disk_unnoticed(self, pick: int) -> None:
        up = self.nodes(NodeStatus.ONLINE)
        self.before_loss(up[pick % len(up)])
        self.manager.node_restarted(up[pick % len(up)], kept_state=False)

    @precondition(lambda self: self.nodes())
    @rule(pick=PICK, stop_agents=st.booleans())
    def remove(self, pick: int, stop_agents: bool) -> None:
        name = self.nodes()[pick % len(self.nodes())]
        others = [other for other in self.nodes(NodeStatus.ONLINE) if other != name]
        if not others:
            self.before_loss(name)
        self.rig.run(self.manager.remove_node(name, stop_agents=stop_agents))
        self.rig.pass_time(1.0)
        self.forget_stopped()

    def forget_stopped(self) -> None:
        alive = [info.agent_id for info in self.manager.list_agents()]
        assert self.config["failover_enabled"] or set(alive) <= set(self.live)
        for agent_id in [name for name in self.live if name not in alive]:
            assert self.manager.get_agent(agent_id).status is AgentStatus.STOPPED
            self.live.remove(agent_id)
            self.acknowledged.pop(agent_id, None)
            self.gone.discard(agent_id)

    @precondition(lambda self: self.nodes())
    @rule(pick=PICK)
    def grow(self, pick: int) -> None:
        name = self.nodes()[pick % len(self.nodes())]
        self.rig.run(self.manager.update_node(name, capacity=3))
        self.rig.pass_time(1.0)

    @rule()
    def die(self) -> None:
        """The control plane goes on from its journal: the same assignment, and later the same rules."""
        digest = self.manager.assignment_digest()
        self.rig.run(self.manager.stop())
        books = Books()
        disks = self.manager._states.disks
        self.manager = self.rig.manager = DistributedManager.restore(
            self.journal, self.config, runtime=self.rig.runtime, membership=books, host=self.rig.host, disks=disks
        )
        self.rig.books = books
        assert self.manager.assignment_digest() == digest

    @invariant()
    def one_body_counts(self) -> None:
        """M1, and epochs that never go back."""
        for agent_id in self.live:
            info = self.manager.get_agent(agent_id)
            assert info.epoch >= self.epochs.get(agent_id, 0)
            self.epochs[agent_id] = info.epoch
            bodies = [
                (name, epoch)
                for name in self.nodes()
                for epoch in range(info.epoch + 3)
                if self.manager.is_current(agent_id, name, epoch)
            ]
            assert bodies == ([] if info.node_id is None else [(info.node_id, info.epoch)])

    @invariant()
    def none_vanishes(self) -> None:
        """M2, the journal's sum, and nobody waits while there is room."""
        self.rig.audit()
        status = self.manager.status()
        assert [info.agent_id for info in self.manager.list_agents()] == self.live
        assert status.agents["ready"] + status.agents["starting"] + status.pending == len(self.live)
        assert replay(self.journal.records()).settled().digest() == self.manager.assignment_digest()

    @invariant()
    def acknowledged_writes_are_readable(self) -> None:
        """M12: unless every copy was lost, and then it is not there rather than old."""
        for agent_id, version in self.acknowledged.items():
            if agent_id not in self.gone:
                saved = self.manager.load_state(agent_id)
                assert saved.version == version
                wanted = min(1 + int(self.config["copies_min"]), len(self.nodes(NodeStatus.ONLINE)))
                assert len(saved.node_ids) >= wanted
                continue
            try:
                raise AssertionError(f"{agent_id} reads {self.manager.load_state(agent_id)}")
            except SimError:
                assert self.manager.status().states == len(self.acknowledged)


ManagerMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
TestManagerMachine = ManagerMachine.TestCase
