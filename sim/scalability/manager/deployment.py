"""Agents start, move and stop: a place is taken before the first await and given back whatever happens afterwards.

`contracts.AgentHost` does the work within `deployment_timeout`. What does not start in time, fails or is cancelled is
undone: the host is asked to stop it, its place is freed, and the caller gets the error. Where the host did not confirm
a stop the place stays taken until it does, so that no machine is over-filled. An agent whose node was lost waits as
PENDING, in order, and is started again when room appears, at most `redeploy_attempts_max` times in a row. Every start
is a body of its own, with an epoch of its own: one that was under way when its node was lost never counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.errors import DeployError, FleetError
from sim.scalability.manager.asking import Asking, Lost
from sim.scalability.manager.checks import check_agent
from sim.scalability.manager.context import Context
from sim.scalability.manager.counters import Counters
from sim.scalability.manager.entries import Agent, Node
from sim.scalability.manager.jobs import Jobs
from sim.scalability.manager.ledger import Ledger, begin, end
from sim.scalability.manager.replication import StateStore
from sim.types.fleet import AgentStatus

HOST_ERRORS = (FleetError, OSError)  # what a host may fail with; TimeoutError is an OSError


class Deployer:
    """Owns every change of an agent that needs the host."""

    def __init__(self, context: Context, ledger: Ledger, states: StateStore, jobs: Jobs, counters: Counters) -> None:
        self.context, self.ledger, self.states, self.jobs, self.counters = context, ledger, states, jobs, counters
        self.asking = Asking(context)
        ledger.on_room = self.place_pending

    async def deploy(self, config: Mapping[str, Any], node_id: str | None = None) -> str:
        """Place and start an agent, on a node if it is named, give its id.

        Raises `NodeError` (the named node is not known), `ConfigError`, `DeployError` or the host's error.
        """
        ledger = self.ledger
        named = None if node_id is None else ledger.node(node_id)
        agent = ledger.admit(check_agent(config))
        info = agent.info
        started_at = self.context.now()
        try:
            node = ledger.placement.best(info.agent_type) if named is None else named
            if node is None:
                raise DeployError(info.agent_id, f"no online node has a free place for {info.config['name']!r}")
            if not node.online or node.removing or node.free <= 0:
                raise DeployError(info.agent_id, f"{node.node_id} is {node.info.status.value}, {node.free} places free")
            ledger.take(agent, node)
            reason = "most free capacity, spread" if named is None else "asked for"
            ledger.set_agent(agent, AgentStatus.STARTING, node, reason)
            await self._start(agent, node)
        except BaseException as error:
            self.counters.deploys_failed += 1
            ledger.set_agent(agent, AgentStatus.STOPPED, None, f"not deployed: {_why(error)}")
            raise
        else:
            ledger.set_agent(agent, AgentStatus.READY, node, "started")
            self.counters.deployed(self.context.now() - started_at)
        finally:
            end(agent)
        return info.agent_id

    async def undeploy(self, agent_id: str, reason: str) -> None:
        """Stop an agent; raises `DeployError` if it is unknown, stopped meanwhile, or its host failed to stop it."""
        agent = self.ledger.agent(agent_id)
        await self.settle(agent)
        self.ledger.agent(agent_id)
        problem = await self._retire(agent, reason)
        if problem is not None:
            raise DeployError(
                agent_id, f"is undeployed, but keeps its place until its host confirms the stop: {problem}"
            )

    async def _retire(self, agent: Agent, reason: str) -> str | None:
        """Stop a settled agent for good; gives what went wrong at its host."""
        info = agent.info
        begin(agent)
        try:
            if info.node_id is None:
                return None
            return await self._vacate(agent, self.ledger.node(info.node_id), AgentStatus.STOPPED)
        finally:
            self.counters.undeploys += 1
            self.ledger.set_agent(agent, AgentStatus.STOPPED, None, reason)
            end(agent)

    async def evict(self, agent: Agent, node: Node, reason: str) -> None:
        """Get an agent off a node that leaves: onto another, else pending; stopped if it retires or failover is off."""
        agent_id = agent.info.agent_id
        await self.settle(agent)
        if node.agents.get(agent_id) is not agent:
            return
        if node.retiring or not self.context.config.failover_enabled:
            await self._retire(agent, reason)
            return
        begin(agent)
        try:
            target = self.ledger.placement.best(agent.info.agent_type) if node.reachable else None
            if target is not None and agent_id in target.orphans:
                target = None  # its former self may still run there
            moved = target is not None and await self._follow(agent, target, reason)
            await self._vacate(agent, node, AgentStatus.PENDING)
            if not moved:
                agent.held = target is not None  # its start failed: not again before the next check
                self.ledger.set_agent(agent, AgentStatus.PENDING, None, f"{reason}; no other node took it")
        finally:
            if node.agents.get(agent_id) is not agent and agent.info.node_id == node.node_id:
                self.ledger.set_agent(agent, AgentStatus.PENDING, None, f"{reason}; interrupted")
            end(agent)
            self.place_pending()

    async def _follow(self, agent: Agent, target: Node, reason: str) -> bool:
        """Start a second body of the agent on another node before the first stops; False if it did not start."""
        self.ledger.take(agent, target)
        try:
            await self._start(agent, target)
        except HOST_ERRORS as error:
            self.context.write("move_failed", agent.info.agent_id, node=target.node_id, reason=_why(error))
            return False
        self.counters.moves += 1
        self.ledger.set_agent(agent, AgentStatus.READY, target, f"moved: {reason}")
        return True

    def lose(self, node: Node, reason: str) -> None:
        """The node cannot be reached: it is fenced, and its agents wait for another place.

        A start on it that was begun here is called off; one that a caller waits for ends with that caller's error.
        """
        self.counters.nodes_fenced += 1
        self.ledger.fence(node, reason)
        after = AgentStatus.STOPPED if node.retiring else AgentStatus.PENDING
        for agent in list(node.agents.values()):
            if not agent.busy:
                self._abandon(agent, node)
                self.ledger.set_agent(agent, after, None, reason)
                self.counters.failovers += 1
            elif agent.info.node_id == node.node_id:
                self.jobs.cancel(_job(agent))
        self.place_pending()

    def place_pending(self, retry: bool = False) -> None:
        """Start who waits, in order, as long as there is room; `retry` includes those whose last start failed."""
        pending = self.ledger.pending
        if not pending:
            return
        best = self.ledger.placement.best
        if self.jobs.halted or best(next(iter(pending.values())).info.agent_type) is None:
            return  # room is the same for all types; asked first, because many may wait
        for agent in list(pending.values()):
            agent.held = agent.held and not retry
            if agent.held or agent.busy:
                continue
            node = best(agent.info.agent_type)
            if node is None:
                return
            if agent.info.agent_id in node.orphans:
                continue  # its former self may still run there
            begin(agent)
            self.ledger.take(agent, node)
            self.ledger.set_agent(agent, AgentStatus.STARTING, node, "room appeared")
            self._spawn_restart(agent, node)

    def _spawn_restart(self, agent: Agent, node: Node) -> None:
        def undo() -> None:
            self.ledger.set_agent(agent, AgentStatus.PENDING, None, "its start was called off")
            agent.held = node.reachable
            self.ledger.free(agent, node)
            end(agent)

        self.jobs.spawn(_job(agent), lambda: self._restart(agent, node), undo)

    async def _restart(self, agent: Agent, node: Node) -> None:
        reason = "its start was interrupted"
        try:
            await self._start(agent, node)
            self.ledger.set_agent(agent, AgentStatus.READY, node, "started again")
            self.counters.restarts += 1
        except HOST_ERRORS as error:
            reason = _why(error)
        finally:
            lost = agent.info.status is AgentStatus.STARTING and not node.reachable
            if lost:
                self.counters.failovers += 1
                after = AgentStatus.STOPPED if node.retiring else AgentStatus.PENDING
                self.ledger.set_agent(agent, after, None, f"{node.node_id} was lost while it started")
            elif agent.info.status is AgentStatus.STARTING:
                self._failed_again(agent, reason)
            end(agent)
            if lost:
                self.place_pending()

    def _failed_again(self, agent: Agent, reason: str) -> None:
        agent.attempts += 1
        agent.held = True
        if agent.attempts < self.context.config.redeploy_attempts_max:
            self.ledger.set_agent(agent, AgentStatus.PENDING, None, reason)
            return
        self.counters.given_up += 1
        self.ledger.set_agent(agent, AgentStatus.STOPPED, None, f"given up after {agent.attempts} starts: {reason}")

    async def _start(self, agent: Agent, node: Node) -> None:
        """Start the agent on a node where it holds a place; undoes everything if that fails."""
        agent_id, limit_s = agent.info.agent_id, self.context.config.deployment_timeout
        epoch, node_epoch = node.epochs[agent_id], node.epoch
        try:
            try:
                async with self.asking.of(node):
                    await self.context.host.start_agent(node.node_id, agent_id, agent.info.config, epoch)
            except Lost as error:
                raise DeployError(agent_id, f"{node.node_id} went offline while it started") from error
            except TimeoutError as error:
                raise DeployError(agent_id, f"not ready on {node.node_id} within {limit_s} s, undone") from error
            assert node.epochs[agent_id] == epoch, f"{agent_id} holds another place on {node.node_id}"
            if not node.reachable or node.epoch != node_epoch:
                raise DeployError(agent_id, f"{node.node_id} went offline while it started")
            self.ledger.add_ready(agent, node, 1)
        except BaseException:
            await self._stop(agent, node)
            raise
        self.states.placed(agent_id, node.node_id)

    async def _vacate(self, agent: Agent, node: Node, then: AgentStatus) -> str | None:
        """A ready agent stops answering on the node, then its host stops it; gives what went wrong.

        `then` is what the agent is afterwards if this is its only body.
        """
        if agent.info.node_id == node.node_id:
            self.ledger.set_leaving(agent, then)
        self.ledger.add_ready(agent, node, -1)
        return await self._stop(agent, node)

    async def _stop(self, agent: Agent, node: Node) -> str | None:
        """The host stops the agent and its place is freed, or stranded if that is cut short; gives what went wrong."""
        agent_id, problem, stopped = agent.info.agent_id, None, False
        try:
            if node.reachable:
                async with self.asking.of(node):
                    await self.context.host.stop_agent(node.node_id, agent_id)
                stopped = True
        except HOST_ERRORS as error:
            problem = _why(error)
            self.counters.stops_failed += 1
            self.context.write("stop_failed", agent_id, node=node.node_id, reason=problem)
        finally:
            (self.ledger.free if stopped else self.ledger.strand)(agent, node)
        return problem

    def _abandon(self, agent: Agent, node: Node) -> None:
        self.ledger.add_ready(agent, node, -1)
        self.ledger.strand(agent, node)

    async def stop_orphans(self, node: Node) -> None:
        """Stop what the node may still run of agents that are not its own any more; raises the host's error.

        Only in the node's one job of `Clearing`. Ends when the node leaves meanwhile: its books are closed, and whoever
        comes by that name is another.
        """
        while node.orphans:
            agent_id = next(iter(node.orphans))
            async with self.context.runtime.timeout(self.context.config.deployment_timeout):
                await self.context.host.stop_agent(node.node_id, agent_id)
            if node.gone:
                return
            self.ledger.clear_orphan(node, agent_id)

    async def settle(self, agent: Agent) -> None:
        """Wait until no coroutine works on the agent."""
        while agent.busy:
            if agent.settled is None:
                agent.settled = self.context.runtime.event()
            await agent.settled.wait()


def _job(agent: Agent) -> str:
    return f"restart {agent.info.agent_id} {agent.epoch_last}"


def _why(error: BaseException) -> str:
    return str(error) or type(error).__name__
