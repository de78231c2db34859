"""Who is let in: by the requests in the system and by priority, or by how well requests went lately."""

from __future__ import annotations

import pytest

from sim.scalability.requests.admission import BUCKET_S, BUCKETS, Admission, Concurrency, SuccessRate, make_admission
from sim.scalability.requests.params import AdmissionParams


def test_none_lets_everybody_in() -> None:
    assert make_admission(AdmissionParams()) is None


def concurrency() -> Admission:
    params = AdmissionParams("concurrency", 10, (1.0, 1.0, 1.0), (1.0, 0.75, 0.5))
    admission = make_admission(params)
    assert isinstance(admission, Concurrency)
    return admission


@pytest.mark.parametrize(("priority", "limit"), [(0, 10), (1, 8), (2, 5)])
def test_each_priority_fills_its_share_and_no_more(priority: int, limit: int) -> None:
    admission = concurrency()
    assert not admission.needs_draw
    assert not admission.learns
    assert [admission.admit(priority, count, 0.0, 0.0) for count in (0, limit - 1, limit, 10)] == [
        True,
        True,
        False,
        False,
    ]
    assert admission.shed_count == 2


def test_concurrency_learns_nothing_from_how_requests_end() -> None:
    admission = concurrency()
    for _ in range(20):
        admission.ended(False, 1.0)
    assert admission.admit(2, 4, 0.0, 1.0)


def success_rate(aggression: float = 1.0, window_s: float = 5.0) -> SuccessRate:
    params = AdmissionParams(
        "success_rate", window_s=window_s, success_min_ratio=0.5, aggression=aggression, shed_max_ratio=0.75
    )
    admission = make_admission(params)
    assert isinstance(admission, SuccessRate)
    assert admission.needs_draw
    assert admission.learns
    return admission


def fill(admission: SuccessRate, good: int, bad: int, now: float = 0.0) -> None:
    for number in range(good + bad):
        admission.ended(number < good, now)


def test_all_are_let_in_while_half_of_them_succeed() -> None:
    admission = success_rate()
    assert admission.admit(0, 0, 0.0, 0.0)  # nothing known yet
    fill(admission, good=5, bad=5)
    assert admission.admit(0, 0, 0.0, 0.0)
    assert admission.shed_count == 0


def test_the_chance_to_be_shed_is_the_excess_over_the_requests_and_one() -> None:
    admission = success_rate()
    fill(admission, good=3, bad=12)  # (15 - 3 / .5) / 16 = .5625
    assert not admission.admit(0, 0, 0.5624, 0.5)
    assert admission.admit(0, 0, 0.5625, 0.5)
    assert admission.shed_count == 1


def test_aggression_bends_the_chance() -> None:
    admission = success_rate(aggression=2.0)
    fill(admission, good=3, bad=12)  # .5625 ** .5 = .75, the most that is shed too
    assert not admission.admit(0, 0, 0.7499, 0.5)
    assert admission.admit(0, 0, 0.7501, 0.5)


def test_at_most_the_share_of_shed_max_ratio_is_shed() -> None:
    admission = success_rate()
    fill(admission, good=0, bad=99)  # .99
    assert not admission.admit(0, 0, 0.7499, 0.5)
    assert admission.admit(0, 0, 0.7501, 0.5)


def test_what_is_older_than_the_window_is_forgotten_bucket_by_bucket() -> None:
    admission = success_rate(window_s=5.0)
    fill(admission, good=0, bad=3, now=0.0)
    fill(admission, good=0, bad=3, now=0.75)  # the same bucket, of one second
    fill(admission, good=0, bad=8, now=2.0)
    assert not admission.admit(0, 0, 0.74, 5.0)  # 14 / 15, at most .75; the bucket of 0 is 5 s old
    assert admission.admit(0, 0, 0.0, 7.5) is True  # all gone
    fill(admission, good=4, bad=0, now=7.5)
    assert admission.admit(0, 0, 0.0, 7.5)


def test_a_bucket_goes_once_it_is_older_than_the_window() -> None:
    admission = success_rate(window_s=5.0)
    fill(admission, good=0, bad=8, now=0.0)
    fill(admission, good=4, bad=4, now=3.0)
    assert not admission.admit(0, 0, 0.47, 5.0)  # (16 - 8) / 17 = .4706
    assert admission.admit(0, 0, 0.0, 5.1)  # (8 - 8) / 9


def test_the_ring_of_buckets_is_the_window_however_long_it_runs() -> None:
    admission, ends = success_rate(window_s=5.0), []
    begun: list[float] = []  # of the buckets, kept naively
    for number in range(400):
        now = 0.37 * number + (number % 7) * 0.001
        if not begun or now - begun[-1] >= BUCKET_S:
            begun.append(now)
        ends.append((begun[-1], number % 3 == 0))
        admission.ended(number % 3 == 0, now)
        inside = [good for start, good in ends if start >= now - 5.0]
        assert list(admission.state.sums) == [len(inside), sum(inside)]
        assert admission.state.counts[BUCKETS] <= len(admission.state.begun_at)
    assert begun[-1] > 10 * 5.0
