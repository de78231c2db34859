"""The engine against runs worked out by hand: every instant, every count."""

from __future__ import annotations

import math

import pytest

from sim.types.records import OK, REJECTED, TRUNCATED
from tests.world.scripted import ScriptedBalancer, scripted_run


def test_fifo_one_agent_serves_in_order_of_arrival() -> None:
    record, balancer = scripted_run(at=[1.0, 1.5, 2.0, 10.0], work_s=[2.0, 1.0, 0.5, 1.0])
    assert record.attempts.started_at.tolist() == [1.0, 3.0, 4.0, 10.0]
    assert record.attempts.finished_at.tolist() == [3.0, 4.0, 4.5, 11.0]
    assert record.attempts.status.tolist() == [OK] * 4
    assert record.nodes.area_busy_s[0] == 4.5
    assert record.nodes.area_present_s[0] == 2.0 + 2.5 + 2.5 + 1.0
    assert record.nodes.work_done_s[0] == 4.5
    assert balancer.completed == [(0, 3.0, 2.0, 2), (0, 4.0, 2.5, 1), (0, 4.5, 2.5, 0), (0, 11.0, 1.0, 0)]


def test_two_agents_and_double_speed() -> None:
    record, _ = scripted_run(at=[0.0, 0.0, 0.0], work_s=[2.0, 4.0, 2.0], agents=2, speed=2.0)
    assert record.attempts.finished_at.tolist() == [1.0, 2.0, 2.0]
    assert record.attempts.started_at.tolist() == [0.0, 0.0, 1.0]


def test_a_full_queue_refuses_and_the_balancer_hears_of_it() -> None:
    record, balancer = scripted_run(at=[0.0, 0.25, 0.5, 2.5], work_s=[2.0, 1.0, 1.0, 1.0], queue_max=1)
    assert record.attempts.status.tolist() == [OK, OK, REJECTED, OK]
    assert record.attempts.finished_at.tolist() == [2.0, 3.0, 0.5, 4.0]
    assert math.isnan(record.attempts.started_at[2])
    assert balancer.refusals == [(0, 0.5)]
    assert (record.nodes.arrived[0], record.nodes.answered[0], record.nodes.refused[0]) == (4, 3, 1)


def test_processor_sharing_slows_down_at_a_join_and_speeds_up_at_a_leave() -> None:
    # alone until 1 (1 of 3 done), shared until the second (1) leaves at 3, then alone: 3 - 1 - 1 = 1 left
    record, _ = scripted_run(at=[0.0, 1.0], work_s=[3.0, 1.0], sharing=True)
    assert record.attempts.finished_at.tolist() == [4.0, 3.0]
    assert record.attempts.started_at.tolist() == [0.0, 1.0]
    assert record.nodes.area_busy_s[0] == 4.0  # one agent, always busy
    assert record.nodes.area_present_s[0] == 4.0 + 2.0


def test_processor_sharing_over_two_agents_gives_each_at_most_one() -> None:
    record, _ = scripted_run(at=[0.0, 0.0, 0.0], work_s=[2.0, 2.0, 2.0], sharing=True, agents=2)
    assert record.attempts.finished_at.tolist() == [3.0, 3.0, 3.0]  # 2 agents / 3 present
    assert record.nodes.area_busy_s[0] == 6.0


def test_processor_sharing_refuses_past_agents_and_queue() -> None:
    record, _ = scripted_run(at=[0.0, 0.0, 0.0], work_s=[1.0, 1.0, 1.0], sharing=True, queue_max=1)
    assert record.attempts.status.tolist() == [OK, OK, REJECTED]


def test_batching_prefill_is_shared_and_decode_slows_with_the_batch() -> None:
    # prefill .125 s a token: 8 tokens = 1 s alone; both prefill from 0: each at half speed, both done at 2 s.
    # decode alone .5 s a token, in a batch of two .75 s: 2 further tokens at .75 s end at 3.5; the other's last 2 at .5
    record, _ = scripted_run(at=[0.0, 0.0], tokens=[(8, 3), (8, 5)], agents=2)
    table = record.attempts
    assert table.first_token_at is not None
    assert table.first_token_at.tolist() == [2.0, 2.0]
    assert table.finished_at.tolist() == [3.5, 4.5]


def test_batching_waits_for_a_place_and_one_token_ends_at_prefill() -> None:
    record, _ = scripted_run(at=[0.0, 0.5], tokens=[(8, 1), (8, 2)], agents=1)
    table = record.attempts
    assert table.started_at.tolist() == [0.0, 1.0]
    assert table.finished_at.tolist() == [1.0, 2.5]


