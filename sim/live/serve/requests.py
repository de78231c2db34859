"""The way of a request, live: admission, pick, attempts with backoff and budget, deadline; the gateway's `TaskRunner`.

The rules are the same objects as in a simulated run, and so are the picks: draws of (seed, request ordinal, attempt).
A request that finds nothing to pick waits at the balancer, `queue_max` of them at most. Whose node's connection broke
is sent on at once, as in a run, `MOVES_MAX` times; what must not run twice is tried again only where it was refused.
Raises `FleetError` with the reason of the last attempt.
"""

from __future__ import annotations

from typing import Any

from sim.contracts import Draws, Runtime
from sim.errors import FleetError
from sim.integration.gateway.ports import TaskOrder
from sim.live.serve.attempts import AttemptFailed, Attempts, Sent
from sim.live.serve.waiting import Line, Waiter
from sim.runtime.draws import ADMISSION, BACKOFF, DISPATCHER, IDLE_TOKEN, PICK
from sim.scalability.balancer.balancer import Balancer
from sim.types.records import REJECTED, SHED, STATUSES
from sim.world.seam import RequestRules

MOVES_MAX = 10  # of one request from nodes that were lost


class LiveRequests:
    """Over one balancer; `types` are the fleet's, in order."""

    def __init__(
        self, runtime: Runtime, draws: Draws, balancer: Balancer, attempts: Attempts, rules: RequestRules,
        types: tuple[str, ...], queue_max: int, probe: Any = None,
    ) -> None:  # fmt: skip
        self.runtime, self.draws, self.balancer, self.attempts = runtime, draws, balancer, attempts
        self.rules, self.types, self.queue_max, self._probe = rules, types, queue_max, probe
        self.line = Line(self._dispatch_waiter, self._give_back)
        self.arrivals_count = self.in_system = self.retries_count = 0
        self.ended_counts = dict.fromkeys(STATUSES, 0)
        self.picks: list[tuple[int, str]] | None = None  # (ordinal, node) of first picks, where somebody asks for them

    async def run(self, order: TaskOrder) -> dict[str, Any]:
        """The answer, with the node that gave it; raises `FleetError`."""
        rules, now = self.rules, self.runtime.now()
        view = self._view(order.agent_type)
        self.arrivals_count += 1
        if rules.admission is not None:
            draw = self.draws.uniform(ADMISSION, order.ordinal)
            if not rules.admission.admit(0, self.in_system, draw, now):
                self.ended_counts[STATUSES[SHED]] += 1
                raise FleetError("shed: too much is under way")
        self.in_system += 1
        ok, status = False, "failed"
        try:
            answer = await self._within(order, view)
            ok, status = True, "ok"
            return answer
        except AttemptFailed as error:
            status = STATUSES[error.status]
            raise FleetError(str(error)) from None
        except TimeoutError:
            status = "timed_out"
            raise FleetError(f"timed_out: no answer within deadline_s={rules.deadline_s:g}") from None
        finally:
            self.in_system -= 1
            self.ended_counts[status] += 1
            if rules.admission is not None and rules.admission.learns:
                rules.admission.ended(ok, self.runtime.now())
            self._poke()

    async def _within(self, order: TaskOrder, view: int) -> dict[str, Any]:
        if self.rules.deadline_s is None:
            return await self._tries(order, view)
        async with self.runtime.timeout(self.rules.deadline_s):
            return await self._tries(order, view)

    async def _tries(self, order: TaskOrder, view: int) -> dict[str, Any]:
        """Attempts until one is answered; raises `AttemptFailed`, the last one's."""
        rules, started_at = self.rules, self.runtime.now()
        attempt = moves = 0
        is_retry = False
        if rules.budget.counts_fresh:
            rules.budget.fresh()
        while True:
            try:
                return await self._try(order, view, attempt)
            except AttemptFailed as error:
                if not order.idempotent and error.status != REJECTED:
                    raise
                if error.broke and moves < MOVES_MAX:
                    attempt, moves = attempt + 1, moves + 1
                    continue
                wait_s = self._wait_before_retry(order, attempt - moves + 1, attempt + 1, started_at)
                if wait_s is None:
                    raise
                attempt += 1
            finally:
                if is_retry:
                    rules.budget.ended()
                is_retry = False
            await self._backoff(wait_s)
            is_retry = True

    def _wait_before_retry(self, order: TaskOrder, retry: int, attempt: int, started_at: float) -> float | None:
        """The backoff of a retry that may be, counted as one from now on; None where none may be."""
        rules = self.rules
        if retry >= rules.attempts_max:
            return None
        wait_s = rules.backoff_s(retry, self.draws.uniform(BACKOFF, order.ordinal, attempt))
        late_at = float("inf") if rules.deadline_s is None else started_at + rules.deadline_s
        if self.runtime.now() + wait_s >= late_at or not rules.budget.take(self.in_system):
            return None
        self.retries_count += 1
        return wait_s

    async def _backoff(self, wait_s: float) -> None:
        try:
            await self.runtime.sleep(wait_s)
        except BaseException:
            self.rules.budget.ended()
            raise

    async def _try(self, order: TaskOrder, view: int, attempt: int) -> dict[str, Any]:
        balancer, ordinal, now = self.balancer, order.ordinal, self.runtime.now()
        picks = [self.draws.uniform(PICK, ordinal, attempt, index) for index in range(balancer.draws_count)]
        count = balancer.dispatchers_count
        dispatcher = int(self.draws.uniform(DISPATCHER, ordinal) * count) if count > 1 else 0
        key = ordinal if order.key is None else order.key
        slot = balancer.dispatch(dispatcher, view, picks, key, now)
        if slot < 0:
            if self.line.count >= self.queue_max:
                raise AttemptFailed(REJECTED, f"{self.line.count} requests wait at the balancer")
            self._poke()
            slot = await self.line.wait(dispatcher, view, key, picks)
        if self.picks is not None and not attempt:
            self.picks.append((ordinal, balancer.slots[slot][0]))
        draw = self.draws.uniform(IDLE_TOKEN, ordinal, attempt) if balancer.needs_completion_draw else 0.0
        sent = Sent(dispatcher, slot, balancer.generation[slot], draw)
        if self._probe is not None and balancer.probes_count:
            self._probe(ordinal, attempt, dispatcher, view)
        try:
            return await self.attempts.run(sent, order.input, self.rules.attempt_timeout_s)
        finally:
            self.line.pull()

    def _view(self, agent_type: str | None) -> int:
        """The balancer's view of a type; the last one holds all. Raises `FleetError`."""
        if agent_type is None:
            return self.balancer.views_count - 1
        if agent_type not in self.types:
            raise FleetError(f"type {agent_type!r}: accepted is one of {', '.join(self.types)}")
        return self.types.index(agent_type)

    def _dispatch_waiter(self, waiter: Waiter) -> int:
        now = self.runtime.now()
        return self.balancer.dispatch(waiter.dispatcher, waiter.view, waiter.picks, waiter.key, now)

    def _give_back(self, waiter: Waiter, slot: int) -> None:
        self.balancer.refused(waiter.dispatcher, slot, self.balancer.generation[slot], self.runtime.now())

    def _poke(self) -> None:
        if self.rules.on_demand is not None:
            self.rules.on_demand()

    def counts(self) -> dict[str, int]:
        """What became of requests so far, for status pages."""
        waiting = {"in_system": self.in_system, "waiting": self.line.count, "retries": self.retries_count}
        return {"arrivals": self.arrivals_count, **waiting, **self.ended_counts}
