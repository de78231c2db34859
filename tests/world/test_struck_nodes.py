"""Nodes that crash, are fenced or leave with requests under way, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from sim.runtime.draws import BACKOFF, FAULT_ERROR, FAULT_POISON, IDEMPOTENT
from sim.world.world import World
from tests.world.struck import crash, fence, pause, restore, resume, struck_run


def test_a_silent_crash_swallows_what_is_there_and_what_is_sent_there() -> None:
    retry = {"attempt_timeout_s": 4.0}
    run = struck_run([0.0, 0.5, 2.0, 6.0], [2.0] * 4, nodes=1, retry=retry, during={1.0: crash(0), 3.0: restore(0)})
    assert run.ends == [
        (0, 0, 0, "timed_out", 4.0), (1, 0, 0, "timed_out", 4.5), (2, 0, 0, "timed_out", 6.0), (3, 0, 0, "ok", 8.0),
    ]  # fmt: skip
    assert run.rows("placed_at", "started_at", "left_at") == [
        (0.0, 0.0, 1.0), (0.5, None, 1.0), (None, None, None), (6.0, 6.0, 8.0),
    ]  # fmt: skip
    nodes = run.record.nodes
    assert nodes.dropped is not None
    assert (nodes.arrived[0], nodes.answered[0], nodes.dropped[0]) == (3, 1, 2)
    assert (nodes.work_done_s[0], nodes.truncated_work_s[0]) == (2.0, 1.0)
    steps = run.record.agent_steps
    assert steps is not None
    assert (steps.at.tolist(), steps.step.tolist()) == ([0.0, 1.0, 3.0], [1, -1, 1])


def test_a_crash_that_is_seen_sends_everything_on_in_order_of_request_and_attempt() -> None:
    broken: list[tuple[str, bool]] = []

    def listen(world: World) -> None:
        world.machines.on_broken = lambda node_id, is_broken: broken.append((node_id, is_broken))

    def to(count: int, now: float) -> int:
        return 0 if now < 1.0 else 1

    during = {0.0: listen, 1.0: crash(0, requeue=True), 2.0: restore(0)}
    run = struck_run([0.25, 0.5, 0.75], [4.0, 1.0, 1.0], to=to, agents=2, during=during)
    assert run.ends == [
        (0, 0, 0, "failed", 1.0), (0, 1, 1, "ok", 5.0), (1, 0, 0, "failed", 1.0), (1, 1, 1, "ok", 2.0),
        (2, 0, 0, "failed", 1.0), (2, 1, 1, "ok", 3.0),
    ]  # fmt: skip
    assert broken == [("n0", True), ("n0", False)]
    assert run.told.words[:3] == [("dropped", 0, 1.0)] * 3  # the node is out already: no failure is held against it
    assert run.engine.retries_count == 0


def test_a_crash_that_is_seen_fails_what_must_not_run_twice_once_it_ran() -> None:
    during = {1.0: crash(0, requeue=True)}
    run = struck_run(
        [0.0, 0.5], [4.0, 1.0], to=(0, 0, 1), retry={"attempts_max": 3}, during=during, single_ratio=0.5,
        chosen={IDEMPOTENT: 0.1},
    )  # fmt: skip
    assert run.ends == [(0, 0, 0, "failed", 1.0), (1, 0, 0, "failed", 1.0), (1, 1, 1, "ok", 2.0)]
    assert run.engine.ended_counts == [1, 1, 0, 0, 0, 0]
    assert run.engine.several == {}


def test_a_requeued_retry_stays_with_its_request_and_its_budget() -> None:
    retry = {"attempts_max": 2, "attempt_timeout_s": 1.0, "budget_ratio": 0.0, "budget_depth": 1}
    during = {1.5: crash(1, requeue=True)}
    run = struck_run([0.0], [1.25], to=(0, 1, 2), nodes=3, retry={**retry, "attempt_timeout_s": 1.2}, during=during)
    # out at 1.2, the retry is lost at 1.5 and sent on; a requeue is no retry, but there is none left after it
    assert run.ends == [
        (0, 0, 0, "timed_out", 1.2), (0, 1, 1, "failed", 1.5), (0, 2, 2, "timed_out", 2.7),
    ]  # fmt: skip
    assert (run.engine.retries_count, run.engine.rules.budget.retries) == (1, 0)


def test_who_sends_to_a_node_whose_crash_is_seen_learns_of_it_at_once() -> None:
    """In a panic a broken node may be picked all the same: without any timeout its requests would hang."""
    during = {0.5: crash(0, requeue=True), 3.0: restore(0)}
    run = struck_run([1.0, 2.0, 4.0], [1.0] * 3, to=(0, 0, 1, 0), retry={"attempts_max": 2}, during=during)
    assert run.ends == [
        (0, 0, 0, "failed", 1.0), (0, 1, 0, "failed", 1.0), (1, 0, 1, "ok", 3.0), (2, 0, 0, "ok", 5.0),
    ]  # fmt: skip
    assert run.rows("placed_at")[:2] == [(None,), (None,)]
    assert run.told.words[:2] == [("failed", 0, 1.0)] * 2


def test_what_nobody_waits_for_any_more_is_not_sent_on() -> None:
    run = struck_run([0.0], [4.0], deadline_s=1.0, horizon_s=3.0, during={2.0: crash(0, requeue=True)})
    assert run.ends == [(0, 0, 0, "timed_out", 1.0)]
    assert run.rows("left_at") == [(2.0,)]


def test_a_fenced_zombies_late_answer_never_counts() -> None:
    retry = {"attempts_max": 2, "backoff_s": 2.0}
    during = {1.0: pause(0), 3.0: fence(0), 5.0: resume(0)}
    run = struck_run([0.0, 6.5], [2.0, 1.0], to=(0, 1, 0), retry=retry, chosen={BACKOFF: 0.5}, during=during)
    # 1 s done by 1; failed at 3, again at 4 on node 1, answered at 6; the zombie is done at 6 too, for nobody
    assert run.ends == [(0, 0, 0, "failed", 3.0), (0, 1, 1, "ok", 6.0), (1, 0, 0, "ok", 7.5)]
    assert run.rows("left_at") == [(6.0,), (6.0,), (7.5,)]
    assert run.engine.late_count == 1
    assert run.told.words == [("dropped", 0, 3.0), ("ok", 1, 6.0), ("ok", 0, 7.5)]
    assert run.balancer.refusals == []  # the balancer had forgotten it
    assert run.balancer.completed[1] == (0, 7.5, 1.0, 0)  # under the new generation


def test_a_fence_without_another_attempt_fails_the_request() -> None:
    run = struck_run([0.0, 0.0], [9.0, 2.0], to=(0, 1), during={1.0: fence(0)}, horizon_s=20.0, kills=True)
    assert run.ends == [(0, 0, 0, "failed", 1.0), (1, 0, 1, "ok", 2.0)]
    assert run.rows("left_at") == [(1.0,), (2.0,)]  # killed at the node


def test_nothing_is_sent_on_before_a_fence_is_through() -> None:
    """Whoever waits is sent on once all slots of the fenced node have a new generation: to node 0 just as well."""
    sent_at: list[float] = []

    def to(count: int, now: float) -> int:
        if now == 0.0:
            return 0
        if now < 1.0:
            return -1
        sent_at.append(now)
        return 0

    def central(world: World) -> None:
        world.membership.fence("n0")
        assert sent_at == []  # nothing yet, although a request has just ended

    run = struck_run([0.0, 0.5], [3.0, 1.0], to=to, during={1.0: central})
    assert sent_at == [1.0]
    assert run.ends == [(0, 0, 0, "failed", 1.0), (1, 0, 0, "ok", 4.0)]
    assert run.record.central_area_s == 0.5


def test_a_node_that_leaves_fails_what_is_under_way_there() -> None:
    def leave(world: World) -> None:
        world.membership.node_left("n0")
        world.machines.remove("n0")

    retry = {"attempts_max": 2}
    run = struck_run([0.0, 0.5], [3.0, 1.0], to=(0, 0, 1, 1), retry=retry, during={1.0: leave})
    assert run.ends == [
        (0, 0, 0, "failed", 1.0), (0, 1, 1, "ok", 4.0), (1, 0, 0, "failed", 1.0), (1, 1, 1, "ok", 5.0),
    ]  # fmt: skip
    assert run.told.words[:2] == [("failed", 0, 1.0)] * 2
    nodes = run.record.nodes
    assert nodes.gone_at[0] == 1.0
    assert nodes.truncated_work_s.tolist() == [1.0, 0.0]
    assert run.world.machines.node_ids() == ["n1"]


def test_a_hedge_at_a_node_that_is_fenced_beside_its_request() -> None:
    """Both attempts are at the node: the request ends once, with the second of them."""
    run = struck_run([0.0], [9.0], to=(0, 1), hedge_after_s=1.0, during={2.0: fence(1), 3.0: fence(0)})
    assert run.ends == [(0, 0, 0, "failed", 3.0), (0, 1, 1, "failed", 2.0)]
    assert run.engine.ended_counts == [0, 1, 0, 0, 0, 0]


def test_errors_are_answers_that_fail_and_are_drawn_for_each_attempt() -> None:
    chosen = {(FAULT_ERROR, 0, 0): 0.2, (FAULT_ERROR, 0, 1): 0.3, BACKOFF: 0.5}

    def errors(world: World) -> None:
        world.machines.set_error_prob("n0", 0.25)

    run = struck_run([0.0], [1.0], to=(0, 0), retry={"attempts_max": 2, "backoff_s": 1.0}, chosen=chosen,
                     during={0.0: errors})  # fmt: skip
    assert run.ends == [(0, 0, 0, "failed", 1.0), (0, 1, 0, "ok", 2.5)]
    assert run.engine.chances.errors_count == 1
    assert run.record.nodes.answered[0] == 2  # the node served both


def test_errors_end_with_their_fault() -> None:
    def errors(prob: float) -> Any:
        return lambda world: world.machines.set_error_prob("n0", prob)

    run = struck_run(
        [0.0, 2.0], [1.0, 1.0], to=(0, 0), chosen={FAULT_ERROR: 0.5}, during={0.0: errors(1.0), 1.5: errors(0)}
    )
    assert run.ends == [(0, 0, 0, "failed", 1.0), (1, 0, 0, "ok", 3.0)]
    assert run.engine.chances.any is False


POISON: dict[str, Any] = {"poison_prob": 0.5, "poison_restart_s": 4.0}


def test_poison_kills_the_agent_before_it_takes_the_next_and_its_supervisor_brings_it_back() -> None:
    chosen = {(FAULT_POISON, 0, 0): 0.1, FAULT_POISON: 0.9}
    run = struck_run([0.0, 0.5, 6.0], [1.0, 1.0, 1.0], nodes=1, chosen=chosen, **POISON)
    assert run.ends == [(0, 0, 0, "failed", 1.0), (1, 0, 0, "ok", 6.0), (2, 0, 0, "ok", 7.0)]
    assert run.rows("started_at") == [(0.0,), (5.0,), (6.0,)]
    assert run.engine.chances.deaths_count == 1
    steps = run.record.agent_steps
    assert steps is not None
    assert (steps.at.tolist(), steps.step.tolist()) == ([0.0, 1.0, 5.0], [1, -1, 1])


@pytest.mark.parametrize("sharing", [False, True])
def test_poison_takes_one_agent_of_two(sharing: bool) -> None:
    chosen = {(FAULT_POISON, 0, 0): 0.1, FAULT_POISON: 0.9}
    run = struck_run([0.0, 0.0, 0.5], [1.0, 4.0, 1.0], nodes=1, agents=2, chosen=chosen, sharing=sharing, **POISON)
    if sharing:  # .5 each, then two thirds each: 0 ends at 1.25; then one agent for two
        # 1 has .5 + .5 = 1 of 4 by 1.25, 2 has .5 of 1: it ends at 2.25, when 1 has 1.5; it ends at 4.75
        assert run.ends == [(0, 0, 0, "failed", 1.25), (1, 0, 0, "ok", 4.75), (2, 0, 0, "ok", 2.25)]
    else:
        assert run.ends == [(0, 0, 0, "failed", 1.0), (1, 0, 0, "ok", 4.0), (2, 0, 0, "ok", 5.0)]


def test_poison_kills_although_its_client_has_given_up_and_on_every_node_it_is_sent_to() -> None:
    chosen = {(FAULT_POISON, 0, 0): 0.1, FAULT_POISON: 0.9}
    retry = {"attempts_max": 2, "attempt_timeout_s": 1.5}
    run = struck_run([0.0], [2.0], to=(0, 1), retry=retry, chosen=chosen, horizon_s=10.0, **POISON)
    assert run.ends == [(0, 0, 0, "timed_out", 1.5), (0, 1, 1, "timed_out", 3.0)]
    assert run.engine.chances.deaths_count == 2


def test_a_crash_brings_dead_agents_back_with_the_machine_and_their_supervisors_come_too_late() -> None:
    chosen = {(FAULT_POISON, 0, 0): 0.1, (FAULT_POISON, 1, 0): 0.1, FAULT_POISON: 0.9}
    during = {2.0: crash(0), 2.5: restore(0)}
    run = struck_run([0.0, 3.0, 3.5], [1.0, 1.0, 1.0], nodes=1, chosen=chosen, during=during, **POISON)
    # dead at 1, back with the machine at 2.5; dead at 4 again: back at 8, not with the first one's supervisor at 5
    assert run.ends == [(0, 0, 0, "failed", 1.0), (1, 0, 0, "failed", 4.0), (2, 0, 0, "ok", 9.0)]
    assert run.engine.chances.deaths_count == 2
