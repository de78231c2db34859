"""The manager's parts put together: each is given what it needs of the others, and there is one of each."""

from __future__ import annotations

from dataclasses import dataclass

from sim.scalability.health.watch import Watch
from sim.scalability.manager.assignment import replay
from sim.scalability.manager.context import Context
from sim.scalability.manager.counters import Counters
from sim.scalability.manager.deployment import Deployer
from sim.scalability.manager.disks import Disks
from sim.scalability.manager.health import Health
from sim.scalability.manager.jobs import Jobs
from sim.scalability.manager.journal import Journal, JournalSink
from sim.scalability.manager.ledger import Ledger
from sim.scalability.manager.recovery import rebuild
from sim.scalability.manager.registration import Registrar
from sim.scalability.manager.replication import StateStore
from sim.scalability.manager.saving import Saver, StateLink
from sim.scalability.manager.scaling import Scaler


@dataclass(frozen=True, slots=True)
class Parts:
    """What a manager is made of."""

    counters: Counters
    jobs: Jobs
    ledger: Ledger
    states: StateStore
    saver: Saver
    deployer: Deployer
    health: Health
    registrar: Registrar
    scaler: Scaler


def wire(context: Context, watch: Watch | None, disks: Disks | None, link: StateLink | None) -> Parts:
    """All parts, with empty books."""
    counters, jobs, ledger = Counters(), Jobs(context), Ledger(context)
    states = StateStore(context, ledger, counters, Disks() if disks is None else disks)
    deployer = Deployer(context, ledger, states, jobs, counters)
    health = Health(context, ledger, deployer, jobs, counters, watch)
    registrar = Registrar(context, ledger, deployer, health, counters)
    scaler = Scaler(context, ledger, registrar, counters)
    return Parts(counters, jobs, ledger, states, Saver(states, link), deployer, health, registrar, scaler)


def recover(parts: Parts, context: Context, journal: JournalSink) -> None:
    """Fill the empty books from a journal, and go on writing it."""
    book = replay(journal.records()).settled()
    rebuild(parts.ledger, book, context.now())
    for node in parts.ledger.nodes.values():
        parts.health.joined(node)
    homes = {name: agent.node_id for name, agent in book.agents.items() if agent.node_id is not None}
    parts.states.adopt(book.versions, homes)
    context.journal = Journal(journal, book)
