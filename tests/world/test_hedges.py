"""Hedges, worked out by hand: who wins, what becomes of the loser, and where a hedge may go."""

from __future__ import annotations

from sim.runtime.draws import IDEMPOTENT
from tests.world.struck import crash, slow, struck_run


def test_a_hedge_wins_and_the_first_attempt_is_cancelled_at_its_node() -> None:
    run = struck_run([1.0], [4.0], to=(0, 1), hedge_after_s=3.0, during={0.0: slow(0, 0.25)})
    assert run.ends == [(0, 0, 0, "truncated", None), (0, 1, 1, "ok", 8.0)]
    assert run.rows("started_at", "left_at") == [(1.0, 8.0), (4.0, 8.0)]
    assert (run.engine.hedges_count, run.engine.late_count) == (1, 0)
    assert run.told.words == [("ok", 1, 8.0), ("dropped", 0, 8.0)]
    assert run.engine.ended_counts == [1, 0, 0, 0, 0, 0]
    assert run.record.nodes.truncated_work_s.tolist() == [7.0 * 0.25, 0.0]


def test_a_hedge_that_loses_is_taken_out_of_the_queue_that_it_waits_in() -> None:
    run = struck_run([0.0, 0.0], [3.0, 9.0], to=(0, 1, 1), hedge_after_s=1.0, nodes=3, horizon_s=5.0)
    # at 1 both are hedged: 0 to node 1, where it waits behind 1; 1 to node 0, which is free from 3 on
    assert run.ends == [
        (0, 0, 0, "ok", 3.0), (0, 1, 1, "truncated", None), (1, 0, 1, "ok", 9.0), (1, 1, 0, "truncated", None),
    ]  # fmt: skip
    assert run.rows("placed_at", "started_at", "left_at") == [
        (0.0, 0.0, 3.0), (1.0, None, 3.0), (0.0, 0.0, 9.0), (1.0, 3.0, 9.0),
    ]  # fmt: skip
    nodes = run.record.nodes
    assert nodes.dropped is not None
    assert nodes.dropped.tolist() == [1, 1, 0]


def test_a_loser_that_is_not_cancelled_runs_on_and_its_answer_is_late() -> None:
    run = struck_run([0.0], [4.0], to=(0, 1), hedge_after_s=1.0, cancel_outrun=False, speed=1.0, horizon_s=20.0)
    assert run.ends == [(0, 0, 0, "ok", 4.0), (0, 1, 1, "truncated", None)]
    assert run.rows("left_at") == [(4.0,), (5.0,)]
    assert run.engine.late_count == 1
    assert run.balancer.refusals == [(1, 4.0)]  # released when it was outrun
    assert run.record.nodes.answered.tolist() == [1, 1]


def test_a_hedge_goes_to_another_node_or_not_at_all() -> None:
    run = struck_run([0.0], [4.0], to=lambda count, now: 0, hedge_after_s=1.0)
    assert run.ends == [(0, 0, 0, "ok", 4.0)]
    assert run.engine.hedges_count == 0
    assert run.balancer.refusals == [(0, 1.0)] * 2  # picked, and there is no other
    run = struck_run([0.0], [4.0], to=(0, 0, 1), hedge_after_s=1.0)
    assert run.ends == [(0, 0, 0, "ok", 4.0), (0, 1, 1, "truncated", None)]
    run = struck_run([0.0], [4.0], to=lambda count, now: 0 if not count else -1, hedge_after_s=1.0)
    assert run.ends == [(0, 0, 0, "ok", 4.0)]


def test_two_hedges_one_after_the_other() -> None:
    run = struck_run([0.0], [5.0], to=(0, 1, 2), nodes=3, hedge_after_s=1.0, hedges_max=2, horizon_s=9.0)
    assert run.rows("attempt", "node", "arrived_at", "status", "left_at") == [
        (0, 0, 0.0, "ok", 5.0), (1, 1, 1.0, "truncated", 5.0), (2, 2, 2.0, "truncated", 5.0),
    ]  # fmt: skip
    assert run.engine.several == {}


