"""The horizon: what `close` does on virtual time, apart from the world's events."""

from __future__ import annotations

import gc
import math
import sys
import weakref
from collections.abc import AsyncIterator
from contextlib import nullcontext

import pytest

from sim.runtime.cancelled import Cancelled
from sim.runtime.order import ARRIVAL, FINISH
from sim.runtime.virtual import VirtualRuntime


def test_close_moves_neither_the_clock_nor_the_world() -> None:
    runtime, log = VirtualRuntime(), []

    async def child() -> None:
        try:
            await runtime.sleep(100.0)
        finally:
            await runtime.sleep(0)
            log.append(f"cleaned up at {runtime.now()}")

    runtime.spawn(child())
    for rank in range(7):
        runtime.env.call_at(5.0, rank, 0, log.append, rank)
    runtime.run(until=5.0)
    runtime.close()
    assert log == ["cleaned up at 5.0"]
    assert runtime.now() == 5.0
    runtime.close()  # once is enough
    runtime.env.run()
    assert log == ["cleaned up at 5.0", *range(7)]


def test_a_clean_up_that_needs_time_is_cut_short() -> None:
    runtime, log = VirtualRuntime(), []

    async def child() -> None:
        try:
            await runtime.sleep(100.0)
        finally:
            try:
                await runtime.sleep(1.0)
            except Cancelled:
                log.append("cut short")

    runtime.spawn(child())
    runtime.run(until=5.0)
    runtime.close()
    assert (log, runtime.now()) == (["cut short"], 5.0)


def test_a_clean_up_without_end_is_an_error() -> None:
    runtime = VirtualRuntime()
    runtime.cleanup_events_max = 1000

    async def child() -> None:
        try:
            await runtime.sleep(100.0)
        finally:
            for _ in range(2000):
                await runtime.sleep(0)

    runtime.spawn(child())
    runtime.run(until=5.0)
    with pytest.raises(RuntimeError, match="after 1000 events at one instant"):
        runtime.close()
    runtime.run()


def test_a_task_about_to_step_is_cancelled_by_close() -> None:
    runtime, log = VirtualRuntime(), []
    event = runtime.event()

    async def child() -> None:
        try:
            await event.wait()
            log.append("went on")
        except Cancelled:
            log.append("cancelled")
            raise

    runtime.spawn(child())
    runtime.env.call_at(1.0, FINISH, 0, event.set, None)
    runtime.env.call_at(1.0, ARRIVAL, 0, event.set, None)
    runtime.run(until=1.0)
    while not event.is_set():
        runtime.env.step()  # the task is woken and has not run
    runtime.close()
    assert log == ["cancelled"]


def test_a_task_that_never_started_is_closed_without_running() -> None:
    runtime, log = VirtualRuntime(), []

    async def child() -> None:
        log.append("ran")

    task = runtime.spawn(child())
    runtime.close()
    assert (log, task.cancelled()) == ([], True)


def test_a_closed_runtime_spawns_nothing() -> None:
    runtime = VirtualRuntime()
    runtime.close()
    with pytest.raises(RuntimeError, match="the runtime is closed"):
        runtime.spawn(runtime.sleep(1.0))


def test_a_generator_dropped_after_the_end_does_no_harm() -> None:
    runtime, kept = VirtualRuntime(), []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await runtime.sleep(1.0)

    async def body() -> int:
        kept.append(numbers())
        return await anext(kept[0])

    assert runtime.run_task(body()) == 1
    runtime.close()
    kept.clear()
    assert runtime.env.peek() == math.inf


def test_who_closes_is_not_held_by_what_it_cancelled() -> None:
    """A run's tables go when the run does, not when the collector of cycles comes by."""
    runtime = VirtualRuntime()

    class Tables:
        pass

    async def waits() -> None:
        await runtime.event().wait()

    def a_run() -> weakref.ref[Tables]:
        tables = Tables()
        for _ in range(3):
            runtime.spawn(waits())
        runtime.run(1.0)
        runtime.close()
        return weakref.ref(tables)

    gc.disable()
    try:
        assert a_run()() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("stepped", [False, True])
def test_a_generator_that_is_left_early_closes_in_a_task_of_its_own_where_time_is_stepped_too(stepped: bool) -> None:
    runtime, log = VirtualRuntime(), []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            await runtime.sleep(2.0)  # only a task can wait
            log.append(runtime.now())

    async def reads() -> None:
        async for _ in numbers():
            break
        gc.collect()

    runtime.spawn(reads())
    with runtime.stepping() if stepped else nullcontext():
        while runtime.env.peek() < math.inf:
            runtime.env.step()
    assert log == [2.0]
    runtime.close()


def test_stepping_gives_the_hooks_back_whatever_ends_it() -> None:
    runtime, before = VirtualRuntime(), sys.get_asyncgen_hooks()

    def cut_short() -> None:
        with runtime.stepping():
            with runtime.stepping():
                assert sys.get_asyncgen_hooks().finalizer == runtime.finish_generator
            assert runtime.is_stepping, "the outer block is not over"
            raise ValueError("cut short")

    with pytest.raises(ValueError, match="cut short"):
        cut_short()
    assert not runtime.is_stepping
    assert sys.get_asyncgen_hooks() == before
    runtime.close()
