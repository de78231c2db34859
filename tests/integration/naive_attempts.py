"""A third engine for attempts, naive on purpose: one heap, plain lists, timers that are simply armed and looked at.

It shares nothing with the simulator but the draws (seed, purpose, request, attempt). First-in first-out nodes that
crash and pause on a schedule; one dispatcher that takes turns or the better of two; attempts that time out, are tried
again and end with their request. At one instant: faults, finishes, timeouts, deadlines, retries, arrivals; seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from sim.runtime.draws import ARRIVAL_GAP, BACKOFF, PICK, SERVICE_REQUEST, CounterDraws
from tests.integration.attempt_cases import AttemptCase

FAULT, FINISH, TIMEOUT, DEADLINE, PULL, RETRY, ARRIVAL = range(7)
NAN = float("nan")
CRASH, PAUSE = 0, 2  # the order of faults at one instant


@dataclass
class NaiveAttempt:
    """One try; `here` while the node holds it."""

    request: int
    number: int
    arrived_at: float
    work_s: float
    node: int = -1
    status: str = "open"
    started_at: float = NAN
    finished_at: float = NAN
    here: bool = False
    left_s: float = NAN  # work left when its node paused
    finish: int = 0  # serial of the finish that counts


@dataclass
class NaiveRequest:
    """What a request has come to."""

    arrived_at: float
    attempts: list[NaiveAttempt] = field(default_factory=list)
    retries: int = 0
    pending: bool = False
    over: bool = False


@dataclass
class NaiveMachine:
    """A node; `waiting` in order of arrival."""

    down: bool = False
    paused: bool = False
    serving: list[NaiveAttempt] = field(default_factory=list)
    waiting: list[NaiveAttempt] = field(default_factory=list)
    count: int = 0  # attempts that the balancer waits for


class NaiveAttempts:
    """The whole run of one case."""

    def __init__(self, case: AttemptCase) -> None:
        self.case, self.draws = case, CounterDraws(case.seed, 0)
        self.requests: list[NaiveRequest] = []
        self.machines = [NaiveMachine() for _ in range(case.nodes)]
        self.central: list[NaiveAttempt] = []
        self.heap: list[tuple[float, int, int, int, Callable[[Any], None], Any]] = []
        self.serial = 0
        self.now, self.unit_sum = 0.0, 0.0
        self.tokens = float(case.budget_depth)
        self.turn = -1  # node of the last turn

    def run(self) -> list[NaiveAttempt]:
        """Everything; the attempts by (request, number)."""
        case, stop_at = self.case, self.case.horizon_s + self.case.drain_s
        plans = ((CRASH, case.crashes, case.crash_s, case.crash_nodes, self._crash, self._restore),
                 (PAUSE, case.pauses, case.pause_s, case.pause_nodes, self._pause, self._resume))  # fmt: skip
        for code, instants, for_s, nodes, begin, end in plans:
            for at in instants:
                for node in nodes:
                    self._at(at, FAULT, code * 100 + node, begin, node)
                    self._at(at + for_s, FAULT, code * 100 + node, end, node)
        self._plan_arrival(0)
        while self.heap and self.heap[0][0] < stop_at and not self._is_done():
            self.now, _, _, _, call, arg = heappop(self.heap)
            call(arg)
        attempts = [attempt for request in self.requests for attempt in request.attempts]
        for attempt in attempts:
            attempt.status = "truncated" if attempt.status == "open" else attempt.status
        return attempts

    def _is_done(self) -> bool:
        """Nothing more arrives and nobody waits: what nodes still do then is not looked at."""
        return self.heap[0][0] >= self.case.horizon_s and all(request.over for request in self.requests)

    def _at(self, at: float, rank: int, key: int, call: Callable[[Any], None], arg: Any) -> None:
        self.serial += 1
        heappush(self.heap, (at, rank, key, self.serial, call, arg))

    # Requests

    def _plan_arrival(self, number: int) -> None:
        self.unit_sum -= math.log(self.draws.uniform(ARRIVAL_GAP, number))
        at = self.unit_sum / self.case.rate_per_s
        if at < self.case.horizon_s:
            self._at(at, ARRIVAL, number, self._arrive, number)

    def _arrive(self, number: int) -> None:
        case = self.case
        self._plan_arrival(number + 1)
        self.requests.append(NaiveRequest(self.now))
        if case.budget_ratio is not None:
            self.tokens = min(self.tokens + case.budget_ratio, float(case.budget_depth))
        if case.deadline_s is not None:
            self._at(self.now + case.deadline_s, DEADLINE, number, self._deadline, number)
        self._send(self._new_attempt(number))

    def _new_attempt(self, number: int) -> NaiveAttempt:
        request = self.requests[number]
        work_s = -self.case.mean_s * math.log(self.draws.uniform(SERVICE_REQUEST, number))
        attempt = NaiveAttempt(number, len(request.attempts), self.now, work_s)
        request.attempts.append(attempt)
        return attempt

    def _pick(self, attempt: NaiveAttempt) -> int:
        up = [n for n, machine in enumerate(self.machines) if not (self.case.requeue and machine.down)]
        if not up:
            return -1
        if not self.case.power_of_two:
            later = [n for n in up if n > self.turn]
            self.turn = later[0] if later else up[0]
            return self.turn
        first = up[int(self.draws.uniform(PICK, attempt.request, attempt.number, 0) * len(up))]
        others = [n for n in up if n != first]
        if not others:
            return first
        second = others[int(self.draws.uniform(PICK, attempt.request, attempt.number, 1) * len(others))]
        return second if self.machines[second].count < self.machines[first].count else first

    def _send(self, attempt: NaiveAttempt) -> None:
        node = self._pick(attempt)
        if node >= 0:
            self._place(attempt, node)
        elif len(self.central) < self.case.central_max:
            self.central.append(attempt)
        else:
            self._fail(attempt, "rejected")

    def _place(self, attempt: NaiveAttempt, node: int) -> None:
        machine = self.machines[node]
        attempt.node = node
        machine.count += 1
        if self.case.timeout_s is not None:
            key = attempt.request * 1000 + attempt.number
            self._at(self.now + self.case.timeout_s, TIMEOUT, key, self._time_out, attempt)
        if machine.down:
            return
        if not machine.paused and len(machine.serving) < self.case.agents:
            attempt.here = True
            self._start(attempt)
        elif len(machine.waiting) < self.case.queue_max:
            attempt.here = True
            machine.waiting.append(attempt)
        else:
            self._fail(attempt, "rejected")

    def _time_out(self, attempt: NaiveAttempt) -> None:
        if attempt.status == "open":
            self._fail(attempt, "timed_out")

    def _deadline(self, number: int) -> None:
        request = self.requests[number]
        if request.over:
            return
        request.over, request.pending = True, False
        for attempt in request.attempts:
            if attempt.status == "open":
                self._give_up(attempt, "timed_out")

    def _give_up(self, attempt: NaiveAttempt, status: str) -> None:
        attempt.status, attempt.finished_at = status, self.now
        if attempt.node < 0:
            self.central.remove(attempt)
            return
        self.machines[attempt.node].count -= 1
        if self.case.propagation == "kill" and attempt.here:
            self._take_out(attempt)
            self._fill(attempt.node)

    def _fail(self, attempt: NaiveAttempt, status: str) -> None:
        if attempt in self.central or attempt.node >= 0:
            self._give_up(attempt, status)
        else:
            attempt.status, attempt.finished_at = status, self.now
        case, request = self.case, self.requests[attempt.request]
        retry = request.retries + 1
        request.over = True
        if retry >= case.attempts_max:
            return
        number = len(request.attempts)
        longest_s = min(case.backoff_max_s, case.backoff_s * 2 ** (retry - 1))
        at = self.now + self.draws.uniform(BACKOFF, attempt.request, number) * longest_s
        if case.deadline_s is not None and at >= request.arrived_at + case.deadline_s:
            return
        if case.budget_ratio is not None:
            if self.tokens < 1.0:
                return
            self.tokens -= 1.0
        request.retries, request.pending, request.over = retry, True, False
        self._at(at, RETRY, attempt.request * 1000 + number, self._retry, attempt.request)

    def _retry(self, number: int) -> None:
        request = self.requests[number]
        if request.pending:
            request.pending = False
            self._send(self._new_attempt(number))

    # Nodes

    def _start(self, attempt: NaiveAttempt) -> None:
        attempt.started_at = self.now
        self.machines[attempt.node].serving.append(attempt)
        self._plan_finish(attempt, attempt.work_s)

    def _plan_finish(self, attempt: NaiveAttempt, left_s: float) -> None:
        attempt.finish += 1
        attempt.left_s = self.now + left_s  # while it runs: the instant
        key = attempt.request * 1000 + attempt.number
        self._at(self.now + left_s, FINISH, key, self._finish, (attempt, attempt.finish))

    def _finish(self, due: tuple[NaiveAttempt, int]) -> None:
        attempt, serial = due
        if serial != attempt.finish:
            return
        self._take_out(attempt)
        self._fill(attempt.node)
        if attempt.status == "open":
            attempt.status, attempt.finished_at = "ok", self.now
            self.machines[attempt.node].count -= 1
            self.requests[attempt.request].over = True

    def _take_out(self, attempt: NaiveAttempt) -> None:
        machine = self.machines[attempt.node]
        attempt.finish += 1
        attempt.here = False
        (machine.serving if attempt in machine.serving else machine.waiting).remove(attempt)

    def _fill(self, node: int) -> None:
        machine = self.machines[node]
        while not (machine.paused or machine.down) and machine.waiting and len(machine.serving) < self.case.agents:
            attempt = machine.waiting.pop(0)
            if self.case.propagation != "none" and attempt.status != "open":
                attempt.here = False
            else:
                self._start(attempt)

    def _crash(self, node: int) -> None:
        machine = self.machines[node]
        machine.down = True
        lost = sorted((*machine.serving, *machine.waiting), key=lambda one: (one.request, one.number))
        for attempt in lost:
            self._take_out(attempt)
        for attempt in lost if self.case.requeue else ():
            if attempt.status == "open":
                self._give_up(attempt, "failed")
                self._send(self._new_attempt(attempt.request))

    def _restore(self, node: int) -> None:
        self.machines[node].down = False
        self._at(self.now, PULL, 0, self._pull, None)

    def _pull(self, _: None) -> None:
        while self.central and (node := self._pick(self.central[0])) >= 0:
            self._place(self.central.pop(0), node)

    def _pause(self, node: int) -> None:
        machine = self.machines[node]
        machine.paused = True
        for attempt in machine.serving:
            attempt.finish += 1
            attempt.left_s -= self.now

    def _resume(self, node: int) -> None:
        machine = self.machines[node]
        machine.paused = False
        for attempt in machine.serving:
            self._plan_finish(attempt, attempt.left_s)
        self._fill(node)
