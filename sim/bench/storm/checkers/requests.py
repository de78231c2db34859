"""Requests: M3, M4, M14 and M1's half about answers, at the engine's way in and out and over the finished table.

Who was sent on is seen at `engine.send`, who has ended at `engine.on_left`; both are counted here, request by request.
The table of attempts tells afterwards every instant of every attempt: who answered, when, from where.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.bench.schema import Config
from sim.bench.storm.checkers.nodes import NodeBooks
from sim.bench.storm.checkers.routing import Routing
from sim.bench.storm.findings import Findings
from sim.types.records import OK, TIMED_OUT, TRUNCATED, RunRecord

EDGE_S = 1e-9


class Requests:
    """`tap` an engine before it runs; `look` at any instant; `judge` the record."""

    def __init__(self, findings: Findings, config: Config) -> None:
        self.findings, self.config = findings, config
        self.sent: dict[int, float] = {}  # request -> instant
        self.ended: dict[int, float] = {}
        self.in_system_most = 0
        self._engine: Any = None

    def tap(self, engine: Any) -> None:
        """Stand at its way in and out."""
        self._engine = engine
        send, on_left, columns = engine.send, engine.on_left, engine.columns

        def sent(block: Any, index: int, row: int, now: float) -> None:
            request = columns.request[row]
            fresh = request not in self.sent
            self.findings.hold("M4", fresh, now, f"request {request}", lambda: "it is sent into the fleet twice")
            self.sent[request] = now
            send(block, index, row, now)
            self.in_system_most = max(self.in_system_most, engine.in_system)

        def left(row: int, now: float) -> None:
            request = columns.request[row]
            fresh = request not in self.ended
            self.findings.hold("M4", fresh, now, f"request {request}", lambda: "it ends twice")
            self.ended[request] = now
            self.in_system_most = max(self.in_system_most, engine.in_system + 1)  # plugins may have held more
            if on_left is not None:
                on_left(row, now)

        engine.send, engine.on_left = sent, left

    def look(self, now: float, gated: bool) -> None:
        """Conservation at this instant; `gated`: some never come further than the gateway."""
        engine = self._engine
        ended, inside = sum(engine.ended_counts[:TRUNCATED]), engine.in_system
        text = f"{engine.arrivals_count} accepted, {ended} ended, {inside} in the system"
        self.findings.hold("M3", engine.arrivals_count == ended + inside, now, "requests", lambda: text)
        if not gated:
            own = len(self.sent) - len(self.ended)
            told = f"{inside} in the system, {len(self.sent)} sent and {len(self.ended)} ended by own count"
            self.findings.hold("M3", own == inside, now, "requests", lambda: told)

    def judge(self, record: RunRecord, books: NodeBooks, routing: Routing) -> None:
        """The finished table."""
        table, at = record.attempts, record.ended_at
        rows: dict[int, list[int]] = {}
        for row, request in enumerate(table.request.tolist()):
            rows.setdefault(request, []).append(row)
        self._judge_each(record, rows)
        answers = int(np.count_nonzero(table.status == OK))
        text = f"{answers} attempts answered, {routing.answered_count} answers passed the balancer"
        self.findings.hold("M4", answers == routing.answered_count, at, "requests", lambda: text)
        self._judge_fences(record, books)
        self._judge_budget(record, routing, len(rows))

    def _judge_each(self, record: RunRecord, rows: dict[int, list[int]]) -> None:
        table, config, hold, at = record.attempts, self.config, self.findings.hold, record.ended_at
        single = self._singles()
        most = config.retry.attempts_max + (config.hedge.hedges_max if config.hedge.after_s is not None else 0)
        requeues = config.faults.crash.enabled
        attempts, statuses = table.attempt.tolist(), table.status.tolist()
        started, finished, arrived = table.started_at.tolist(), table.finished_at.tolist(), table.arrived_at.tolist()
        for request, mine in rows.items():
            name = f"request {request}"
            numbers = [attempts[row] for row in mine]
            hold("M4", numbers == list(range(len(mine))), at, name, lambda n=numbers: f"its attempts are {n}")  # type: ignore[misc]
            answers = [row for row in mine if statuses[row] == OK]
            hold("M4", len(answers) <= 1, at, name, lambda a=answers: f"{len(a)} answers")  # type: ignore[misc]
            if len(mine) > 1:
                self.findings.seen("a request of several attempts")
                if not requeues:
                    hold("M14", len(mine) <= most, at, name, lambda m=mine: f"{len(m)} attempts, {most} at most")  # type: ignore[misc]
            if request in single and sum(math.isfinite(started[row]) for row in mine) > 1:
                self.findings.fail("M4", at, name, "it must not run twice and was started more than once")
            if config.deadline_s is not None and answers:
                late = finished[answers[0]] - arrived[mine[0]] - config.deadline_s
                hold("M14", late <= EDGE_S, at, name, lambda x=late: f"answered {x:g} s after its deadline")  # type: ignore[misc]
            if any(statuses[row] == TIMED_OUT for row in mine):
                self.findings.seen("an attempt that timed out")

    def _singles(self) -> set[int]:
        columns = self._engine.columns
        if not any(columns.single):
            return set()
        return {columns.request[row] for row, single in enumerate(columns.single) if single}

    def _judge_fences(self, record: RunRecord, books: NodeBooks) -> None:
        table = record.attempts
        assert table.placed_at is not None
        placed, finished = table.placed_at.tolist(), table.finished_at.tolist()
        nodes, statuses = table.node.tolist(), table.status.tolist()
        for ordinal, node_id in enumerate(record.nodes.node_id):
            for fenced_at in books.fences.get(node_id, ()):
                self.findings.seen("a node that was fenced")
                for row, node in enumerate(nodes):
                    if node == ordinal and statuses[row] == OK and placed[row] < fenced_at:
                        text = f"an attempt placed at {placed[row]:g} s is answered at {finished[row]:g} s"
                        fine = finished[row] <= fenced_at
                        told = f"{text}, although the node was fenced at {fenced_at:g} s"
                        self.findings.hold("M1", fine, finished[row], node_id, lambda t=told: t)  # type: ignore[misc]

    def _judge_budget(self, record: RunRecord, routing: Routing, requests_count: int) -> None:
        retry, at = self.config.retry, record.ended_at
        if retry.budget_ratio is None or self.config.faults.crash.enabled:
            return  # a requeue is an attempt that no budget counts
        further = len(record.attempts) - requests_count - routing.hedged_count
        if retry.budget_of == "fresh":
            most = retry.budget_depth + retry.budget_ratio * len(self.sent)
            text = f"{further} retries of {len(self.sent)} requests, {most:g} at most"
            self.findings.hold("M14", further <= most + EDGE_S, at, "retries", lambda: text)
            self.findings.seen("retries under a budget of fresh requests")
            return
        together = self._most_retries_at_once(record)
        most = max(retry.budget_depth, math.ceil(retry.budget_ratio * self.in_system_most))
        text = f"{together} retries at once, {most} at most"
        self.findings.hold("M14", together <= most, at, "retries", lambda: text)
        self.findings.seen("retries under a budget of active requests")

    def _most_retries_at_once(self, record: RunRecord) -> int:
        """Where nothing hedges every further attempt is a retry; with hedges nothing is known (0)."""
        if self.config.hedge.after_s is not None:
            return 0
        table, steps = record.attempts, []
        for row in np.flatnonzero(table.attempt > 0).tolist():
            end = table.finished_at[row]
            steps.append((float(table.arrived_at[row]), 1))
            steps.append((float(end) if math.isfinite(end) else math.inf, -1))
        most = now = 0
        for _, step in sorted(steps):  # an end comes before a beginning of the same instant
            now += step
            most = max(most, now)
        return most
