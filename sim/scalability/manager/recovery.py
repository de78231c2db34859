"""A manager out of its journal: the books as they were, with what was under way taken back.

What a control plane cannot know after its death it assumes: a body that was starting or stopping may run, so that it is
an orphan of its node (its place stays taken until the node confirms a stop) and its agent waits for a new place under a
new epoch. A removal under way is to be asked for again; its node stays, draining. Every node counts as heard of now.
"""

from __future__ import annotations

from sim.scalability.manager.assignment import AgentBook, Assignment, NodeBook
from sim.scalability.manager.checks import zone_of
from sim.scalability.manager.entries import Agent, Node
from sim.scalability.manager.ledger import Ledger
from sim.types.fleet import AgentInfo, AgentStatus, NodeInfo, NodeStatus


def assignment_of(ledger: Ledger, versions: dict[str, int]) -> Assignment:
    """What the books say now, not settled; `versions` are the acknowledged states."""
    book = Assignment(
        pending=dict.fromkeys(ledger.pending),
        versions=versions,
        registered_count=ledger.registered_count,
        stopped_count=ledger.agents_count[AgentStatus.STOPPED],
        births_count=ledger.births_count,
        epochs_count=ledger.epochs_count,
    )
    for name, node in ledger.nodes.items():
        info = node.info
        book.nodes[name] = NodeBook(
            {"host": info.host, "port": info.port, "capacity": info.capacity, "metadata": dict(info.metadata)},
            node.birth,
            node.epoch,
            node.wanted.value,
            node.silent,
            node.foreign,
            dict(node.epochs),
            dict(node.orphans),
        )
    for agent_id, agent in ledger.agents.items():
        of = agent.info
        book.agents[agent_id] = AgentBook(
            dict(of.config),
            of.status.value,
            of.node_id,
            of.epoch,
            agent.epoch_last,
            "" if agent.leaving is None else agent.leaving.value,
            of.deployed_at,
            of.ready_at,
        )
    return book


def rebuild(ledger: Ledger, book: Assignment, now: float) -> None:
    """Fill empty books from a settled assignment; the membership hears of all nodes and ready agents."""
    assert not ledger.nodes and ledger.registered_count == 0, "the books are empty when they are rebuilt"
    for name, of in book.nodes.items():
        wanted = NodeStatus(of.wanted)
        info = NodeInfo(name, status=NodeStatus.OFFLINE if of.silent else wanted, **of.facts)
        node = Node(info, of.birth, zone_of(info.metadata), now, wanted, of.silent, foreign=of.foreign)
        node.orphans = dict(of.orphans)
        ledger.join(node)
        node.epoch, node.noted = of.epoch, (wanted, of.silent)
    for agent_id, of_agent in book.agents.items():
        info_of = AgentInfo(
            agent_id,
            of_agent.config,
            str(of_agent.config["type"]),
            of_agent.node_id,
            AgentStatus(of_agent.status),
            of_agent.deployed_at,
            of_agent.ready_at,
            of_agent.epoch,
        )
        agent = ledger.agents[agent_id] = Agent(info_of, epoch_last=of_agent.epoch_last)
        ledger.agents_count[info_of.status] += 1
        if info_of.node_id is not None:
            ledger.put(agent, ledger.nodes[info_of.node_id], info_of.epoch)
            ledger.add_ready(agent, ledger.nodes[info_of.node_id], 1)
    ledger.pending = {agent_id: ledger.agents[agent_id] for agent_id in book.pending}
    ledger.registered_count, ledger.agents_count[AgentStatus.STOPPED] = book.registered_count, book.stopped_count
    ledger.births_count, ledger.epochs_count = book.births_count, book.epochs_count