def test_what_is_unfinished_when_draining_ends_is_truncated() -> None:
    record, _ = scripted_run(at=[0.0, 1.0, 20.0], work_s=[4.0, 10.0, 1.0], horizon_s=5.0, drain_s=2.0)
    assert record.ended_at == 7.0
    assert record.attempts.status.tolist() == [OK, TRUNCATED]
    assert math.isnan(record.attempts.finished_at[1])
    assert record.nodes.truncated_work_s[0] == 3.0
    assert record.nodes.truncated[0] == 1
    assert record.arrivals_count == 2


def test_truncated_work_under_processor_sharing() -> None:
    record, _ = scripted_run(at=[0.0, 1.0], work_s=[10.0, 10.0], sharing=True, horizon_s=2.0, drain_s=1.0)
    assert record.nodes.truncated_work_s[0] == pytest.approx(3.0, rel=1e-12)
    assert record.nodes.area_busy_s[0] == 3.0


def test_the_run_ends_with_the_last_answer_after_the_horizon() -> None:
    record, _ = scripted_run(at=[0.0], work_s=[4.0], horizon_s=2.0, drain_s=100.0)
    assert record.ended_at == 4.0


def test_waits_at_the_balancer_while_nothing_is_eligible_and_is_refused_past_its_bound() -> None:
    balancer = ScriptedBalancer(lambda count, now: -1 if 0.0 < now < 3.0 else 0)
    record, _ = scripted_run(
        at=[0.0, 1.0, 2.0, 2.5], work_s=[3.0, 1.0, 1.0, 1.0], balancer=balancer, central_queue_max=2
    )
    assert record.attempts.status.tolist() == [OK, OK, OK, REJECTED]
    assert record.attempts.finished_at.tolist() == [3.0, 4.0, 5.0, 2.5]
    assert record.central_area_s == 2.0 + 1.0
    assert record.attempts.node.tolist() == [0, 0, 0, -1]


def test_a_finish_comes_before_an_arrival_of_the_same_instant() -> None:
    record, _ = scripted_run(at=[0.0, 2.0], work_s=[2.0, 1.0], queue_max=0)
    assert record.attempts.status.tolist() == [OK, OK]


def test_polls_at_multiples_of_the_refresh() -> None:
    balancer = ScriptedBalancer(lambda count, now: 0)
    balancer.refresh_s = 0.75
    scripted_run(at=[0.5, 0.75], work_s=[0.5, 0.5], balancer=balancer, horizon_s=1.6)
    assert balancer.polls == [(0.0, [0]), (0.75, [1]), (1.5, [0])]


def test_closed_clients_think_between_their_requests() -> None:
    work = {(client << 32) + k: 1.0 for client in range(2) for k in range(32)}
    record, _ = scripted_run(at=[], work_s=work, clients=2, horizon_s=6.0)  # type: ignore[arg-type]
    # both send at 1; one agent: answers at 2 and 3; next sends at 3 and 4; ...
    assert record.attempts.arrived_at.tolist() == [1.0, 3.0, 5.0, 1.0, 4.0]
    assert sorted(record.attempts.finished_at.tolist()) == [2.0, 3.0, 4.0, 5.0, 6.0]
    assert record.arrivals_count == 5


def test_agents_that_start_during_the_load_take_their_time_and_then_serve() -> None:
    def prepare(world: object, runtime: object) -> None:
        async def grow() -> None:
            await runtime.sleep(1.0)  # type: ignore[attr-defined]
            await world.start_agent("n0", "late", {"type": "agent"})  # type: ignore[attr-defined]
            await runtime.sleep(1.5)  # type: ignore[attr-defined]
            await world.stop_agent("n0", "late")  # type: ignore[attr-defined]

        runtime.spawn(grow(), "grow")  # type: ignore[attr-defined]

    record, _ = scripted_run(at=[0.0, 0.0, 0.0, 0.0], work_s=[2.0, 2.0, 2.0, 2.0], prepare=prepare)
    # the second agent starts at 1 + .5; it serves one until 3.5 and stops taking new ones at 3
    assert record.attempts.started_at.tolist() == [0.0, 1.5, 2.0, 4.0]
    assert record.attempts.finished_at.tolist() == [2.0, 3.5, 4.0, 6.0]


def test_stopping_an_agent_that_is_not_there_changes_nothing() -> None:
    def prepare(world: object, runtime: object) -> None:
        async def stop() -> None:
            await runtime.sleep(1.0)  # type: ignore[attr-defined]
            await world.stop_agent("n0", "never started")  # type: ignore[attr-defined]

        runtime.spawn(stop(), "stop")  # type: ignore[attr-defined]

    record, _ = scripted_run(at=[0.0, 0.0], work_s=[2.0, 2.0], prepare=prepare)
    assert record.attempts.finished_at.tolist() == [2.0, 4.0]
