"""Timeouts, retries, deadlines and what nodes do with what was given up, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from sim.runtime.draws import BACKOFF, IDEMPOTENT
from tests.world.struck import struck_run


def test_an_attempt_times_out_and_the_next_one_waits_for_its_backoff() -> None:
    retry = {"attempts_max": 3, "attempt_timeout_s": 2.0, "backoff_s": 0.5}
    chosen = {(BACKOFF, 0, 1): 0.5, (BACKOFF, 0, 2): 0.25}
    run = struck_run([1.0], [5.0], to=(0, 1, 0), retry=retry, chosen=chosen)
    # out at 3, again after .5 x .5; out at 5.25, again after .25 x 1; node 0 is busy with the first until 6
    assert run.ends == [
        (0, 0, 0, "timed_out", 3.0), (0, 1, 1, "timed_out", 5.25), (0, 2, 0, "timed_out", 7.5),
    ]  # fmt: skip
    assert run.rows("arrived_at", "started_at") == [(1.0, 1.0), (3.25, 3.25), (5.5, 6.0)]
    assert run.engine.ended_counts == [0, 0, 0, 1, 0, 0]
    assert run.told.words == [("failed", 0, 3.0), ("failed", 1, 5.25), ("failed", 0, 7.5)]
    assert (run.engine.retries_count, run.engine.rules.budget.retries) == (2, 0)


def test_a_retry_that_is_answered_ends_the_request() -> None:
    run = struck_run([0.0], [5.0], to=(0, 1), retry={"attempts_max": 2, "attempt_timeout_s": 6.0}, queue_max=0)
    assert run.ends == [(0, 0, 0, "ok", 5.0)]
    retry = {"attempts_max": 2, "attempt_timeout_s": 4.0}
    run = struck_run([0.0, 1.0], [3.0, 3.0], to=(0, 0, 1), retry=retry)
    # the second waits until 3, is given up at 5, answered by node 1 at 8; node 0 answers at 6: too late
    assert run.ends == [(0, 0, 0, "ok", 3.0), (1, 0, 0, "timed_out", 5.0), (1, 1, 1, "ok", 8.0)]
    assert run.engine.late_count == 1
    assert run.balancer.completed == [(0, 3.0, 3.0, 1), (1, 8.0, 3.0, 0)]


def test_a_finish_beats_a_timeout_and_a_timeout_a_deadline_of_the_same_instant() -> None:
    retry = {"attempts_max": 2, "attempt_timeout_s": 2.0}
    run = struck_run([0.0, 0.0], [2.0, 3.0], to=(0, 1, 0), retry=retry, deadline_s=2.0)
    assert run.ends == [(0, 0, 0, "ok", 2.0), (1, 0, 1, "timed_out", 2.0)]


def test_the_deadline_comes_while_a_retry_waits_for_its_backoff() -> None:
    retry = {"attempts_max": 3, "attempt_timeout_s": 1.0, "backoff_s": 4.0}
    run = struck_run([0.0], [9.0], retry=retry, deadline_s=3.0, chosen={(BACKOFF, 0, 1): 0.25, (BACKOFF, 0, 2): 0.0})
    assert run.ends == [(0, 0, 0, "timed_out", 1.0), (0, 1, 0, "timed_out", 3.0)]  # at 2, of its own at 3 just as well
    retry["backoff_s"] = 2.0
    run = struck_run([0.0], [9.0], retry=retry, deadline_s=1.5, chosen={BACKOFF: 0.25})
    assert run.ends == [(0, 0, 0, "timed_out", 1.0)]  # it would come at 1.5, too late to be planned
    assert run.engine.rules.budget.taken_count == 0


def test_a_planned_retry_does_not_come_after_the_end_of_its_request() -> None:
    retry = {"attempts_max": 2, "attempt_timeout_s": 1.0, "backoff_s": 2.0}
    run = struck_run([0.0], [9.0], retry=retry, deadline_s=2.0, chosen={BACKOFF: 0.4}, horizon_s=3.0)
    assert run.ends == [(0, 0, 0, "timed_out", 1.0), (0, 1, 0, "timed_out", 2.0)]
    assert (run.engine.rules.budget.retries, run.engine.in_system) == (0, 0)


def test_the_deadline_comes_while_it_waits_at_the_balancer() -> None:
    run = struck_run([0.0, 1.0], [1.0, 1.0], to=lambda count, now: 0 if now >= 4.0 or now < 0.5 else -1, deadline_s=2.0)
    assert run.ends == [(0, 0, 0, "ok", 1.0), (1, 0, -1, "timed_out", 3.0)]
    assert run.record.central_area_s == 2.0
    assert run.told.words == [("ok", 0, 1.0)]


def test_an_attempt_timeout_counts_from_when_it_was_sent() -> None:
    retry = {"attempts_max": 1, "attempt_timeout_s": 2.0}
    run = struck_run(
        [0.0, 1.0], [4.0, 3.0], to=lambda count, now: 0 if now < 0.5 else (1 if now >= 2.0 else -1), retry=retry
    )
    # the second waits for the first's end, given up at 2; it goes to node 1 then, and is given up 2 s later
    assert run.ends == [(0, 0, 0, "timed_out", 2.0), (1, 0, 1, "timed_out", 4.0)]
    assert run.record.central_area_s == 1.0


PROPAGATION: dict[str, tuple[dict[str, Any], list[tuple[Any, ...]], tuple[int, int, float, float]]] = {
    # deadline 2.5; 0 is served 0 to 2; 1 from 2 to 5, given up at 3; 2 waits from 1, is given up at 3.5
    # started_at and left_at of the four; answered, dropped, work done, work of what left unfinished
    "none": ({}, [(0.0, 2.0), (2.0, 5.0), (5.0, 6.0), (6.0, 7.0)], (4, 0, 7.0, 0.0)),
    "dequeue": ({"drop_expired": True}, [(0.0, 2.0), (2.0, 5.0), (None, 5.0), (5.0, 6.0)], (3, 1, 6.0, 0.0)),
    "kill": (
        {"drop_expired": True, "kills": True},
        [(0.0, 2.0), (2.0, 3.0), (3.0, 3.5), (4.0, 5.0)],
        (2, 2, 3.0, 1.5),
    ),
}


@pytest.mark.parametrize("mode", PROPAGATION)
def test_what_a_node_does_with_what_was_given_up(mode: str) -> None:
    keys, instants, (answered, dropped, done_s, partial_s) = PROPAGATION[mode]
    run = struck_run([0.0, 0.5, 1.0, 4.0], [2.0, 3.0, 1.0, 1.0], nodes=1, deadline_s=2.5, horizon_s=20.0, **keys)
    last = ("timed_out", 6.5) if mode == "none" else ("ok", instants[3][1])
    assert run.ends[:3] == [(0, 0, 0, "ok", 2.0), (1, 0, 0, "timed_out", 3.0), (2, 0, 0, "timed_out", 3.5)]
    assert run.ends[3] == (3, 0, 0, *last)
    nodes = run.record.nodes
    if mode == "none":  # the run ends at the horizon, the node is done by then
        assert run.record.ended_at == 20.0
    assert run.rows("started_at", "left_at") == instants
    assert nodes.dropped is not None
    assert (nodes.answered[0], nodes.dropped[0]) == (answered, dropped)
    assert (nodes.work_done_s[0], nodes.truncated_work_s[0]) == (done_s, partial_s)


def test_a_full_queue_is_tried_again_until_the_attempts_are_used_up() -> None:
    retry = {"attempts_max": 3, "backoff_s": 0.5}
    chosen = {(BACKOFF, 1, 1): 0.5, (BACKOFF, 1, 2): 0.5}
    run = struck_run([0.0, 0.5], [3.0, 1.0], nodes=1, queue_max=0, retry=retry, chosen=chosen)
    assert run.ends == [
        (0, 0, 0, "ok", 3.0), (1, 0, 0, "rejected", 0.5), (1, 1, 0, "rejected", 0.75), (1, 2, 0, "rejected", 1.25),
    ]  # fmt: skip
    assert run.engine.ended_counts[2] == 1
    assert run.told.words[0] == ("failed", 0, 0.5)


def test_a_budget_denies_what_it_has_no_token_for() -> None:
    retry = {"attempts_max": 5, "budget_ratio": 0.5, "budget_depth": 1, "backoff_s": 0.25}
    run = struck_run(
        [0.0, 1.0, 2.0, 3.0], [9.0] * 4, nodes=1, queue_max=0, retry=retry, chosen={BACKOFF: 0.5}, horizon_s=8.0
    )
    # full with one token: request 1 takes it; 2 brings half of one, 3 the other half
    assert [(request, attempt) for request, attempt, *_ in run.ends] == [(0, 0), (1, 0), (1, 1), (2, 0), (3, 0), (3, 1)]
    assert (run.engine.rules.budget.taken_count, run.engine.rules.budget.denied_count) == (2, 3)


def test_what_must_not_run_twice_is_tried_again_only_where_it_was_refused() -> None:
    retry = {"attempts_max": 3, "attempt_timeout_s": 2.0}
    keys: dict[str, Any] = {
        "single_ratio": 0.5,
        "chosen": {(IDEMPOTENT, 0, 0): 0.4, (IDEMPOTENT, 1, 0): 0.4, (IDEMPOTENT, 2, 0): 0.6},
    }
    run = struck_run([0.0, 0.5, 0.6], [3.0, 1.0, 3.0], to=(0, 0, 1, 1), queue_max=0, retry=retry, **keys)
    assert run.ends == [
        (0, 0, 0, "timed_out", 2.0), (1, 0, 0, "rejected", 0.5), (1, 1, 1, "ok", 1.5), (2, 0, 1, "rejected", 0.6),
        (2, 1, 0, "rejected", 0.6), (2, 2, 0, "rejected", 0.6),
    ]  # fmt: skip


def test_closed_clients_think_after_the_last_attempt() -> None:
    work = {(client << 32) + k: 3.0 for client in range(1) for k in range(32)}
    retry = {"attempts_max": 2, "attempt_timeout_s": 2.0}
    run = struck_run([], work, clients=1, to=(0, 1, 0, 1), retry=retry, horizon_s=7.0)
    # sent at 1, out at 3, again, out at 5; thinks; sent at 6 to node 0, free since 4
    assert run.ends == [
        (0, 0, 0, "timed_out", 3.0), (0, 1, 1, "timed_out", 5.0), (1, 0, 0, "timed_out", 8.0),
        (1, 1, 1, "timed_out", 10.0),
    ]  # fmt: skip
    assert run.record.arrivals_count == 2


def test_a_closed_clients_deadline() -> None:
    work = dict.fromkeys(range(32), 3.0)
    run = struck_run([], work, clients=1, to=(0, 1), deadline_s=2.0, horizon_s=5.0)
    assert run.ends == [(0, 0, 0, "timed_out", 3.0), (1, 0, 1, "timed_out", 6.0)]


def test_a_run_that_ends_before_a_planned_retry_leaves_it_planned() -> None:
    retry = {"attempts_max": 2, "attempt_timeout_s": 1.0, "backoff_s": 10.0}
    run = struck_run([0.0], [9.0], retry=retry, chosen={BACKOFF: 0.5}, horizon_s=2.0, drain_s=1.0)
    assert run.ends == [(0, 0, 0, "timed_out", 1.0)]
    assert (run.engine.in_system, run.record.ended_at) == (1, 3.0)
