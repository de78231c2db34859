"""Retry budgets to the token, and the window that a backoff is drawn from."""

from __future__ import annotations

import pytest

from sim.scalability.requests.backoff import DOUBLINGS_MAX, backoff_s
from sim.scalability.requests.budget import RetryBudget
from sim.scalability.requests.params import RetryParams


def fresh_budget(ratio: float = 0.25, depth: int = 2) -> RetryBudget:
    return RetryBudget(RetryParams(attempts_max=2, budget_ratio=ratio, budget_of="fresh", budget_depth=depth))


def test_without_a_budget_every_retry_is_allowed_and_counted() -> None:
    budget = RetryBudget(RetryParams(attempts_max=2))
    assert not budget.counts_fresh
    assert [budget.take(0) for _ in range(50)] == [True] * 50
    assert (budget.retries, budget.taken_count, budget.denied_count) == (50, 50, 0)
    budget.ended()
    assert budget.retries == 49


def test_of_fresh_requests_it_starts_full_and_four_requests_buy_one_retry() -> None:
    budget = fresh_budget()
    assert budget.counts_fresh
    assert [budget.take(1_000) for _ in range(3)] == [True, True, False]  # depth 2, whatever is active
    taken = []
    for _ in range(12):
        budget.fresh()
        taken.append(budget.take(1))
    assert taken == [False, False, False, True] * 3  # .25 is exact in binary
    assert (budget.taken_count, budget.denied_count) == (5, 10)


def test_of_fresh_requests_at_most_depth_tokens_are_saved_up() -> None:
    budget = fresh_budget()
    for _ in range(100):
        budget.fresh()
    assert [budget.take(1) for _ in range(3)] == [True, True, False]
    for _ in range(7):
        budget.fresh()  # 1.75 tokens
    assert [budget.take(1) for _ in range(2)] == [True, False]
    budget.fresh()  # .75 + .25
    assert budget.take(1)


def test_of_fresh_requests_a_retry_that_ends_gives_no_token_back() -> None:
    budget = fresh_budget(depth=1)
    assert budget.take(1)
    budget.ended()
    assert not budget.take(1)


def test_without_depth_no_retry_is_ever_allowed() -> None:
    budget = fresh_budget(ratio=1.0, depth=0)
    budget.fresh()
    assert not budget.take(1)


def test_of_active_requests_depth_is_always_allowed_and_then_the_ratio_counts() -> None:
    budget = RetryBudget(RetryParams(attempts_max=2, budget_ratio=0.2, budget_of="active", budget_depth=3))
    assert not budget.counts_fresh
    assert [budget.take(5) for _ in range(4)] == [True, True, True, False]  # 3 > .2 x 5
    assert [budget.take(20) for _ in range(2)] == [True, False]  # .2 x 20 = 4
    assert [budget.take(21) for _ in range(2)] == [True, False]  # 4 < 4.2
    budget.ended()
    budget.ended()
    assert budget.retries == 3
    assert not budget.take(15)
    assert budget.take(16)
    assert (budget.taken_count, budget.denied_count) == (6, 4)


@pytest.mark.parametrize(
    ("retry", "longest_s"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 7.0), (6, 7.0), (2_000, 7.0)]
)
def test_a_backoff_is_uniform_up_to_a_window_that_doubles_until_its_maximum(retry: int, longest_s: float) -> None:
    assert backoff_s(retry, 0.5, 7.0, 0.25) == 0.25 * longest_s
    assert backoff_s(retry, 0.5, 7.0, 0.999) == 0.999 * longest_s


def test_a_backoff_stops_doubling() -> None:
    widest = backoff_s(DOUBLINGS_MAX + 1, 1.0, 1e300, 0.5)
    assert widest == 0.5 * 2.0**DOUBLINGS_MAX
    assert backoff_s(DOUBLINGS_MAX + 2, 1.0, 1e300, 0.5) == widest


def test_without_a_base_retries_do_not_wait() -> None:
    assert backoff_s(7, 0.0, 10.0, 0.9) == 0.0
