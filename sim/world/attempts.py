"""Requests with several attempts, and what chance decides for an attempt (all keyed by request and attempt)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.contracts import ArrivalChunk, Draws, ServiceLaw, TokenLaw
from sim.runtime.draws import BACKOFF, FAULT_ERROR, PICK, PROBE
from sim.runtime.environment import OrderedEnvironment
from sim.runtime.order import FAULT
from sim.world.columns import Columns
from sim.world.fragile import Fragile


class Several:
    """A request that has, had or will have more than one attempt; it ends with the request."""

    __slots__ = ("attempts", "hedges", "last_row", "open_rows", "pending", "retries", "retry_rows", "root")

    def __init__(self, root: int, is_open: bool) -> None:
        self.root = self.last_row = root
        self.attempts = 1  # so far; the number of the next one
        self.open_rows = [root] if is_open else []
        self.retry_rows: list[int] = []  # open rows that a budget counts
        self.retries = self.hedges = 0
        self.pending = False  # a retry waits for its backoff

    def add(self, row: int) -> None:
        """A further attempt."""
        self.attempts += 1
        self.last_row = row
        self.open_rows.append(row)

    def forget(self, row: int) -> bool:
        """An attempt is not open any more; whether it was a retry."""
        self.open_rows.remove(row)
        if row in self.retry_rows:
            self.retry_rows.remove(row)
            return True
        return False


class Chances:
    """Draws of attempts; `any` is set while some fault may strike an attempt that is served."""

    def __init__(self, env: OrderedEnvironment, draws: Draws, columns: Columns, restart_s: float = 0.0) -> None:
        self.env, self.draws, self.columns, self.restart_s = env, draws, columns, restart_s
        self.any = False
        self.poisonous: set[int] = set()  # requests that kill the agent that serves them; only ever looked up
        self.deaths_count = self.errors_count = 0

    def strikes(self, row: int, pool: Fragile, now: float) -> bool:
        """Whether an attempt that was served fails all the same."""
        if self.columns.request[row] in self.poisonous:
            return True
        if pool.error_prob and self._uniform(FAULT_ERROR, row) < pool.error_prob:
            self.errors_count += 1
            return True
        return False

    def served(self, row: int, pool: Fragile, now: float) -> None:
        """A poisonous request kills the agent that served it, before that takes the next one."""
        if self.columns.request[row] in self.poisonous and pool.lose_agent(now):
            self.deaths_count += 1
            death = (pool, pool.crashes_count)
            self.env.call_at(now + self.restart_s, FAULT, self.columns.key_of(row), self._regain, death)

    def _regain(self, death: tuple[Fragile, int]) -> None:
        pool, crashes_count = death
        if pool.crashes_count == crashes_count:  # else the whole machine has started again since
            pool.regain_agent(self.env.now)

    def _uniform(self, purpose: int, row: int) -> float:
        return self.draws.uniform(purpose, self.columns.request[row], self.columns.attempt[row])

    def backoff(self, root: int, attempt: int) -> float:
        """The jitter before attempt `attempt` of a request."""
        return self.draws.uniform(BACKOFF, self.columns.request[root], attempt)

    def picks(self, root: int, attempt: int, width: int) -> list[float]:
        """The uniforms of the pick of a further attempt."""
        return self._list(PICK, root, attempt, width)

    def probes(self, root: int, attempt: int, width: int) -> list[float]:
        """The uniforms of its probes."""
        return self._list(PROBE, root, attempt, width)

    def _list(self, purpose: int, root: int, attempt: int, width: int) -> list[float]:
        if not width:
            return []
        entity = np.array([self.columns.request[root]], dtype=np.uint64)
        found: list[float] = self.draws.uniforms_of(purpose, entity, width, attempt)[0].tolist()
        return found


class AttemptDraws:
    """Draws of attempt number `attempt` for laws that draw per request: a size drawn anew."""

    def __init__(self, draws: Draws, attempt: int) -> None:
        self._draws, self._attempt = draws, attempt

    def uniforms(self, purpose: int, first: int, count: int, width: int = 1, attempt: int = 0) -> NDArray[np.float64]:
        """As `Draws`."""
        return self._draws.uniforms(purpose, first, count, width, self._attempt)

    def uniforms_of(
        self, purpose: int, entities: NDArray[np.uint64], width: int = 1, attempt: int = 0
    ) -> NDArray[np.float64]:
        """As `Draws`."""
        return self._draws.uniforms_of(purpose, entities, width, self._attempt)

    def uniform(self, purpose: int, entity: int, attempt: int = 0, index: int = 0) -> float:
        """As `Draws`."""
        return self._draws.uniform(purpose, entity, self._attempt, index)


def redraw(columns: Columns, row: int, service: ServiceLaw | TokenLaw, draws: Draws) -> None:
    """`service.per_attempt=redraw`: a further attempt has a demand of its own."""
    own: Any = AttemptDraws(draws, columns.attempt[row])
    entity = np.array([columns.request[row]], dtype=np.uint64)
    nothing: ArrivalChunk | None = None
    if columns.tokens:
        prompt, output = service.tokens(own, entity, nothing)  # type: ignore[union-attr]
        columns.prompt_tokens[row], columns.output_tokens[row] = prompt[0], output[0]
    else:
        columns.work_s[row] = service.work_s(own, entity, nothing)[0]  # type: ignore[union-attr]
