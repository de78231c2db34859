"""The end of a run: clean-up in spawn order, and failures that nobody joined."""

from __future__ import annotations

import pytest

from sim.runtime.cancelled import Cancelled
from sim.runtime.live import LiveRuntime
from tests.conformance.runtime.stage import AnyRuntime, Play


async def fail(runtime: AnyRuntime, after_s: float, text: str) -> None:
    await runtime.sleep(after_s)
    raise LookupError(text)


def test_close_cancels_all_tasks_in_spawn_order(play: Play) -> None:
    log: list[str] = []

    async def body(runtime: AnyRuntime) -> None:
        async def child(name: str, duration_s: float) -> None:
            try:
                await runtime.sleep(duration_s)
            finally:
                log.append(f"{name} at {runtime.now()}")

        for name, duration_s in (("a", 300.0), ("b", 100.0), ("c", 200.0)):
            runtime.spawn(child(name, duration_s))
        await runtime.sleep(1.0)

    play(body)
    assert log == ["a at 1.0", "b at 1.0", "c at 1.0"]


def test_a_clean_up_may_wait_for_others(play: Play) -> None:
    log: list[str] = []

    async def body(runtime: AnyRuntime) -> None:
        cleaned = runtime.event()

        async def first() -> None:
            try:
                await runtime.sleep(100.0)
            finally:
                await cleaned.wait()
                await runtime.sleep(0)
                log.append("first")

        async def second() -> None:
            try:
                await runtime.sleep(100.0)
            finally:
                log.append("second")
                cleaned.set()

        runtime.spawn(first())
        runtime.spawn(second())
        await runtime.sleep(1.0)

    play(body)
    assert log == ["second", "first"]


def test_a_step_that_is_due_before_the_end_is_still_taken(play: Play) -> None:
    log: list[str] = []

    async def body(runtime: AnyRuntime) -> None:
        async def child() -> None:
            log.append("first step")
            await runtime.sleep(1.0)
            log.append("second step")

        await runtime.sleep(1.0)
        runtime.spawn(child())

    play(body)
    assert log == ["first step"]


def test_what_a_clean_up_spawns_is_cancelled_too(play: Play) -> None:
    log: list[str] = []

    async def body(runtime: AnyRuntime) -> None:
        async def late() -> None:
            try:
                await runtime.sleep(100.0)
            except Cancelled:
                log.append("late cancelled")
                raise

        async def child() -> None:
            try:
                await runtime.sleep(100.0)
            finally:
                runtime.spawn(late())
                await runtime.sleep(0)

        runtime.spawn(child())
        await runtime.sleep(1.0)

    play(body)
    assert log == ["late cancelled"]


def test_a_failure_that_nobody_joined_is_raised_at_the_end(play: Play) -> None:
    ran_on: list[float] = []

    async def body(runtime: AnyRuntime) -> None:
        runtime.spawn(fail(runtime, 1.0, "first"))
        runtime.spawn(fail(runtime, 0.5, "second"))
        await runtime.sleep(2.0)
        ran_on.append(runtime.now())

    with pytest.raises(ExceptionGroup, match="nobody joined them") as caught:
        play(body)
    assert [str(error) for error in caught.value.exceptions] == ["second", "first"]
    assert ran_on == [2.0]


def test_a_failure_during_clean_up_is_raised_at_the_end(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> None:
        async def child() -> None:
            try:
                await runtime.sleep(100.0)
            finally:
                raise LookupError("while cleaning up")

        runtime.spawn(child())
        await runtime.sleep(1.0)

    with pytest.raises(ExceptionGroup, match="nobody joined them") as caught:
        play(body)
    assert [str(error) for error in caught.value.exceptions] == ["while cleaning up"]


def test_a_failure_that_was_joined_is_not_raised_again(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> str:
        task = runtime.spawn(fail(runtime, 1.0, "joined"))
        await runtime.sleep(2.0)
        with pytest.raises(LookupError):
            await task.join()
        return "fine"

    assert play(body) == "fine"


def test_an_error_of_the_body_leaves_as_it_is(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> None:
        await runtime.sleep(1.0)
        raise KeyError("body")

    with pytest.raises(KeyError, match="body"):
        play(body)


def test_waiting_for_what_never_happens_is_an_error(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> None:
        await runtime.event().wait()

    with pytest.raises(RuntimeError, match=r"No scheduled events left|never happens"):
        play(body)


def test_a_task_that_ignores_every_cancel_is_named(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> None:
        async def stubborn() -> None:
            for _ in range(20):
                try:
                    await runtime.sleep(1e6)
                except Cancelled:
                    continue

        runtime.spawn(stubborn())
        await runtime.sleep(1.0)

    with pytest.raises(RuntimeError, match="do not end when they are cancelled: stubborn"):
        play(body)


def test_a_task_cannot_close_its_runtime(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> None:
        async def child() -> None:
            if isinstance(runtime, LiveRuntime):
                await runtime.close()
            else:
                runtime.close()

        with pytest.raises(RuntimeError, match="from outside of the tasks"):
            await runtime.spawn(child()).join()

    play(body)
