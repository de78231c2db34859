"""Laws of the limiter: the bound in every window, two independent oracles, memory, clocks, and who obeys gets in."""

from __future__ import annotations

import time
from bisect import bisect_left
from fractions import Fraction
from typing import Any

import limits
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from sim.integration.gateway.limiter import Gcra, Verdict, take_all

YEARS_S = 10.0 * 365.25 * 86_400.0
NS = 10**9


def ns(at: float) -> int:
    """The limiter's clock: whole nanoseconds."""
    return int(at * NS)


GAPS = st.lists(
    st.one_of(
        st.just(0.0),
        st.floats(0.0, 5.0),
        st.floats(0.0, 120.0),
        st.sampled_from([0.1, 1.0, 60.0, 1e6]),
    ),
    min_size=1,
    max_size=80,
)
RATES = st.tuples(st.integers(1, 12), st.sampled_from([0.5, 1.0, 7.0, 60.0]), st.integers(1, 12))


class SlidingLog:
    """The textbook's bucket in exact arithmetic, from the whole history: no state but the instants let in."""

    def __init__(self, limit: int, period_s: float, burst: int) -> None:
        self.interval, self.burst = Fraction(round(period_s * NS), limit), burst
        self.taken: list[int] = []

    def take(self, at: int) -> bool:
        full_at = Fraction(0)  # when the bucket is full again
        for instant in self.taken:
            full_at = max(full_at, Fraction(instant)) + self.interval
        if full_at - (self.burst - 1) * self.interval > at:
            return False
        self.taken.append(at)
        return True


@given(GAPS, RATES)
@example([0.0] * 30, (3, 1.0, 5))
def test_it_decides_as_a_bucket_that_remembers_everything(gaps: list[float], rate: tuple[int, float, int]) -> None:
    limit, period_s, burst = rate
    gcra, oracle = Gcra("key", limit, period_s, burst, 10), SlidingLog(limit, period_s, burst)
    now = 0.0
    for gap in gaps:
        now += gap
        assert gcra.take("a", now).allowed == oracle.take(ns(now)), now


@given(GAPS, RATES, st.floats(0.0, YEARS_S))
def test_no_window_holds_more_than_burst_and_rate(
    gaps: list[float], rate: tuple[int, float, int], begun_at: float
) -> None:
    """In every window of length t at most burst + rate t, at any time within ten years."""
    limit, period_s, burst = rate
    gcra = Gcra("key", limit, period_s, burst, 10)
    now, taken = begun_at, []
    for gap in gaps:
        now += gap
        if gcra.take("a", now).allowed:
            taken.append(ns(now))
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            span = taken[last] - taken[first]
            assert last - first + 1 <= burst + Fraction(span * limit, round(period_s * NS))


def test_ten_years_do_not_drift() -> None:
    """Who asks as soon as it may, for ten years, gets the full bucket and then exactly the rate; no request is lost."""
    limit, period_s, burst = 7, 86_400.0, 3
    gcra, interval = Gcra("key", limit, period_s, burst, 10), Fraction(round(period_s * NS), limit)
    now, count = 0.0, 0
    while now < YEARS_S:
        verdict = gcra.take("a", now)
        count += verdict.allowed
        assert verdict.allowed or verdict.retry_s < float(interval) / NS + 1e-6
        now = now if verdict.allowed else now + verdict.retry_s + 1e-7  # two steps of a float at ten years
    assert count == burst + ns(YEARS_S) // interval
    assert count == 25_567 + burst


class Clock:
    """The wall clock of the `limits` library, in our hands."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000_000.0
        monkeypatch.setattr(time, "time", lambda: self.now)


@pytest.mark.parametrize("limit", [1, 3, 20])
def test_it_lets_in_no_more_than_twice_a_moving_window_and_never_what_that_needs_less(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`limits`' moving window of the same rate: a client below its rate is let in by both, a flood by both as often.

    GCRA with burst = limit may let in 2 limit - 1 more in one window (burst + rate t), never more.
    """
    clock = Clock(monkeypatch)
    oracle: Any = MovingWindowRateLimiter(MemoryStorage())
    item = limits.RateLimitItemPerSecond(limit, 10)
    gcra = Gcra("key", limit, 10.0, limit, 10)
    ours, theirs = [], []
    for _ in range(3_000):  # a flood: a request every 50 ms, 150 s long
        at = clock.now - 1_000_000.0
        if gcra.take("a", at).allowed:
            ours.append(at)
        if oracle.hit(item, "a"):
            theirs.append(at)
        clock.now += 0.05
    assert max(bisect_left(ours, at + 10.0) - index for index, at in enumerate(ours)) <= 2 * limit
    assert max(bisect_left(theirs, at + 10.0) - index for index, at in enumerate(theirs)) <= limit
    assert abs(len(ours) - len(theirs) - limit) <= limit  # the full bucket at the start, and one window's end
    clock.now += 1_000.0
    for _ in range(200):  # a little below the rate: nobody is refused by either
        clock.now += 10.0 / limit + 1e-3
        assert gcra.take("a", clock.now - 1_000_000.0).allowed
        assert oracle.hit(item, "a")


