"""Conservation under fire, checked from outside after every single event: books of its own from the attempt columns.

It shares nothing with the engine but the columns: a request arrived when the source sent it, has ended when none of its
attempts is open and none is planned, as its answer or else its last attempt. The balancer's counts must be the open
attempts that were sent to a slot, the nodes' counts those that were placed and have not left.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.bench.assemble import Assembly, assemble
from sim.bench.schema import Config
from sim.measure.audits import audit, problems_of
from sim.types.fleet import AgentStatus
from sim.types.records import OK, STATUSES, TRUNCATED, RunRecord

ENDED_STATUSES = range(TRUNCATED)


class Watched:
    """One run whose every event is followed by a check; `events_count` of them."""

    def __init__(self, config: Config, replication: int = 0) -> None:
        self.assembly: Assembly = assemble(config, replication)
        engine: Any = self.assembly.world.engine
        self.engine = engine
        self.config = config
        self.events_count = 0
        self.arrived: list[int] = []  # first rows
        self.node_of_epoch: dict[tuple[str, int], str | None] = {}
        self.epochs: dict[str, int] = {}
        self.logged = -1
        send = self.engine.send

        def sent(block: Any, index: int, row: int, now: float) -> None:
            self.arrived.append(row)
            send(block, index, row, now)

        self.engine.send = sent
        env = self.assembly.runtime.env
        run = env.run

        def stepping(until: Any = None) -> Any:
            if until is not self.engine.done:
                return run(until)
            while until.callbacks is not None:
                env.step()
                self.events_count += 1
                self.check()
            return until.value

        env.run = stepping  # type: ignore[method-assign]

    def run(self) -> RunRecord:
        """The run, checked; all audits hold on it."""
        record = self.assembly.run()
        problems = problems_of(audit(record))
        assert not problems, f"{problems} of seed {self.config.seed}"
        return record

    def check(self) -> None:
        """Everything that holds between two events."""
        columns = self.engine.columns
        if not len(columns):
            return
        status, attempt = np.array(columns.status), np.array(columns.attempt)
        here = attempt > 0
        here[self.arrived] = True
        rows = np.flatnonzero(here)
        status, slot = status[rows], np.array(columns.slot)[rows]
        self._requests(rows, status)
        is_open = status == TRUNCATED
        dispatcher = np.array(columns.dispatcher)[rows]
        waiting = int(np.count_nonzero(is_open & (slot < 0)))
        assert waiting == self.engine.waiting_count == len(self.engine.line), self._said("waiting", waiting)
        assert waiting <= self.engine.queue_max
        sent = is_open & (slot >= 0)
        self._balancer(slot[sent], dispatcher[sent])
        self._nodes(rows)
        self._agents()

    def _requests(self, rows: Any, status: Any) -> None:
        engine = self.engine
        request = np.array(engine.columns.request)[rows]
        attempt = np.array(engine.columns.attempt)[rows]
        order = np.lexsort((attempt, request))
        request, status = request[order], status[order]
        last = np.concatenate((request[1:] != request[:-1], [True])) if len(rows) else np.zeros(0, dtype=bool)
        group = np.cumsum(last) - last
        counted = int(np.count_nonzero(last))
        assert counted == len(self.arrived) == engine.arrivals_count
        open_of = np.bincount(group[status == TRUNCATED], minlength=counted)
        ok_of = np.bincount(group[status == OK], minlength=counted)
        assert not np.any(ok_of > 1), self._said("requests with two answers", request[last][ok_of > 1])
        assert not np.any((ok_of > 0) & (open_of > 0)), self._said("answered and open", request[last][ok_of > 0])
        planned = {int(engine.columns.request[root]) for root, several in engine.several.items() if several.pending}
        is_planned = np.isin(request[last], sorted(planned))
        ended = (open_of == 0) & ~is_planned
        final = np.where(ok_of > 0, OK, status[last])[ended]
        found = np.bincount(final, minlength=len(STATUSES))[: len(STATUSES)].tolist()
        assert found == engine.ended_counts, self._said("ended", found)
        assert counted - sum(found) == engine.in_system, self._said("open requests", counted - sum(found))
        assert engine.rules.budget.retries >= len(planned)

    def _balancer(self, slots: Any, dispatchers: Any) -> None:
        balancer = self.assembly.balancer
        size = len(balancer.slots)
        for number, fleet in enumerate(balancer.fleets):
            found = np.bincount(slots[dispatchers == number], minlength=size).tolist()
            kept = fleet.in_flight[:size].tolist()
            assert kept == found, self._said(f"in flight of dispatcher {number} by slot", found) + f", kept {kept}"

    def _nodes(self, rows: Any) -> None:
        columns = self.engine.columns
        left_at, placed_at = np.array(columns.left_at)[rows], np.array(columns.placed_at)[rows]
        inside = ~np.isnan(placed_at) & np.isnan(left_at)
        place = np.array(columns.node)[rows] * 8 + np.array(columns.pool_type)[rows]
        started = inside & ~np.isnan(np.array(columns.started_at)[rows])
        size = 8 * len(self.assembly.world.nodes)
        present = np.bincount(place[inside], minlength=size)
        serving = np.bincount(place[started], minlength=size)
        for node in self.assembly.world.nodes.values():
            for pool in node.pools.values():
                at = pool.node * 8 + pool.agent_type
                counts = (pool.present, pool.in_service)
                assert counts == (present[at], serving[at]), self._said(f"at node {pool.node}", counts)
                assert pool.present - pool.in_service <= pool.queue_max
                assert pool.agents >= 0

    def _agents(self) -> None:
        """One epoch of an agent at a time, on one node; the balancer counts those that are ready."""
        if self.assembly.log.count == self.logged:
            return
        self.logged = self.assembly.log.count
        for agent in self.assembly.manager.list_agents():
            assert agent.epoch >= self.epochs.get(agent.agent_id, 0), agent
            self.epochs[agent.agent_id] = agent.epoch
            if agent.status is AgentStatus.READY:
                node_id = self.node_of_epoch.setdefault((agent.agent_id, agent.epoch), agent.node_id)
                assert node_id == agent.node_id, agent

    def _said(self, what: str, value: Any) -> str:
        now = self.assembly.runtime.now()
        return f"{what}: {value} at {now!r}, engine {self.engine.ended_counts}, seed {self.config.seed}"
