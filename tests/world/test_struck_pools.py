"""Pause, another speed, cancelled and lost work: exact instants and books of every discipline, worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sim.runtime.environment import OrderedEnvironment
from sim.world.columns import Columns
from sim.world.fragile import Fragile
from sim.world.pool import PoolPlace
from sim.world.world import World
from tests.world.struck import Outcome, crash, pause, restore, resume, slow, struck_run


def finishes(run: Outcome) -> list[float]:
    found: list[float] = run.record.attempts.finished_at.tolist()
    return found


def work_books(run: Outcome) -> tuple[float, float, float, float]:
    """Delivered work, work done, work of what left unfinished or is there, busy area of node 0."""
    nodes = run.record.nodes
    assert nodes.area_work_s is not None
    return (nodes.area_work_s[0], nodes.work_done_s[0], nodes.truncated_work_s[0], nodes.area_busy_s[0])


def test_fifo_stands_still_in_a_pause_and_goes_on_where_it_was() -> None:
    run = struck_run([0.0, 0.5, 2.0], [2.0, 1.0, 1.0], nodes=1, during={1.0: pause(0), 4.0: resume(0)})
    assert finishes(run) == [5.0, 6.0, 7.0]
    assert run.rows("started_at") == [(0.0,), (5.0,), (6.0,)]
    assert work_books(run) == (4.0, 4.0, 0.0, 7.0)


def test_fifo_at_another_speed_and_back() -> None:
    run = struck_run([0.0, 0.0], [2.0, 3.0], nodes=1, speed=2.0, during={0.5: slow(0, 0.25), 2.5: slow(0, 1.0)})
    # 1 done by .5; at .5 a second the last 1 by 2.5: exactly then
    assert finishes(run) == [2.5, 4.0]
    assert work_books(run) == (5.0, 5.0, 0.0, 4.0)


def test_fifo_speed_changes_within_a_pause() -> None:
    during = {1.0: pause(0), 2.0: slow(0, 0.5), 3.0: resume(0)}
    run = struck_run([0.0], [2.0], nodes=1, during=during)
    assert finishes(run) == [5.0]
    assert work_books(run) == (2.0, 2.0, 0.0, 5.0)


def test_fifo_takes_in_but_does_not_start_in_a_pause() -> None:
    run = struck_run([1.0, 1.5, 2.0], [1.0] * 3, nodes=1, agents=2, queue_max=2, during={0.5: pause(0), 3.0: resume(0)})
    assert run.ends == [(0, 0, 0, "ok", 4.0), (1, 0, 0, "ok", 4.0), (2, 0, 0, "rejected", 2.0)]


def test_fifo_paused_and_resumed_at_one_instant_changes_nothing() -> None:
    run = struck_run([0.0], [2.0], nodes=1, during={1.0: lambda world: (pause(0)(world), resume(0)(world))})
    assert finishes(run) == [2.0]
    assert run.record.nodes.answered[0] == 1


def test_fifo_crashes_within_a_pause_and_is_still_paused_when_it_is_back() -> None:
    during = {1.0: pause(0), 2.0: crash(0), 3.0: restore(0), 5.0: resume(0)}
    run = struck_run([0.0, 4.0], [2.0, 1.0], nodes=1, deadline_s=3.0, during=during)
    assert run.ends == [(0, 0, 0, "timed_out", 3.0), (1, 0, 0, "ok", 6.0)]
    assert work_books(run) == (2.0, 1.0, 1.0, 2.0 + 1.0)


def test_fifo_forgets_what_expired_when_it_goes_on() -> None:
    run = struck_run(
        [0.0, 0.5, 0.75], [2.0, 1.0, 1.0], nodes=1, deadline_s=2.5, during={1.0: pause(0), 4.0: resume(0)},
        drop_expired=True, horizon_s=9.0,
    )  # fmt: skip
    assert run.ends == [(0, 0, 0, "timed_out", 2.5), (1, 0, 0, "timed_out", 3.0), (2, 0, 0, "timed_out", 3.25)]
    assert run.rows("left_at") == [(5.0,), (5.0,), (5.0,)]


def test_fifo_slow_from_the_start_and_truncated() -> None:
    run = struck_run([1.0], [4.0], nodes=1, during={0.0: slow(0, 0.5)}, horizon_s=3.0, drain_s=1.0)
    assert run.ends == [(0, 0, 0, "truncated", None)]
    assert work_books(run) == (1.5, 0.0, 1.5, 3.0)


def test_sharing_stands_still_slows_down_and_goes_on() -> None:
    during = {1.0: pause(0), 2.0: resume(0), 3.0: slow(0, 0.5)}
    run = struck_run([0.0, 0.0], [2.0, 1.0], nodes=1, sharing=True, during=during)
    # .5 each by 1; 1 each at 3: the second leaves; 1 left at half speed
    assert finishes(run) == [5.0, 3.0]
    assert work_books(run) == (3.0, 3.0, 0.0, 5.0)


def test_sharing_takes_in_during_a_pause_and_shares_from_then_on() -> None:
    run = struck_run([0.0, 1.5], [2.0, 1.0], nodes=1, sharing=True, during={1.0: pause(0), 2.0: resume(0)})
    assert finishes(run) == [4.0, 4.0]
    assert run.rows("started_at") == [(0.0,), (1.5,)]


def test_sharing_gives_up_what_is_cancelled() -> None:
    run = struck_run([0.0, 0.0], [9.0, 2.0], nodes=1, sharing=True, deadline_s=3.0, kills=True)
    # 1.5 each by 3: both are given up... the second would have ended at 4
    assert run.ends == [(0, 0, 0, "timed_out", 3.0), (1, 0, 0, "timed_out", 3.0)]
    assert work_books(run) == (3.0, 0.0, 3.0, 3.0)
    run = struck_run([0.0, 1.0], [9.0, 1.5], nodes=1, sharing=True, deadline_s=3.0, kills=True)
    # 1 and .0 at 1, then half each: 2 and 1 at 3; the first is gone, the second ends at 3.5
    assert run.ends == [(0, 0, 0, "timed_out", 3.0), (1, 0, 0, "ok", 3.5)]
    assert work_books(run) == (3.5, 1.5, 2.0, 3.5)


def test_sharing_crashes_and_serves_again() -> None:
    run = struck_run(
        [0.0, 0.0, 3.0], [2.0, 2.0, 1.0], nodes=1, sharing=True, deadline_s=9.0, during={1.0: crash(0), 2.0: restore(0)}
    )
    assert finishes(run) == [9.0, 9.0, 4.0]
    assert work_books(run) == (2.0, 1.0, 1.0, 2.0)


@pytest.mark.parametrize("sharing", [False, True])
def test_a_crash_after_the_last_agent_has_gone_leaves_nothing_due(sharing: bool) -> None:
    def stop(world: World) -> None:
        world.nodes["n0"].pools["agent"].assign(-1, 0.5)  # type: ignore[attr-defined]

    during = {0.5: stop, 1.0: crash(0), 1.5: restore(0)}
    run = struck_run([0.0], [2.0], nodes=1, sharing=sharing, deadline_s=5.0, during=during)
    assert run.ends == [(0, 0, 0, "timed_out", 5.0)]
    assert run.rows("left_at") == [(1.0,)]
    assert run.record.nodes.agents[0] == 0


def test_a_batch_stands_still_and_goes_on() -> None:
    # prefill 1 s, then 4 tokens of .5 s: done at 3 untouched; paused from .5 to 1.5 and from 2.5 to 3.5
    during = {0.5: pause(0), 1.5: resume(0), 2.5: pause(0), 3.5: resume(0)}
    run = struck_run([0.0], tokens=[(8, 5)], nodes=1, during=during)
    assert run.rows("first_token_at", "finished_at") == [(2.0, 5.0)]
    assert run.record.nodes.area_busy_s[0] == 5.0


def test_a_batch_at_another_speed() -> None:
    during = {0.5: slow(0, 0.5), 2.5: slow(0, 2.0)}
    run = struck_run([0.0], tokens=[(8, 5)], nodes=1, during=during)
    # half the prefill by .5, the rest by 1.5; one token a second: one by 2.5; then a quarter of a second each
    assert run.rows("first_token_at", "finished_at") == [(1.5, 3.25)]


def test_a_batch_takes_in_but_does_not_start_in_a_pause_and_refuses_past_its_queue() -> None:
    run = struck_run(
        [0.5, 0.6, 0.7], tokens=[(8, 1)] * 3, nodes=1, queue_max=2, during={0.25: pause(0), 1.0: resume(0)}
    )
    assert run.ends == [(0, 0, 0, "ok", 2.0), (1, 0, 0, "ok", 3.0), (2, 0, 0, "rejected", 0.7)]


def test_a_batch_loses_and_gives_up_in_both_phases() -> None:
    # two places; 0 decodes from 2 (prefill shared), 1 too; 2 waits
    run = struck_run(
        [0.0, 0.0, 0.5], tokens=[(8, 9), (8, 3), (8, 1)], nodes=1, agents=2, deadline_s=2.75, kills=True, horizon_s=9.0
    )
    # decode of two: .75 s a token; at 2.75 both are given up (one token in), 2 starts: prefill by 3.75, out at 3.25
    assert run.rows("status", "started_at", "first_token_at", "left_at") == [
        ("timed_out", 0.0, 2.0, 2.75), ("timed_out", 0.0, 2.0, 2.75), ("timed_out", 2.75, None, 3.25),
    ]  # fmt: skip
    nodes = run.record.nodes
    assert nodes.dropped is not None
    assert (nodes.dropped[0], nodes.answered[0]) == (3, 0)


def test_a_batch_goes_on_at_the_right_pace_when_one_is_given_up() -> None:
    run = struck_run([0.0, 1.0], tokens=[(8, 9), (8, 2)], nodes=1, agents=2, deadline_s=3.0, kills=True)
    # 0: prefill by 1, decodes alone .5 s a token until 2: 2 tokens; 1: prefill by 2, then .75 s: its last by 2.75
    assert run.rows("status", "finished_at") == [("timed_out", 3.0), ("ok", 2.75)]


def test_a_batch_crashes_and_serves_again() -> None:
    run = struck_run(
        [0.0, 0.0, 0.0, 4.0], tokens=[(8, 9), (8, 1), (8, 1), (8, 2)], nodes=1, agents=2, deadline_s=6.0,
        during={2.5: crash(0), 3.0: restore(0)},
    )  # fmt: skip
    # 0 and 1 prefill by 2, 1 is done; 2 prefills from 2: lost at 2.5 with 0
    assert run.rows("status", "left_at", "finished_at") == [
        ("timed_out", 2.5, 6.0), ("ok", 2.0, 2.0), ("timed_out", 2.5, 6.0), ("ok", 5.5, 5.5),
    ]  # fmt: skip


def test_a_batch_gives_one_up_in_a_pause_and_the_other_goes_on_alone() -> None:
    run = struck_run(
        [0.0, 0.5], tokens=[(8, 1), (3, 1)], nodes=1, agents=2, deadline_s=2.0, kills=True,
        during={1.0: pause(0), 2.25: resume(0)},
    )  # fmt: skip
    # prefilled by 1: .75 s of 1, .25 s of .375; the last .125 s alone
    assert run.rows("status", "left_at") == [("timed_out", 2.0), ("ok", 2.375)]


def test_a_batch_forgets_what_expired() -> None:
    run = struck_run([0.0, 0.5], tokens=[(8, 9), (8, 1)], nodes=1, deadline_s=2.0, drop_expired=True, horizon_s=9.0)
    assert run.rows("status", "started_at", "left_at") == [("timed_out", 0.0, 5.0), ("timed_out", None, 5.0)]


def test_a_bare_struck_pool_has_no_discipline() -> None:
    pool = Fragile(PoolPlace(0, 0, 1.0, 1), Columns(tokens=False), OrderedEnvironment(), lambda row, pool, now: None)
    calls: list[Callable[[], Any]] = [
        lambda: pool._served_work_s(0, 0.0),
        pool._serving,
        lambda: pool._remove(0),
        lambda: pool._stand_still(0.0),
        lambda: pool._go_on(0.0),
        lambda: pool._fill(0.0),
    ]
    for call in calls:
        with pytest.raises(AssertionError, match="without a discipline"):
            call()


def test_an_agent_that_is_stopped_while_it_is_dead_stays_away() -> None:
    def act(world: World) -> None:
        pool = world.nodes["n0"].pools["agent"]
        now = world.runtime.now()
        assert pool.lose_agent(now)  # type: ignore[attr-defined]
        assert not pool.lose_agent(now)  # type: ignore[attr-defined] # there is none any more
        pool.assign(-1, now)  # type: ignore[attr-defined]
        pool.regain_agent(now)  # type: ignore[attr-defined]
        assert pool.agents == 0
        pool.regain_agent(now)  # type: ignore[attr-defined] # nobody is dead
        pool.assign(1, now)  # type: ignore[attr-defined]
        assert pool.agents == 1

    run = struck_run([2.0], [1.0], nodes=1, during={1.0: act})
    assert finishes(run) == [3.0]


def test_a_machine_that_is_struck_already_strikes_its_new_pools() -> None:
    def grow(world: World) -> None:
        for number, strike in enumerate((slow(2, 0.5), pause(3), crash(4))):
            world.add_node(f"n{number + 2}", 1.0, "zone-1")
            strike(world)
            pool = world._pool(f"n{number + 2}", "agent")
            pool.assign(1, world.runtime.now())  # type: ignore[attr-defined]

    run = struck_run([2.0], [1.0], during={1.0: grow})
    pools = [run.world.nodes[f"n{node}"].pools["agent"] for node in (2, 3, 4)]
    assert [pool.speed for pool in pools] == [0.5, 1.0, 1.0]
    assert [(pool.paused, pool.down, pool.agents) for pool in pools] == [  # type: ignore[attr-defined]
        (False, False, 1), (True, False, 1), (False, True, 0),
    ]  # fmt: skip
