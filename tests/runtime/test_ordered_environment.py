"""The heap of the virtual clock: equal instants by (rank, key), and SimPy's meaning for SimPy's events."""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator
from typing import Any

import pytest
import simpy
from simpy.core import EmptySchedule, StopSimulation

from sim.runtime.environment import DEAD_MIN
from sim.runtime.order import ARRIVAL, CONTROL, DEADLINE, FAULT, FINISH, KEY_MAX, PROBE, RETRY
from sim.runtime.virtual import OrderedEnvironment

Process = Generator[simpy.Event, Any, Any]


def test_equal_instants_go_by_rank_and_key_whatever_was_scheduled_first() -> None:
    assert list(range(7)) == [FAULT, CONTROL, FINISH, DEADLINE, PROBE, RETRY, ARRIVAL]
    wanted = [(FAULT, 9), (CONTROL, 3), (FINISH, 2), (FINISH, KEY_MAX), (DEADLINE, 1), (PROBE, 0), (ARRIVAL, 0)]
    for permutation in itertools.permutations(wanted):
        env, log = OrderedEnvironment(), []
        for rank, key in permutation:
            env.call_at(1.0, rank, key, log.append, (rank, key))
        env.run()
        assert log == wanted


def test_time_goes_before_rank() -> None:
    env, log = OrderedEnvironment(), []
    for at, rank in ((2.0, FAULT), (1.0, ARRIVAL), (math.nextafter(1.0, 0.0), RETRY)):
        env.call_at(at, rank, 0, log.append, rank)
    env.run()
    assert log == [RETRY, ARRIVAL, FAULT]


def test_entries_of_the_same_key_go_by_serial() -> None:
    env, log = OrderedEnvironment(), []
    for name in "abc":
        env.call_at(1.0, FINISH, 7, log.append, name)
    env.run()
    assert log == ["a", "b", "c"]


def test_simpy_events_stand_around_the_keyed_control_callbacks() -> None:
    env, log = OrderedEnvironment(), []

    def process() -> Process:
        log.append("urgent")
        yield env.timeout(0.0)
        log.append("normal")

    env.call_at(0.0, FINISH, 0, log.append, "finish")
    env.process(process())
    env.call_at(0.0, CONTROL, KEY_MAX, log.append, "control")
    env.call_at(0.0, FAULT, 0, log.append, "fault")
    env.run()
    assert log == ["fault", "urgent", "control", "normal", "finish"]


def test_a_callback_may_schedule_at_its_own_instant() -> None:
    env, log = OrderedEnvironment(), []

    def arrive(name: str) -> None:
        log.append((name, env.now))
        if name == "first":
            env.call_at(env.now, FINISH, 0, arrive, "finish of the same instant")
            env.call_at(env.now, ARRIVAL, 2, arrive, "second")

    env.call_at(0.1, ARRIVAL, 1, arrive, "first")
    env.run()
    assert log == [("first", 0.1), ("finish of the same instant", 0.1), ("second", 0.1)]


@pytest.mark.parametrize(("at", "key"), [(0.999, 0), (math.nan, 0), (-math.inf, 0), (1.0, -1), (1.0, KEY_MAX + 1)])
def test_the_past_and_bad_keys_are_refused(at: float, key: int) -> None:
    env = OrderedEnvironment(1.0)
    with pytest.raises(ValueError, match="accepted is an instant >= now=1"):
        env.call_at(at, FINISH, key, print, None)
    assert env.peek() == math.inf


def test_bad_delays_are_refused() -> None:
    env = OrderedEnvironment(1.0)
    for delay in (math.nan, -1.0):
        with pytest.raises(ValueError, match="delay"):
            env.schedule(env.event(), delay=delay)
    for at in (math.nan, 0.5):
        with pytest.raises(ValueError, match="alarm at"):
            env.alarm(at)


def test_events_are_counted_however_the_run_is_sliced() -> None:
    counts = []
    for untils in ((), (0.5, 1.0, 1.5, 7.0)):
        env = OrderedEnvironment()
        for at in range(5):
            env.call_at(float(at), ARRIVAL, 0, id, None)
            env.timeout(float(at))
        for until in untils:
            env.run(until)
        env.run()
        counts.append(env.events_count)
    assert counts == [10, 10]


def test_until_an_instant_leaves_that_instant_to_the_next_run() -> None:
    env, log = OrderedEnvironment(), []
    env.call_at(2.0, FAULT, 0, log.append, "at two")
    env.run(until=2.0)
    assert (env.now, log) == (2.0, [])
    env.run()
    assert log == ["at two"]


@pytest.mark.parametrize("until", [1, 0.5, math.nan])
def test_until_an_instant_that_is_not_to_come_is_refused(until: float) -> None:
    with pytest.raises(ValueError, match="must be greater"):
        OrderedEnvironment(1.0).run(until)


