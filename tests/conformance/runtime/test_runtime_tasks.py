"""Tasks: outcomes, joining, cancelling, contexts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from contextvars import ContextVar

import pytest

from sim.runtime.cancelled import Cancelled
from tests.conformance.runtime.stage import AnyRuntime, Play

VARIABLE: ContextVar[str] = ContextVar("VARIABLE", default="none")


async def answer(runtime: AnyRuntime, value: int, after_s: float) -> int:
    await runtime.sleep(after_s)
    return value


async def fail(runtime: AnyRuntime, after_s: float, text: str = "broken") -> None:
    await runtime.sleep(after_s)
    raise LookupError(text)


def test_a_join_gives_the_result(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[int, float]:
        return await runtime.spawn(answer(runtime, 7, 2.0)).join(), runtime.now()

    assert play(body) == (7, 2.0)


def test_a_late_join_gives_the_result_at_once(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[int, int, float]:
        task = runtime.spawn(answer(runtime, 7, 2.0))
        await runtime.sleep(5.0)
        return await task.join(), await task.join(), runtime.now()

    assert play(body) == (7, 7, 5.0)


def test_many_joiners_get_the_same_result(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[int]:
        task = runtime.spawn(answer(runtime, 7, 2.0))
        joiners = [runtime.spawn(task.join()) for _ in range(3)]
        return [await joiner.join() for joiner in joiners]

    assert play(body) == [7, 7, 7]


def test_a_join_raises_the_error_also_late(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        task = runtime.spawn(fail(runtime, 1.0))
        with pytest.raises(LookupError, match="broken"):
            await task.join()
        await runtime.sleep(1.0)
        with pytest.raises(LookupError, match="broken"):
            await task.join()
        return runtime.now()

    assert play(body) == 2.0


def test_a_spawned_task_starts_after_its_parent_waits(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        log: list[str] = []

        async def child(name: str) -> None:
            log.append(name)

        tasks = [runtime.spawn(child(name)) for name in ("first", "second")]
        log.append("parent")
        assert not any(task.done() for task in tasks)
        for task in tasks:
            await task.join()
        return log

    assert play(body) == ["parent", "first", "second"]


def test_a_task_cancelled_before_its_first_step_never_runs_its_body(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        log: list[str] = []

        async def child() -> None:
            log.append("ran")

        task = runtime.spawn(child())
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()
        assert task.done()
        assert task.cancelled()
        return log

    assert play(body) == []


def test_a_cancel_is_thrown_where_the_task_waits(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[float]:
        log: list[float] = []

        async def child() -> None:
            try:
                await runtime.sleep(100.0)
            finally:
                log.append(runtime.now())

        task = runtime.spawn(child())
        await runtime.sleep(1.5)
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()
        return [*log, runtime.now()]

    assert play(body) == [1.5, 1.5]


def test_cancelling_an_ended_task_does_nothing(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[int, bool]:
        task = runtime.spawn(answer(runtime, 7, 1.0))
        await runtime.sleep(2.0)
        task.cancel()
        await runtime.sleep(1.0)
        return await task.join(), task.cancelled()

    assert play(body) == (7, False)


def test_an_uncaught_cancel_ends_the_task_and_not_the_run(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        runtime.spawn(runtime.sleep(100.0)).cancel()
        await runtime.sleep(3.0)
        return runtime.now()

    assert play(body) == 3.0


def test_a_task_may_catch_a_cancel_and_go_on(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[str, float]:
        async def child() -> str:
            try:
                await runtime.sleep(100.0)
            except Cancelled:
                await runtime.sleep(2.0)
            return "went on"

        task = runtime.spawn(child())
        await runtime.sleep(1.0)
        task.cancel()
        return await task.join(), runtime.now()

    assert play(body) == ("went on", 3.0)


def test_cancels_before_the_next_step_are_one(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> int:
        caught_count = 0

        async def child() -> None:
            nonlocal caught_count
            for _ in range(3):
                try:
                    await runtime.sleep(1.0)
                except Cancelled:
                    caught_count += 1

        task = runtime.spawn(child())
        await runtime.sleep(0.5)
        task.cancel()
        task.cancel()
        await task.join()
        return caught_count

    assert play(body) == 1


def test_a_task_that_cancels_itself_is_cancelled_at_its_next_wait(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        log: list[str] = []

        async def child() -> None:
            tasks[0].cancel()
            log.append("still here")
            await runtime.sleep(0)
            log.append("not here")

        tasks = [runtime.spawn(child())]
        with pytest.raises(Cancelled):
            await tasks[0].join()
        return log

    assert play(body) == ["still here"]


def test_a_task_that_cancels_itself_in_its_last_step_is_cancelled(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> bool:
        async def child() -> None:
            tasks[0].cancel()

        tasks = [runtime.spawn(child())]
        with pytest.raises(Cancelled):
            await tasks[0].join()
        return tasks[0].cancelled()

    assert play(body)


def test_cancelling_a_joiner_leaves_the_task(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[int, float]:
        task = runtime.spawn(answer(runtime, 7, 3.0))
        joiner = runtime.spawn(task.join())
        await runtime.sleep(1.0)
        joiner.cancel()
        return await task.join(), runtime.now()

    assert play(body) == (7, 3.0)


def test_each_task_steps_in_a_context_of_its_own(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        async def child(value: str) -> str:
            inherited = VARIABLE.get()
            VARIABLE.set(value)
            await runtime.sleep(1.0)
            return f"{inherited} {VARIABLE.get()}"

        VARIABLE.set("parent")
        tasks = [runtime.spawn(child(value)) for value in "ab"]
        return [await task.join() for task in tasks] + [VARIABLE.get()]

    assert play(body) == ["parent a", "parent b", "parent"]
    assert VARIABLE.get() == "none"


def test_names_are_given_or_those_of_the_coroutine(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        tasks = [runtime.spawn(answer(runtime, 1, 0.0), "mine"), runtime.spawn(answer(runtime, 1, 0.0))]
        return [task.name for task in tasks]

    assert play(body) == ["mine", "answer"]


def test_only_a_coroutine_is_spawned(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> None:
        with pytest.raises(TypeError, match="a coroutine was expected, not function"):
            runtime.spawn(answer)  # type: ignore[arg-type]

    play(body)


async def numbers(runtime: AnyRuntime, log: list[str]) -> AsyncIterator[int]:
    try:
        for number in range(10):
            await runtime.sleep(1.0)
            yield number
    finally:
        await runtime.sleep(1.0)
        log.append(f"closed at {runtime.now()}")


def test_aclosing_waits_for_the_clean_up_of_a_loop_left_early(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        log: list[str] = []
        async with aclosing(numbers(runtime, log)) as generator:  # type: ignore[type-var]
            async for number in generator:
                if number == 2:
                    break
        log.append(f"left at {runtime.now()}")
        return log

    assert play(body) == ["closed at 4.0", "left at 4.0"]


def test_a_loop_left_early_still_runs_its_awaiting_clean_up(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        log: list[str] = []
        async for number in numbers(runtime, log):
            if number == 2:
                break
        log.append(f"left at {runtime.now()}")
        await runtime.sleep(5.0)
        return log

    assert play(body) == ["left at 3.0", "closed at 4.0"]