def test_an_attempt_that_times_out_leaves_its_hedge_and_is_not_tried_again_meanwhile() -> None:
    retry = {"attempts_max": 2, "attempt_timeout_s": 3.0}
    run = struck_run([0.0], [4.0], to=(0, 1, 0), retry=retry, hedge_after_s=2.0)
    # out at 3; the hedge sent at 2 is out at 5, then it is tried again, on node 0, free since 4
    assert run.ends == [(0, 0, 0, "timed_out", 3.0), (0, 1, 1, "timed_out", 5.0), (0, 2, 0, "timed_out", 8.0)]


def test_a_refused_hedge_leaves_the_first_attempt_alone() -> None:
    run = struck_run([0.0, 0.0], [9.0, 4.0], to=(1, 0, 0, 1), queue_max=0, hedge_after_s=1.0, horizon_s=2.0)
    assert run.ends == [
        (0, 0, 1, "ok", 9.0), (0, 1, 0, "rejected", 1.0), (1, 0, 0, "ok", 4.0), (1, 1, 1, "rejected", 1.0),
    ]  # fmt: skip
    assert run.engine.ended_counts == [2, 0, 0, 0, 0, 0]


def test_what_must_not_run_twice_is_not_hedged() -> None:
    run = struck_run([0.0], [4.0], to=(0, 1), hedge_after_s=1.0, single_ratio=0.5, chosen={IDEMPOTENT: 0.4})
    assert run.ends == [(0, 0, 0, "ok", 4.0)]


def test_a_request_that_waits_at_the_balancer_is_hedged_from_when_it_was_sent() -> None:
    run = struck_run(
        [0.0, 1.0], [2.0, 3.0], to=lambda count, now: (0, 0, 1)[count] if now != 1.0 else -1, hedge_after_s=2.5
    )
    # sent at 2, hedged at 4.5, answered at 5
    assert run.rows("request", "attempt", "arrived_at", "started_at") == [
        (0, 0, 0.0, 0.0), (1, 0, 1.0, 2.0), (1, 1, 4.5, 4.5),
    ]  # fmt: skip


def test_the_deadline_ends_all_attempts_at_once() -> None:
    run = struck_run([0.0], [9.0], to=(0, 1), hedge_after_s=1.0, deadline_s=3.0, kills=True)
    assert run.ends == [(0, 0, 0, "timed_out", 3.0), (0, 1, 1, "timed_out", 3.0)]
    assert run.rows("left_at") == [(3.0,), (3.0,)]
    assert run.engine.ended_counts == [0, 0, 0, 1, 0, 0]


def test_a_hedge_saves_a_request_from_a_node_that_died_silently() -> None:
    run = struck_run([0.0], [2.0], to=(0, 1), hedge_after_s=3.0, during={1.0: crash(0)})
    assert run.ends == [(0, 0, 0, "truncated", None), (0, 1, 1, "ok", 5.0)]
    assert run.rows("left_at") == [(1.0,), (5.0,)]


def test_a_freed_place_is_used_at_once_although_a_hedge_of_the_request_is_still_out() -> None:
    def central(count: int, now: float) -> int:
        return (0, 1)[count] if count < 2 else (0 if now >= 3.0 else -1)

    retry = {"attempt_timeout_s": 3.0}
    run = struck_run([0.0, 2.0], [9.0, 1.0], to=central, retry=retry, hedge_after_s=1.0, kills=True, drop_expired=True)
    # attempt 0 of 0 is out at 3, its hedge at 4; 1 waits from 2 and is sent on at 3
    assert run.rows("request", "attempt", "started_at", "status") == [
        (0, 0, 0.0, "timed_out"), (0, 1, 1.0, "timed_out"), (1, 0, 3.0, "ok"),
    ]  # fmt: skip
