"""Retry budgets: retries may add only so much load, so that an outage does not feed itself.

- `fresh`: a token bucket. Every first attempt puts `ratio` tokens in, a retry takes one, at most `depth` are kept, and
  it starts full (Finagle's RetryBudget; gRPC's throttling, proposal A6). Retries are at most `ratio` of fresh load.
- `active`: retries under way may be at most `ratio` of the requests under way, `depth` of them always (Envoy's
  retry_budget: 20 % and 3). Retries are then at most ratio / (1 - ratio) of fresh load.
Without a budget every retry is allowed. Counts of attempts.
"""

from __future__ import annotations

from sim.scalability.requests.params import RetryParams


class RetryBudget:
    """`fresh()` at a first attempt, `take()` before a retry, `ended()` when that retry has ended."""

    __slots__ = ("_depth", "_of_active", "_ratio", "_tokens", "denied_count", "retries", "taken_count")

    def __init__(self, params: RetryParams) -> None:
        self._ratio = params.budget_ratio
        self._of_active = params.budget_of == "active"
        self._depth = float(params.budget_depth)
        self._tokens = self._depth
        self.retries = 0  # under way, waiting for their backoff included
        self.taken_count = self.denied_count = 0

    @property
    def counts_fresh(self) -> bool:
        """Whether `fresh` must be called."""
        return self._ratio is not None and not self._of_active

    def fresh(self) -> None:
        """A first attempt."""
        tokens = self._tokens + self._ratio  # type: ignore[operator] # counts_fresh says that it is there
        self._tokens = tokens if tokens < self._depth else self._depth

    def take(self, active: int) -> bool:
        """May one more retry begin, with `active` requests under way?"""
        if self._ratio is not None:
            if self._of_active:
                allowed = self.retries < max(self._depth, self._ratio * active)
            else:
                allowed = self._tokens >= 1.0
                if allowed:
                    self._tokens -= 1.0
            if not allowed:
                self.denied_count += 1
                return False
        self.retries += 1
        self.taken_count += 1
        return True

    def ended(self) -> None:
        """A retry ended, whichever way."""
        self.retries -= 1
