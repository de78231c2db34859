"""What only the virtual runtime has: SimPy beside the tasks, foreign awaitables, the horizon."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Generator
from typing import Any

import pytest
import simpy

from sim.runtime.cancelled import Cancelled
from sim.runtime.order import ARRIVAL, FINISH
from sim.runtime.virtual import OrderedEnvironment, VirtualRuntime


class Yields:
    """Awaits whatever it is given."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self.value)


async def wait(awaitable: Any) -> Any:
    return await awaitable


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (42, "builtins.int"),
        (Yields(0), "tests.runtime.test_virtual_runtime.Yields"),
        (None, "a bare yield"),
        (simpy.Environment().event(), "an event of another environment"),
    ],
)
def test_a_foreign_awaitable_is_named(value: Any, named: str) -> None:
    with pytest.raises(TypeError, match="task 'wait' awaits") as caught:
        VirtualRuntime().run_task(wait(Yields(value)))
    assert named in str(caught.value)


def test_a_cancel_goes_before_the_complaint_about_a_foreign_awaitable() -> None:
    runtime = VirtualRuntime()

    async def body() -> None:
        task = runtime.current()
        assert task is not None
        task.cancel()
        await Yields(42)

    with pytest.raises(Cancelled):
        runtime.run_task(body())


def test_the_sleep_of_asyncio_is_foreign() -> None:
    with pytest.raises(TypeError, match="a bare yield"):
        VirtualRuntime().run_task(asyncio.sleep(0))


def test_a_task_may_catch_what_is_foreign_and_go_on() -> None:
    runtime = VirtualRuntime()

    async def body() -> float:
        with pytest.raises(TypeError):
            await Yields(42)
        await runtime.sleep(1.0)
        return runtime.now()

    assert runtime.run_task(body()) == 1.0


def test_a_task_may_await_events_of_simpy() -> None:
    runtime = VirtualRuntime()
    env = runtime.env

    def process() -> Generator[simpy.Event, Any, str]:
        yield env.timeout(2.0)
        return "process"

    async def body() -> list[Any]:
        event = env.timeout(1.0, "timeout")
        values = [await Yields(event), await Yields(event), await Yields(env.process(process()))]
        with pytest.raises(LookupError, match="broken"):
            await Yields(env.event().fail(LookupError("broken")))
        failed = env.event().fail(LookupError("handled elsewhere"))
        failed.defused = True
        await runtime.sleep(1.0)
        with pytest.raises(LookupError, match="handled elsewhere"):
            await Yields(failed)
        return [*values, runtime.now()]

    assert runtime.run_task(body()) == ["timeout", "timeout", "process", 4.0]


@pytest.mark.parametrize(("rank", "outcome"), [(FINISH, "finished"), (ARRIVAL, "timeout")])
def test_a_finish_beats_a_timeout_and_an_arrival_does_not(rank: int, outcome: str) -> None:
    runtime = VirtualRuntime()

    async def body() -> str:
        event = runtime.event()
        runtime.env.call_at(2.0, rank, 0, event.set, "finished")
        try:
            async with runtime.timeout(2.0):
                return str(await event.wait())
        except TimeoutError:
            return "timeout"

    assert runtime.run_task(body()) == outcome


def test_blocking_work_costs_its_virtual_time() -> None:
    runtime, called_at = VirtualRuntime(), []

    def broken() -> None:
        called_at.append(runtime.now())
        raise LookupError("broken")

    async def body() -> float:
        assert await runtime.run_blocking(lambda: called_at.append(runtime.now()) or 7, cost_s=2.5) == 7
        with pytest.raises(LookupError, match="broken"):
            await runtime.run_blocking(broken, cost_s=1.5)
        return runtime.now()

    assert runtime.run_task(body()) == 4.0
    assert called_at == [0.0, 2.5]


def test_the_wall_clock_is_the_epoch_plus_now() -> None:
    runtime = VirtualRuntime(OrderedEnvironment(3.0), wall_epoch_s=1.75e9)
    assert (runtime.now(), runtime.wall_at()) == (3.0, 1.75e9 + 3.0)
    assert VirtualRuntime().wall_at() == 0.0


def test_timers_that_did_not_fire_do_not_move_the_clock() -> None:
    runtime = VirtualRuntime()

    async def body() -> None:
        async with runtime.timeout(1e6):
            await runtime.sleep(1.0)
        task = runtime.spawn(runtime.sleep(2e6))
        await runtime.sleep(1.0)
        task.cancel()

    runtime.spawn(body())
    runtime.run()
    assert (runtime.now(), runtime.env.peek()) == (2.0, math.inf)


def test_run_goes_up_to_an_instant_and_raises_what_failed() -> None:
    runtime = VirtualRuntime()

    async def fail(after_s: float) -> None:
        await runtime.sleep(after_s)
        raise LookupError(f"after {after_s}")

    for after_s in (1.0, 3.0):
        runtime.spawn(fail(after_s))
    with pytest.raises(ExceptionGroup) as caught:
        runtime.run(until=2.0)
    assert [str(error) for error in caught.value.exceptions] == ["after 1.0"]
    assert runtime.now() == 2.0
    with pytest.raises(ExceptionGroup) as caught:
        runtime.run()
    assert [str(error) for error in caught.value.exceptions] == ["after 3.0"]
    runtime.close()


def test_failures_are_kept_up_to_a_bound_and_counted_beyond() -> None:
    runtime = VirtualRuntime()

    async def fail() -> None:
        raise LookupError("again")

    tasks = [runtime.spawn(fail()) for _ in range(130)]
    with pytest.raises(ExceptionGroup, match=r"nobody joined them \(and 30 more\)") as caught:
        runtime.run()
    assert len(caught.value.exceptions) == 100
    with pytest.raises(LookupError):
        runtime.run_task(tasks[0].join())  # a late joiner still gets it


def test_ctrl_c_leaves_at_once() -> None:
    runtime = VirtualRuntime()

    async def interrupted() -> None:
        raise KeyboardInterrupt

    task = runtime.spawn(interrupted())
    with pytest.raises(KeyboardInterrupt):
        runtime.run()
    assert task.done()
    runtime.close()


def test_a_run_that_waits_for_ever_names_its_task() -> None:
    runtime = VirtualRuntime()
    with pytest.raises(RuntimeError, match="end of task 'deploy'"):
        runtime.run_task(runtime.event().wait(), "deploy")
    runtime.close()


def test_timeouts_and_groups_are_used_inside_tasks() -> None:
    runtime = VirtualRuntime()
    for scope in (runtime.timeout(1.0), runtime.group()):
        with pytest.raises(RuntimeError, match="is used inside a task"):
            scope.__aenter__().send(None)
