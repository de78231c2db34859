"""Retry budgets: retries may add only so much load, so that an outage does not feed itself.

- `fresh`: a token bucket. Every first attempt puts `ratio` tokens in, a retry takes one, at most `depth` are kept, and
  it starts full (Finagle's RetryBudget; gRPC's throttling, proposal A6). Retries are at most `ratio` of fresh load.
- `active`: retries under way may be at most `ratio` of the requests under way, `depth` of them always (Envoy's
  retry_budget: 20 % and 3). Retries are then at most ratio / (1 - ratio) of fresh load.
Without a budget every retry is allowed. Counts of attempts. The rules are plain functions over `BudgetState`, so that a
compiled engine runs the same ones; what changes stands in its arrays.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import partial

from sim.scalability.requests.params import RetryParams

RETRIES, TAKEN, DENIED = range(3)


class BudgetState:
    """`tokens` (1,); `counts` (3,): retries under way (waiting for their backoff included), taken and denied so far."""

    __slots__ = ("counts", "depth", "is_limited", "of_active", "ratio", "tokens")

    def __init__(self, params: RetryParams) -> None:
        self.is_limited = params.budget_ratio is not None
        self.ratio = 0.0 if params.budget_ratio is None else float(params.budget_ratio)
        self.of_active = params.budget_of == "active"
        self.depth = float(params.budget_depth)
        self.tokens = array("d", [self.depth])
        self.counts = array("q", [0, 0, 0])


def budget_fresh(state: BudgetState) -> None:
    """A first attempt, where `of_active` is not set and there is a limit."""
    tokens = state.tokens[0] + state.ratio
    state.tokens[0] = tokens if tokens < state.depth else state.depth


def fresh_of(state: BudgetState) -> Callable[[], None]:
    """`budget_fresh` with cells for attributes: every first attempt passes there."""
    tokens, ratio, depth = state.tokens, state.ratio, state.depth

    def fresh() -> None:
        more = tokens[0] + ratio
        tokens[0] = more if more < depth else depth

    return fresh


def budget_take(state: BudgetState, active: int) -> bool:
    """May one more retry begin, with `active` requests under way?"""
    counts = state.counts
    if state.is_limited:
        if state.of_active:
            allowed = counts[RETRIES] < max(state.depth, state.ratio * active)
        else:
            allowed = state.tokens[0] >= 1.0
            if allowed:
                state.tokens[0] -= 1.0
        if not allowed:
            counts[DENIED] += 1
            return False
    counts[RETRIES] += 1
    counts[TAKEN] += 1
    return True


def budget_ended(state: BudgetState) -> None:
    """A retry ended, whichever way."""
    state.counts[RETRIES] -= 1


class RetryBudget:
    """`fresh()` at a first attempt, `take(active)` before a retry, `ended()` when that retry has ended."""

    __slots__ = ("ended", "fresh", "state", "take")

    def __init__(self, params: RetryParams) -> None:
        self.state = BudgetState(params)
        self.fresh = fresh_of(self.state)
        self.take = partial(budget_take, self.state)
        self.ended = partial(budget_ended, self.state)

    @property
    def counts_fresh(self) -> bool:
        """Whether `fresh` must be called."""
        return self.state.is_limited and not self.state.of_active

    @property
    def retries(self) -> int:
        """Under way, waiting for their backoff included."""
        return self.state.counts[RETRIES]

    @property
    def taken_count(self) -> int:
        """Retries that were allowed so far."""
        return self.state.counts[TAKEN]

    @property
    def denied_count(self) -> int:
        """Retries that were not."""
        return self.state.counts[DENIED]