def test_step_and_peek() -> None:
    env, log = OrderedEnvironment(), []
    env.timeout(1.0).callbacks.append(lambda event: log.append("event"))
    env.call_at(2.0, FINISH, 0, log.append, "callback")
    assert env.peek() == 1.0
    env.step()
    assert (env.now, env.peek(), log) == (1.0, 2.0, ["event"])
    env.step()
    assert (env.now, env.peek(), log) == (2.0, math.inf, ["event", "callback"])
    with pytest.raises(EmptySchedule):
        env.step()
    assert env.events_count == 2


def test_an_error_leaves_the_environment_usable() -> None:
    env, log = OrderedEnvironment(), []

    def broken(_: object) -> None:
        raise LookupError("broken")

    env.call_at(1.0, FINISH, 0, broken, None)
    env.call_at(6.0, FINISH, 0, log.append, "later")
    with pytest.raises(LookupError):
        env.run(until=5.0)
    assert env.now == 1.0
    env.run()  # the stop at 5 is forgotten
    assert (env.now, log, env.events_count) == (6.0, ["later"], 2)


def test_a_stop_thrown_by_a_callback_ends_the_run() -> None:
    env = OrderedEnvironment()

    def stop(value: str) -> None:
        raise StopSimulation(value)

    env.call_at(1.0, FINISH, 0, stop, "value")
    env.timeout(2.0)
    assert env.run() == "value"
    assert (env.now, env.peek()) == (1.0, 2.0)


def test_who_waits_behind_the_stop_goes_on_in_the_next_run() -> None:
    env, log = OrderedEnvironment(), []
    event = env.timeout(1.0, "value")
    env.call_at(0.5, FINISH, 0, lambda _: event.callbacks.append(lambda event: log.append(event.value)), None)
    assert env.run(until=event) == "value"
    assert log == []
    assert env.run(until=event) == "value"
    assert log == ["value"]
    assert env.events_count == 2
    assert env.run(until=event) == "value"  # it happened


def test_an_until_that_never_happens_is_an_error_and_leaves_nothing() -> None:
    env = OrderedEnvironment()
    event = env.event()
    with pytest.raises(RuntimeError, match="was not triggered"):
        env.run(until=event)
    event.succeed("late")
    env.run()
    assert event.processed


def test_dead_alarms_do_not_move_the_clock() -> None:
    env, log = OrderedEnvironment(), []
    kept, dropped, never = env.alarm(1.0), env.alarm(9.0), env.alarm(math.inf)
    kept.callbacks.append(lambda _: log.append(env.now))
    dropped.cancel()
    dropped.cancel()
    never.cancel()
    env.run()
    kept.cancel()  # it went off: nothing happens
    assert (env.now, log, env.events_count, env.peek()) == (1.0, [1.0], 1, math.inf)


def test_peek_and_step_see_no_dead_alarm() -> None:
    env = OrderedEnvironment()
    env.alarm(1.0).cancel()
    env.timeout(2.0)
    assert env.peek() == 2.0
    env.alarm(1.5).cancel()
    env.step()
    assert env.now == 2.0


def test_a_heap_of_dead_alarms_is_compacted() -> None:
    env = OrderedEnvironment()
    for _ in range(10_000):
        env.alarm(1e6).cancel()
    assert len(env._heap) <= 2 * DEAD_MIN + 1
    env.timeout(1.0)
    env.run()
    assert (env.now, len(env._heap)) == (1.0, 0)


def test_apart_sets_everything_else_aside() -> None:
    env, log = OrderedEnvironment(), []
    env.call_at(0.0, FAULT, 0, log.append, "outside")
    env.alarm(3.0).cancel()
    with env.apart():
        env.call_at(0.0, ARRIVAL, 0, log.append, "inside")
        env.step()
        assert env.peek() == math.inf
        env.call_at(0.0, ARRIVAL, 1, log.append, "left over")
    env.run()
    assert log == ["inside", "outside", "left over"]
    assert env.now == 0.0


def test_a_stepped_instant_ends_where_kernel_or_another_instant_comes_first() -> None:
    """`step_instant`: the head, then all of its instant up to a rank; dead alarms neither stop it nor are counted."""
    env, log = OrderedEnvironment(), []
    done = env.event()

    def more(_: None) -> None:
        log.append("head")
        env.call_at(1.0, CONTROL, 5, log.append, "made by the head")

    env.call_at(1.0, FINISH, 0, log.append, "a finish")
    env.call_at(1.0, CONTROL, 1, more, None)
    env.call_at(1.5, CONTROL, 0, log.append, "later")
    env.alarm(1.0).cancel()
    env.alarm(1.0).callbacks.append(lambda _: log.append("alarm"))
    env.step_instant(CONTROL, done)
    assert (env.now, log, env.events_count) == (1.0, ["head", "made by the head", "alarm"], 3)
    env.step_instant(CONTROL, done)
    assert (log[3:], env.now) == (["a finish"], 1.0)
    env.call_at(1.5, CONTROL, 1, lambda _: done.succeed(), None)
    env.call_at(1.5, CONTROL, 2, log.append, "after the end")
    env.step_instant(CONTROL, done)
    assert (log[4:], env.now) == (["later"], 1.5)
    with pytest.raises(EmptySchedule):
        OrderedEnvironment().step_instant(CONTROL, done)
