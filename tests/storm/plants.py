"""How each planted defect is put in: small changes that somebody could make by mistake, by monkeypatch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sim.runtime.order import DEADLINE
from sim.scalability.autoscaler.loop import Autoscaler
from sim.scalability.autoscaler.window import WindowMax
from sim.scalability.balancer.balancer import Balancer
from sim.scalability.health.breaker import Breaker
from sim.scalability.health.detectors.heartbeat_timeout import HeartbeatTimeout
from sim.scalability.health.ejection import Ejection
from sim.scalability.health.eligible import EligibleSet
from sim.scalability.manager.deployment import Deployer
from sim.scalability.manager.entries import Node
from sim.scalability.manager.health import Health
from sim.scalability.manager.ledger import Ledger
from sim.scalability.manager.placement import Placement
from sim.scalability.manager.replication import StateStore
from sim.scalability.requests import budget
from sim.types.fleet import AgentStatus, NodeStatus
from sim.types.records import REJECTED, TRUNCATED
from sim.world.again import Again
from sim.world.engine import Engine
from sim.world.fragile import Fragile
from sim.world.resilient import ResilientEngine
from sim.world.struck import Struck
from sim.world.world import World

Patch = pytest.MonkeyPatch


def nothing(*_: Any, **__: Any) -> None:
    """Forgotten."""


def fence_forgotten(patch: Patch) -> None:
    patch.setattr(EligibleSet, "fence", nothing)


def epoch_stays(patch: Patch) -> None:
    taken = Ledger.take

    def take(self: Ledger, agent: Any, node: Any) -> None:
        agent.epoch_last -= agent.epoch_last > 0
        taken(self, agent, node)

    patch.setattr(Ledger, "take", take)


def stopped_counts_twice(patch: Patch) -> None:
    changed = Ledger.set_agent

    def set_agent(self: Ledger, agent: Any, status: Any, node: Any, reason: str) -> None:
        changed(self, agent, status, node, reason)
        if status is AgentStatus.PENDING:
            self.agents_count[AgentStatus.READY] += 1

    patch.setattr(Ledger, "set_agent", set_agent)


def end_counts_twice(patch: Patch) -> None:
    ended = Again._end

    def end(self: Any, root: int, status: int, now: float) -> None:
        self.ended_counts[status] += 1
        ended(self, root, status, now)

    patch.setattr(Again, "_end", end)


def losers_answer_too(patch: Patch) -> None:
    def outrun(self: Any, several: Any, winner: int, now: float) -> None:
        self._forget(several, winner)

    patch.setattr(Again, "_outrun", outrun)


def what_must_not_run_twice_does(patch: Patch) -> None:
    tries = Again._tries_again

    def tries_again(self: Any, root: int, several: Any, status: int, now: float) -> bool:
        self.columns.single[root], kept = 0, self.columns.single[root]
        try:
            return tries(self, root, several, status, now)
        finally:
            self.columns.single[root] = kept

    patch.setattr(Again, "_tries_again", tries_again)


def orphans_take_no_place(patch: Patch) -> None:
    patch.setattr(Node, "load", property(lambda self: self.placed + self.foreign))


def ejection_is_not_heard(patch: Patch) -> None:
    exclude = EligibleSet.exclude

    def partly(self: EligibleSet, node_id: str, cause: str, reason: str) -> None:
        if cause != "ejection":
            exclude(self, node_id, cause, reason)

    patch.setattr(EligibleSet, "exclude", partly)


def draining_is_online(patch: Patch) -> None:
    patch.setattr(Node, "online", property(lambda self: self.info.status in (NodeStatus.ONLINE, NodeStatus.DRAINING)))


def open_breaker_lets_through(patch: Patch) -> None:
    def trip(self: Any, row: int, now: float, reason: str) -> None:
        tripped(self, row, now, reason)
        self.eligible.include(self._nodes.node_of[row], "breaker")

    tripped = Breaker._trip
    patch.setattr(Breaker, "_trip", trip)


def timeout_is_tenfold(patch: Patch) -> None:
    patch.setattr(
        HeartbeatTimeout, "down", lambda self, node_id, now: now - self._heard_at[node_id] > 10.0 * self.node_timeout_s
    )


def bounds_are_forgotten(patch: Patch) -> None:
    patch.setattr(Autoscaler, "_bounded", lambda self, nodes: max(nodes, 0))


def steps_are_forgotten(patch: Patch) -> None:
    patch.setattr(Autoscaler, "_limited", lambda self, wish, before: self._bounded(wish))


def window_is_forgotten(patch: Patch) -> None:
    patch.setattr(WindowMax, "add", lambda self, at, value: value)


def leaving_is_not_told(patch: Patch) -> None:
    patch.setattr(World, "_leaving", nothing)


def drains_take_agents(patch: Patch) -> None:
    best = Placement.best

    def any_node(self: Placement, agent_type: str) -> Any:
        return best(self, agent_type) or next((n for n in self._all.values() if n.free > 0), None)

    joined = Placement.join

    def join(self: Any, node: Any) -> None:
        self.__dict__.setdefault("_all", {})[node.birth] = node
        joined(self, node)

    patch.setattr(Placement, "join", join)
    patch.setattr(Placement, "best", any_node)


def lost_at_once(patch: Patch) -> None:
    def report(self: StateStore, agent_id: str, node_id: str, reason: str) -> None:
        entry = self.entries[agent_id]
        entry.holders, entry.lost = {}, True
        self.context.write("state_lost", agent_id, node=node_id, version=entry.version, reason=reason)

    patch.setattr(StateStore, "_report_lost", report)


def versions_stay(patch: Patch) -> None:
    number = StateStore.next_version
    patch.setattr(
        StateStore, "next_version", lambda self, agent_id, version: max(1, number(self, agent_id, version) - 1)
    )


def copies_are_not_made(patch: Patch) -> None:
    patch.setattr(StateStore, "_complete", nothing)


def budget_is_endless(patch: Patch) -> None:
    def take(state: Any, active: int) -> bool:
        state.counts[budget.RETRIES] += 1
        return True

    patch.setattr(budget, "budget_take", take)


def deadline_is_late(patch: Patch) -> None:
    expired = Again._deadline

    def again(self: Any, root: int) -> None:
        if self.columns.status[root] == TRUNCATED or root in self.several:
            expired(self, root)

    def deadline(self: Any, root: int) -> None:
        self.env.call_at(self.env.now + self.rules.deadline_s, DEADLINE, 4, lambda _: again(self, root), None)

    patch.setattr(Again, "_deadline", deadline)


def orphans_are_not_journaled(patch: Patch) -> None:
    def clear(self: Ledger, node: Any, agent_id: str) -> None:
        del node.orphans[agent_id]
        self.placement.touch(node)
        self.on_room()

    patch.setattr(Ledger, "clear_orphan", clear)


def fenced_counts_stay(patch: Patch) -> None:
    patch.setattr(Balancer, "_emptied", nothing)


def cap_is_forgotten(patch: Patch) -> None:
    made = Ejection.__init__

    def init(self: Any, params: Any, *rest: Any) -> None:
        made(self, replace(params, ejected_max_ratio=1.0), *rest)

    patch.setattr(Ejection, "__init__", init)


def trials_are_not_counted(patch: Patch) -> None:
    def sent(self: Any, slot: int) -> None:
        self.columns.trials[self.columns.row_of[slot]] += 1

    patch.setattr(Breaker, "trial_sent", sent)


def fences_say_nothing(patch: Patch) -> None:
    fence = Ledger.fence
    patch.setattr(Ledger, "fence", lambda self, node, reason: fence(self, node, ""))


def nobody_comes_back(patch: Patch) -> None:
    patch.setattr(Health, "_revive", nothing)


def waiting_agents_stay(patch: Patch) -> None:
    patch.setattr(Deployer, "place_pending", nothing)


def orphans_stay(patch: Patch) -> None:
    async def stop(self: Any, node: Any) -> None:
        return None

    patch.setattr(Deployer, "stop_orphans", stop)


def waiting_requests_stay(patch: Patch) -> None:
    patch.setattr(Engine, "membership_changed", nothing)
    patch.setattr(Struck, "pull", nothing)


def timeouts_are_forgotten(patch: Patch) -> None:
    patch.setattr(Again, "_timed_out", nothing)


def agents_stay_dead(patch: Patch) -> None:
    patch.setattr(Fragile, "regain_agent", nothing)
    restored = Fragile.restore

    def restore(self: Fragile, now: float) -> None:
        restored(self, now)
        self.lost_agents = self.assigned
        self._set_able(now)

    patch.setattr(Fragile, "restore", restore)


def lines_are_left(patch: Patch) -> None:
    def wait(self: Any, row: int, picks: Any, probes: Any, now: float) -> None:
        self._failed(row, REJECTED, now)

    patch.setattr(ResilientEngine, "_wait", wait)


def a_sweep_raises(patch: Patch) -> None:
    def sweep(self: Ejection, now: float) -> None:
        raise KeyError("row")

    patch.setattr(Ejection, "sweep", sweep)