@given(GAPS, RATES)
def test_who_obeys_retry_after_is_let_in(gaps: list[float], rate: tuple[int, float, int]) -> None:
    limit, period_s, burst = rate
    gcra = Gcra("key", limit, period_s, burst, 10)
    now = 0.0
    for gap in gaps:
        now += gap
        verdict = gcra.take("a", now)
        if not verdict.allowed:
            assert verdict.retry_s > 0.0
            assert not gcra.take("a", now + 0.99 * verdict.retry_s - 2e-9).allowed
            now += verdict.retry_s + 2e-9  # its clock ticks in nanoseconds
            assert gcra.take("a", now).allowed


@given(GAPS, RATES)
def test_what_is_left_is_what_could_be_taken_at_once(gaps: list[float], rate: tuple[int, float, int]) -> None:
    limit, period_s, burst = rate
    gcra = Gcra("key", limit, period_s, burst, 10)
    now = 0.0
    for gap in gaps:
        now += gap
        verdict = gcra.take("a", now)
    more = 0
    while gcra.take("a", now).allowed:
        more += 1
    assert more == verdict.remaining_count


def test_a_clock_that_jumps_back_refills_nothing() -> None:
    gcra = Gcra("key", 2, 1.0, 2, 10)
    assert [gcra.take("a", 100.0).allowed for _ in range(3)] == [True, True, False]
    assert not any(gcra.take("a", at).allowed for at in (99.0, 0.0, 50.0, 100.0, 100.4))
    assert gcra.take("a", 100.5).allowed


def test_a_clock_that_jumps_back_over_the_time_to_forget_refills_nothing() -> None:
    gcra = Gcra("key", 2, 1.0, 2, 10)
    assert gcra.take("a", 1.0).allowed  # past the first instant at which keys are forgotten
    assert gcra.take("a", 0.0).reset_s == pytest.approx(1.0)  # counted from 1.0: twice half a second
    assert not gcra.take("a", 0.0).allowed
    assert gcra.take("b", 0.0).reset_s == pytest.approx(0.5)


def test_keys_without_effect_are_forgotten_after_one_span_or_two() -> None:
    gcra = Gcra("key", 2, 1.0, 2, 100)  # a span is a second
    for number in range(5):
        gcra.take(number, 0.1 * number)
    assert len(gcra) == 5
    gcra.take("next span", 1.2)
    assert len(gcra) == 6  # the five are old, and some may still count
    gcra.take(4, 1.3)
    assert len(gcra) == 6  # an old key that comes again is young, and counted once
    gcra.take("the one after", 2.3)
    assert len(gcra) == 3  # the four that nobody asked for again are gone
    gcra.take("much later", 9.0)
    assert len(gcra) == 1


def test_a_clock_that_jumps_back_within_a_span_is_counted_from_the_latest() -> None:
    gcra = Gcra("key", 2, 1.0, 4, 10)
    assert gcra.take("a", 0.8).reset_s == pytest.approx(0.5)
    assert gcra.take("a", 0.2).reset_s == pytest.approx(1.0)  # and not 1.6


def test_keys_are_forgotten_at_the_very_end_of_a_span() -> None:
    gcra = Gcra("key", 1, 1.0, 1, 100)
    gcra.take("a", 0.5)
    gcra.take("b", 1.0)
    assert len(gcra) == 2
    gcra.take("c", 2.0)
    assert len(gcra) == 2  # without a
    gcra.take("d", 4.0)
    assert len(gcra) == 1  # a whole further span is over to the tick


