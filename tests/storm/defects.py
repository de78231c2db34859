"""Bugs planted in the product, one or more an invariant: what a storm is worth is what it finds of them.

Each is a small change that somebody could make by mistake, put in by monkeypatch, so that only tests can reach it. It
names the invariants of which one must break; `seeds` says where to look (all small schedules from 1 on, unless the
defect needs a rare part of the product, which its seeds have).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from sim.bench.gated import GatewayDoor
from sim.integration.gateway.keys import KeyRing
from sim.integration.gateway.limiter import Gcra
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


@dataclass(frozen=True, slots=True)
class Defect:
    """`needs`: a key (or key=value) that a scenario must have set to be worth a run, "" for none."""

    name: str
    invariants: tuple[str, ...]
    plant: Callable[[Patch], None]
    needs: str = ""

    def may_show(self, overrides: dict[str, Any]) -> bool:
        """Whether a scenario with these settings reaches the defect at all."""
        key, _, value = self.needs.partition("=")
        return not key or (key in overrides and value in ("", str(overrides[key])))


def _nothing(*_: Any, **__: Any) -> None:
    """Forgotten."""


def _fence_forgotten(patch: Patch) -> None:
    patch.setattr(EligibleSet, "fence", _nothing)


def _epoch_stays(patch: Patch) -> None:
    taken = Ledger.take

    def take(self: Ledger, agent: Any, node: Any) -> None:
        agent.epoch_last -= agent.epoch_last > 0
        taken(self, agent, node)

    patch.setattr(Ledger, "take", take)


def _stopped_counts_twice(patch: Patch) -> None:
    changed = Ledger.set_agent

    def set_agent(self: Ledger, agent: Any, status: Any, node: Any, reason: str) -> None:
        changed(self, agent, status, node, reason)
        if status is AgentStatus.PENDING:
            self.agents_count[AgentStatus.READY] += 1

    patch.setattr(Ledger, "set_agent", set_agent)


def _end_counts_twice(patch: Patch) -> None:
    ended = Again._end

    def end(self: Any, root: int, status: int, now: float) -> None:
        self.ended_counts[status] += 1
        ended(self, root, status, now)

    patch.setattr(Again, "_end", end)


def _losers_answer_too(patch: Patch) -> None:
    def outrun(self: Any, several: Any, winner: int, now: float) -> None:
        self._forget(several, winner)

    patch.setattr(Again, "_outrun", outrun)


def _what_must_not_run_twice_does(patch: Patch) -> None:
    tries = Again._tries_again

    def tries_again(self: Any, root: int, several: Any, status: int, now: float) -> bool:
        self.columns.single[root], kept = 0, self.columns.single[root]
        try:
            return tries(self, root, several, status, now)
        finally:
            self.columns.single[root] = kept

    patch.setattr(Again, "_tries_again", tries_again)


def _orphans_take_no_place(patch: Patch) -> None:
    patch.setattr(Node, "load", property(lambda self: self.placed + self.foreign))


def _ejection_is_not_heard(patch: Patch) -> None:
    exclude = EligibleSet.exclude

    def partly(self: EligibleSet, node_id: str, cause: str, reason: str) -> None:
        if cause != "ejection":
            exclude(self, node_id, cause, reason)

    patch.setattr(EligibleSet, "exclude", partly)


def _draining_is_online(patch: Patch) -> None:
    patch.setattr(Node, "online", property(lambda self: self.info.status in (NodeStatus.ONLINE, NodeStatus.DRAINING)))


def _open_breaker_lets_through(patch: Patch) -> None:
    def trip(self: Any, row: int, now: float, reason: str) -> None:
        tripped(self, row, now, reason)
        self.eligible.include(self._nodes.node_of[row], "breaker")

    tripped = Breaker._trip
    patch.setattr(Breaker, "_trip", trip)


def _timeout_is_tenfold(patch: Patch) -> None:
    patch.setattr(
        HeartbeatTimeout, "down", lambda self, node_id, now: now - self._heard_at[node_id] > 10.0 * self.node_timeout_s
    )


def _bounds_are_forgotten(patch: Patch) -> None:
    patch.setattr(Autoscaler, "_bounded", lambda self, nodes: max(nodes, 0))


def _steps_are_forgotten(patch: Patch) -> None:
    patch.setattr(Autoscaler, "_limited", lambda self, wish, before: self._bounded(wish))


def _window_is_forgotten(patch: Patch) -> None:
    patch.setattr(WindowMax, "add", lambda self, at, value: value)


def _leaving_is_not_told(patch: Patch) -> None:
    patch.setattr(World, "_leaving", _nothing)


def _drains_take_agents(patch: Patch) -> None:
    best = Placement.best

    def any_node(self: Placement, agent_type: str) -> Any:
        return best(self, agent_type) or next((n for n in self._all.values() if n.free > 0), None)

    joined = Placement.join

    def join(self: Any, node: Any) -> None:
        self.__dict__.setdefault("_all", {})[node.birth] = node
        joined(self, node)

    patch.setattr(Placement, "join", join)
    patch.setattr(Placement, "best", any_node)


def _lost_at_once(patch: Patch) -> None:
    def report(self: StateStore, agent_id: str, node_id: str, reason: str) -> None:
        entry = self.entries[agent_id]
        entry.holders, entry.lost = {}, True
        self.context.write("state_lost", agent_id, node=node_id, version=entry.version, reason=reason)

    patch.setattr(StateStore, "_report_lost", report)


def _versions_stay(patch: Patch) -> None:
    number = StateStore.next_version
    patch.setattr(
        StateStore, "next_version", lambda self, agent_id, version: max(1, number(self, agent_id, version) - 1)
    )


def _copies_are_not_made(patch: Patch) -> None:
    patch.setattr(StateStore, "_complete", _nothing)


def _budget_is_endless(patch: Patch) -> None:
    def take(state: Any, active: int) -> bool:
        state.counts[budget.RETRIES] += 1
        return True

    patch.setattr(budget, "budget_take", take)


def _deadline_is_late(patch: Patch) -> None:
    expired = Again._deadline

    def again(self: Any, root: int) -> None:
        if self.columns.status[root] == TRUNCATED or root in self.several:
            expired(self, root)

    def deadline(self: Any, root: int) -> None:
        self.env.call_at(self.env.now + self.rules.deadline_s, DEADLINE, 4, lambda _: again(self, root), None)

    patch.setattr(Again, "_deadline", deadline)


def _orphans_are_not_journaled(patch: Patch) -> None:
    def clear(self: Ledger, node: Any, agent_id: str) -> None:
        del node.orphans[agent_id]
        self.placement.touch(node)
        self.on_room()

    patch.setattr(Ledger, "clear_orphan", clear)


def _fenced_counts_stay(patch: Patch) -> None:
    patch.setattr(Balancer, "_emptied", _nothing)


def _cap_is_forgotten(patch: Patch) -> None:
    made = Ejection.__init__

    def init(self: Any, params: Any, *rest: Any) -> None:
        made(self, replace(params, ejected_max_ratio=1.0), *rest)

    patch.setattr(Ejection, "__init__", init)


def _trials_are_not_counted(patch: Patch) -> None:
    def sent(self: Any, slot: int) -> None:
        self.columns.trials[self.columns.row_of[slot]] += 1

    patch.setattr(Breaker, "trial_sent", sent)


def _fences_say_nothing(patch: Patch) -> None:
    fence = Ledger.fence
    patch.setattr(Ledger, "fence", lambda self, node, reason: fence(self, node, ""))


def _nobody_comes_back(patch: Patch) -> None:
    patch.setattr(Health, "_revive", _nothing)


def _waiting_agents_stay(patch: Patch) -> None:
    patch.setattr(Deployer, "place_pending", _nothing)


def _orphans_stay(patch: Patch) -> None:
    async def stop(self: Any, node: Any) -> None:
        return None

    patch.setattr(Deployer, "stop_orphans", stop)


def _waiting_requests_stay(patch: Patch) -> None:
    patch.setattr(Engine, "membership_changed", _nothing)
    patch.setattr(Struck, "pull", _nothing)


def _timeouts_are_forgotten(patch: Patch) -> None:
    patch.setattr(Again, "_timed_out", _nothing)


def _agents_stay_dead(patch: Patch) -> None:
    patch.setattr(Fragile, "regain_agent", _nothing)
    restored = Fragile.restore

    def restore(self: Fragile, now: float) -> None:
        restored(self, now)
        self.lost_agents = self.assigned
        self._set_able(now)

    patch.setattr(Fragile, "restore", restore)


def _lines_are_left(patch: Patch) -> None:
    def wait(self: Any, row: int, picks: Any, probes: Any, now: float) -> None:
        self._failed(row, REJECTED, now)

    patch.setattr(ResilientEngine, "_wait", wait)


def _unknown_keys_are_good(patch: Patch) -> None:
    verify = KeyRing.verify

    def lax(self: Any, key: str, wall_at: float) -> Any:
        known = next(iter(self._records.values()))
        return verify(self, key, wall_at) or known.principal

    patch.setattr(KeyRing, "verify", lax)


def _nothing_is_charged(patch: Patch) -> None:
    patch.setattr(Gcra, "charge", _nothing)


def _a_key_is_logged(patch: Patch) -> None:
    def connect(self: GatewayDoor, manager: Any) -> None:
        self.gateway.manager = manager
        key = self._headers[0][-1][1].decode()
        self.runtime.spawn(_tell(self, manager, key), "tell")

    patch.setattr(GatewayDoor, "connect", connect)


async def _tell(door: GatewayDoor, manager: Any, key: str) -> None:
    manager.events.write(door.runtime.now(), "client_known", "client-0", key=key)


def _a_sweep_raises(patch: Patch) -> None:
    def sweep(self: Ejection, now: float) -> None:
        raise KeyError("row")

    patch.setattr(Ejection, "sweep", sweep)


EJECTS, BREAKS, SCALES = "health.ejection.enabled", "breaker.enabled", "autoscaler.kind"
FAILS_OVER, GATED = "failover.enabled", "gateway.enabled"

DEFECTS = (
    Defect("a fence is not passed on", ("M1",), _fence_forgotten, FAILS_OVER),
    Defect("a moved agent keeps its epoch", ("M1",), _epoch_stays, FAILS_OVER),
    Defect("an agent that waits counts as ready too", ("M2",), _stopped_counts_twice, FAILS_OVER),
    Defect("an end counts twice", ("M3",), _end_counts_twice),
    Defect("who lost the race answers too", ("M4",), _losers_answer_too, "hedge.after_s"),
    Defect("what must not run twice is retried", ("M4",), _what_must_not_run_twice_does, "retry.non_idempotent_ratio"),
    Defect("orphans take no place", ("M5",), _orphans_take_no_place, FAILS_OVER),
    Defect("an ejection is not heard", ("M6",), _ejection_is_not_heard, EJECTS),
    Defect("a draining node is sent requests", ("M6",), _draining_is_online),
    Defect("an open breaker lets requests through", ("M6",), _open_breaker_lets_through, BREAKS),
    Defect("a timeout is ten times as long", ("M7",), _timeout_is_tenfold, "health.node_timeout_s"),
    Defect("the autoscaler forgets its bounds", ("M8",), _bounds_are_forgotten, SCALES),
    Defect("the autoscaler forgets its steps", ("M8",), _steps_are_forgotten, SCALES),
    Defect("the stabilization window is forgotten", ("M9",), _window_is_forgotten, "autoscaler.kind=hpa"),
    Defect("who leaves does not say so", ("M11", "M16"), _leaving_is_not_told),
    Defect("draining nodes take agents", ("M11",), _drains_take_agents, FAILS_OVER),
    Defect("a state is given up while others hold it", ("M12",), _lost_at_once, FAILS_OVER),
    Defect("a version is given twice", ("M12",), _versions_stay, FAILS_OVER),
    Defect("copies are not made again", ("L3",), _copies_are_not_made, FAILS_OVER),
    Defect("the budget has no end", ("M14",), _budget_is_endless, "retry.budget_ratio"),
    Defect("a deadline comes late", ("M14",), _deadline_is_late, "deadline_s"),
    Defect("a confirmed stop is not journaled", ("M15",), _orphans_are_not_journaled, FAILS_OVER),
    Defect("a fenced slot keeps its counts", ("M16",), _fenced_counts_stay, FAILS_OVER),
    Defect("the cap on ejections is forgotten", ("M17",), _cap_is_forgotten, EJECTS),
    Defect("trials of a breaker are not counted", ("M17",), _trials_are_not_counted, BREAKS),
    Defect("a fence says no reason", ("T1",), _fences_say_nothing, FAILS_OVER),
    Defect("nobody comes back", ("L1",), _nobody_comes_back, "health.detector"),
    Defect("waiting agents are never placed", ("L2",), _waiting_agents_stay, FAILS_OVER),
    Defect("orphans are never stopped", ("L2",), _orphans_stay, FAILS_OVER),
    Defect("waiting requests are never sent on", ("L4",), _waiting_requests_stay),
    Defect("a timeout does nothing", ("L4",), _timeouts_are_forgotten, "retry.attempt_timeout_s"),
    Defect("agents of a machine stay dead", ("L4", "L5"), _agents_stay_dead),
    Defect("who would wait is refused", ("L5",), _lines_are_left),
    Defect("unknown keys are good", ("G1",), _unknown_keys_are_good, GATED),
    Defect("nothing is charged", ("G2",), _nothing_is_charged, GATED),
    Defect("a key is logged", ("G4",), _a_key_is_logged, GATED),
    Defect("a sweep raises", ("X1",), _a_sweep_raises, EJECTS),
)  # fmt: skip
