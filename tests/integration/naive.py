"""A third engine, naive on purpose: plain loops and lists, its own rules and arithmetic, to keep the real one honest.

It shares nothing with the simulator but the draws (seed, replication, purpose, request), which it takes one at a time.
Processor sharing is done by taking work off every attempt at every event of the node, not by virtual time.
Rules: finishes come before arrivals of the same instant, then the lower request; seconds throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from heapq import heappop, heappush

from sim.runtime.draws import ARRIVAL_GAP, DISPATCHER, PICK, SERVICE_REQUEST, CounterDraws

FINISH, ARRIVAL = 0, 1
NAN = float("nan")


@dataclass(frozen=True)
class NaiveCase:
    """One small configuration."""

    seed: int
    replication: int
    nodes: int
    agents: int
    speeds: tuple[float, ...]
    queue_max: int
    sharing: bool
    balancer: str  # round_robin random power_of_d least_connections
    dispatchers: int
    poisson: bool
    rate_per_s: float
    exponential: bool
    mean_s: float
    horizon_s: float
    drain_s: float


@dataclass
class NaiveRow:
    """One request."""

    arrived_at: float
    node: int
    status: str = "truncated"
    started_at: float = NAN
    finished_at: float = NAN


@dataclass
class NaiveNode:
    """What a node holds; `left_s` are seconds of work left of every attempt in service."""

    speed: float
    queue: list[int] = field(default_factory=list)
    left_s: dict[int, float] = field(default_factory=dict)
    since: float = 0.0
    version: int = 0
    present_s: float = 0.0  # attempt-seconds present


class NaiveFleet:
    """The whole run of one case."""

    def __init__(self, case: NaiveCase) -> None:
        self.case = case
        self.draws = CounterDraws(case.seed, case.replication)
        self.rows: list[NaiveRow] = []
        self.nodes = [NaiveNode(case.speeds[n % len(case.speeds)]) for n in range(case.nodes)]
        self.counts = [[0] * case.nodes for _ in range(case.dispatchers)]  # in flight, by dispatcher and node
        self.turns = [dispatcher * case.nodes // case.dispatchers for dispatcher in range(case.dispatchers)]
        self.heap: list[tuple[float, int, int, int, int]] = []  # at, rank, request, node, version
        self.unit_sum = 0.0
        self.ended_at = 0.0

    def run(self) -> None:
        """Everything up to the last answer, or to the end of draining."""
        case, stop_at = self.case, self.case.horizon_s + self.case.drain_s
        self._schedule_arrival(0)
        now = 0.0
        while self.heap and self.heap[0][0] < stop_at:
            now, rank, request, node, version = heappop(self.heap)
            if rank == ARRIVAL:
                self._arrive(request, now)
                self._schedule_arrival(request + 1)
            elif version == self.nodes[node].version or not case.sharing:
                self._finish(request, node, now)
        unfinished = any(row.status == "truncated" for row in self.rows)
        last_at = max((row.finished_at for row in self.rows if row.status == "ok"), default=0.0)
        self.ended_at = stop_at if unfinished else max(case.horizon_s, last_at)
        for node_books in self.nodes:
            self._elapse(node_books, self.ended_at)

    def _uniform(self, purpose: int, request: int, index: int = 0) -> float:
        return self.draws.uniform(purpose, request, 0, index)

    def _schedule_arrival(self, request: int) -> None:
        if self.case.poisson:
            self.unit_sum -= math.log(self._uniform(ARRIVAL_GAP, request))
            at = self.unit_sum / self.case.rate_per_s
        else:
            at = (request + 1) / self.case.rate_per_s
        if at < self.case.horizon_s:
            heappush(self.heap, (at, ARRIVAL, request, -1, 0))

    def _work_s(self, request: int) -> float:
        if not self.case.exponential:
            return self.case.mean_s
        return -self.case.mean_s * math.log(self._uniform(SERVICE_REQUEST, request))

    def _dispatcher(self, request: int) -> int:
        count = self.case.dispatchers
        return int(self._uniform(DISPATCHER, request) * count) if count > 1 else 0

    def _pick(self, request: int, dispatcher: int) -> int:
        size, counts = self.case.nodes, self.counts[dispatcher]
        if self.case.balancer == "round_robin":
            turn = self.turns[dispatcher]
            self.turns[dispatcher] = (turn + 1) % size
            return turn
        if self.case.balancer == "least_connections":
            return counts.index(min(counts))
        first = int(self._uniform(PICK, request) * size)
        if self.case.balancer == "random" or size == 1:
            return first
        others = [node for node in range(size) if node != first]
        second = others[int(self._uniform(PICK, request, 1) * (size - 1))]
        return second if counts[second] < counts[first] else first

    def _arrive(self, request: int, now: float) -> None:
        case = self.case
        dispatcher = self._dispatcher(request)
        ordinal = self._pick(request, dispatcher)
        node = self.nodes[ordinal]
        row = NaiveRow(now, ordinal)
        self.rows.append(row)
        self._elapse(node, now)
        present, places = len(node.left_s) + len(node.queue), case.agents + case.queue_max
        if present >= places:
            row.status, row.finished_at = "rejected", now
            return
        self.counts[dispatcher][ordinal] += 1
        if case.sharing or len(node.left_s) < case.agents:
            self._start(request, ordinal, now)
        else:
            node.queue.append(request)

    def _start(self, request: int, ordinal: int, now: float) -> None:
        node = self.nodes[ordinal]
        self.rows[request].started_at = now
        node.left_s[request] = self._work_s(request)
        if self.case.sharing:
            self._reschedule(ordinal, now)
        else:
            heappush(self.heap, (now + node.left_s[request] / node.speed, FINISH, request, ordinal, 0))

    def _rate(self, node: NaiveNode) -> float:
        return node.speed * min(1.0, self.case.agents / len(node.left_s))

    def _elapse(self, node: NaiveNode, now: float) -> None:
        """Take off what was served since the node's last event."""
        node.present_s += (len(node.left_s) + len(node.queue)) * (now - node.since)
        if self.case.sharing and node.left_s:
            served_s = self._rate(node) * (now - node.since)
            node.left_s = {request: left_s - served_s for request, left_s in node.left_s.items()}
        node.since = now

    def _reschedule(self, ordinal: int, now: float) -> None:
        node = self.nodes[ordinal]
        node.version += 1
        if node.left_s:
            left_s, request = min((left_s, request) for request, left_s in node.left_s.items())
            heappush(self.heap, (now + max(left_s, 0.0) / self._rate(node), FINISH, request, ordinal, node.version))

    def _finish(self, request: int, ordinal: int, now: float) -> None:
        node, row = self.nodes[ordinal], self.rows[request]
        self._elapse(node, now)
        del node.left_s[request]
        row.status, row.finished_at = "ok", now
        self.counts[self._dispatcher(request)][ordinal] -= 1
        if self.case.sharing:
            self._reschedule(ordinal, now)
        elif node.queue:
            self._start(node.queue.pop(0), ordinal, now)


def naive_run(case: NaiveCase) -> NaiveFleet:
    """Run a case; rows are in order of arrival, which is the order of requests."""
    fleet = NaiveFleet(case)
    fleet.run()
    return fleet