def test_a_nanosecond_too_early_is_too_early() -> None:
    one, other = Gcra("key", 1, 1.0, 1, 10), Gcra("key", 1, 1.0, 1, 10)
    early = 0.9999999995  # the clock's last whole nanosecond before the second
    assert ns(early) == NS - 1

    def alone(at: float) -> Verdict:
        return one.take("a", at)

    def together(at: float) -> Verdict:
        return take_all([(other, "a")], at)

    for take in (alone, together):
        first = take(0.0)
        assert (first.allowed, first.retry_s) == (True, 0.0)
        refused = take(early)
        assert (refused.allowed, refused.retry_s) == (False, 1e-9)
        assert take(1.0).allowed


def test_of_buckets_with_as_much_left_the_first_is_told() -> None:
    first, second = Gcra("first", 3, 60.0, 3, 10), Gcra("second", 3, 60.0, 3, 10)
    verdict = take_all([(first, "a"), (second, "a")], 0.0)
    assert (verdict.name, verdict.remaining_count, verdict.retry_s) == ("first", 2, 0.0)


def test_keys_do_not_share_buckets() -> None:
    gcra = Gcra("key", 1, 60.0, 1, 10)
    assert [gcra.take(key, 0.0).allowed for key in ("a", "b", "a", "c", "b")] == [True, True, False, True, False]


def test_keys_for_which_there_is_no_room_share_a_bucket() -> None:
    gcra = Gcra("key", 1, 60.0, 1, 1)
    assert [gcra.take(key, 0.0).allowed for key in ("a", "b", "c")] == [True, True, False]


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0.0, 3.0)), min_size=1, max_size=150))
def test_forgetting_never_grants_more(visits: list[tuple[int, float]]) -> None:
    """With room for three keys of ten, no key is ever let in where a limiter with room for all would refuse."""
    small, large = Gcra("key", 2, 4.0, 3, 3), Gcra("key", 2, 4.0, 3, 100)
    taken: dict[int, list[int]] = {}
    now = 0.0
    for key, gap in visits:
        now += gap
        allowed = small.take(key, now).allowed
        large.take(key, now)
        assert len(small) <= 3
        if allowed:
            taken.setdefault(key, []).append(ns(now))
    for instants in taken.values():
        for first in range(len(instants)):
            for last in range(first, len(instants)):
                assert last - first + 1 <= 3 + Fraction((instants[last] - instants[first]) * 2, 4 * NS)


def test_a_million_keys_stay_within_the_bound() -> None:
    gcra = Gcra("key", 10, 60.0, 10, 1_000)
    allowed = 0
    for number in range(1_000_000):
        allowed += gcra.take(number, number * 1e-6).allowed
        if number % 100_000 == 0:
            assert len(gcra) <= 1_000
    assert len(gcra) == 1_000
    assert allowed == 1_000 + 10  # a bucket for each of the first, one more for all the others
    assert gcra.take("late", 1_000.0).allowed  # once they have had no effect for long enough, they are forgotten
    assert len(gcra) <= 2


def test_several_buckets_are_charged_together_or_not_at_all() -> None:
    wide, narrow = Gcra("wide", 5, 60.0, 5, 10), Gcra("narrow", 1, 60.0, 1, 10)
    both = ((wide, "a"), (narrow, "a"))
    assert take_all(both, 0.0).allowed
    for _ in range(3):
        refused = take_all(both, 0.0)
        assert (refused.allowed, refused.name, refused.remaining_count) == (False, "narrow", 0)
        assert refused.retry_s == pytest.approx(60.0)
    assert wide.take("a", 0.0).remaining_count == 3  # one for the request that was let in, one for this


def test_of_buckets_that_refuse_the_one_to_wait_for_is_told() -> None:
    """The longest wait counts; of equal ones the first."""
    first, second, slow = (Gcra(name, 1, period_s, 1, 10) for name, period_s in (("a", 10.0), ("b", 10.0), ("c", 60.0)))
    assert take_all([(first, 1), (second, 1), (slow, 1)], 0.0).allowed
    assert take_all([(first, 1), (second, 1)], 5.0).name == "a"
    assert take_all([(second, 1), (first, 1)], 5.0).name == "b"
    refused = take_all([(first, 1), (slow, 1), (second, 1)], 5.0)
    assert (refused.allowed, refused.name, refused.retry_s) == (False, "c", 55.0)
