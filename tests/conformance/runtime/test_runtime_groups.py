"""Task groups: they end together, and the first failure cancels the rest."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest

from sim.runtime.cancelled import Cancelled
from tests.conformance.runtime.stage import AnyRuntime, Play


class Log(list[str]):
    """What happened, with its instant."""

    def __init__(self, runtime: AnyRuntime) -> None:
        super().__init__()
        self._runtime = runtime

    def add(self, text: str) -> None:
        self.append(f"{text} at {self._runtime.now()}")


async def work(runtime: AnyRuntime, log: Log, name: str, duration_s: float) -> str:
    try:
        await runtime.sleep(duration_s)
    except Cancelled:
        log.add(f"{name} cancelled")
        raise
    log.add(f"{name} done")
    return name


async def fail(runtime: AnyRuntime, duration_s: float, text: str) -> None:
    await runtime.sleep(duration_s)
    raise LookupError(text)


def cancels_of_this_task(runtime: AnyRuntime) -> int:
    task = runtime.current()
    assert task is not None
    return task.cancelling()


async def failures_of(coro: Coroutine[Any, Any, None]) -> list[Exception]:
    with pytest.raises(ExceptionGroup, match="tasks of a group failed") as caught:
        await coro
    return list(caught.value.exceptions)


def test_a_group_waits_for_all_its_tasks(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[list[str], list[str]]:
        log = Log(runtime)
        async with runtime.group() as group:
            tasks = [group.spawn(work(runtime, log, name, s)) for name, s in (("a", 2.0), ("b", 1.0))]
        log.add("left")
        return log, [await task.join() for task in tasks]

    assert play(body) == (["b done at 1.0", "a done at 2.0", "left at 2.0"], ["a", "b"])


def test_an_empty_group_takes_no_time(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        async with runtime.group():
            pass
        return runtime.now()

    assert play(body) == 0.0


def test_a_failure_cancels_the_others_and_leaves_as_a_group(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[list[str], list[str]]:
        log = Log(runtime)

        async def grouped() -> None:
            async with runtime.group() as group:
                group.spawn(work(runtime, log, "a", 5.0))
                group.spawn(fail(runtime, 1.0, "broken"))

        errors = await failures_of(grouped())
        log.add("left")
        await runtime.sleep(1.0)  # no cancel is left over
        assert cancels_of_this_task(runtime) == 0
        return log, [str(error) for error in errors]

    assert play(body) == (["a cancelled at 1.0", "left at 1.0"], ["broken"])


def test_a_failure_cuts_the_body_short(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[list[str], float]:
        log = Log(runtime)

        async def grouped() -> None:
            async with runtime.group() as group:
                group.spawn(fail(runtime, 1.0, "broken"))
                await work(runtime, log, "body", 5.0)

        assert [type(error) for error in await failures_of(grouped())] == [LookupError]
        await runtime.sleep(1.0)  # the cancel was the group's own and is taken back
        assert cancels_of_this_task(runtime) == 0
        return log, runtime.now()

    assert play(body) == (["body cancelled at 1.0"], 2.0)


def test_an_error_of_the_body_cancels_the_tasks(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        log = Log(runtime)

        async def grouped() -> None:
            async with runtime.group() as group:
                group.spawn(work(runtime, log, "a", 5.0))
                await runtime.sleep(1.0)
                raise KeyError("body")

        assert [type(error) for error in await failures_of(grouped())] == [KeyError]
        return log

    assert play(body) == ["a cancelled at 1.0"]


def test_all_failures_are_in_the_group(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        async def fail_when_cancelled() -> None:
            try:
                await runtime.sleep(5.0)
            except Cancelled:
                raise ValueError("while cleaning up") from None

        async def grouped() -> None:
            async with runtime.group() as group:
                group.spawn(fail_when_cancelled())
                group.spawn(fail(runtime, 1.0, "broken"))

        return [str(error) for error in await failures_of(grouped())]

    assert play(body) == ["broken", "while cleaning up"]


def test_a_cancel_from_outside_cancels_the_tasks_and_goes_on(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[list[str], bool]:
        log = Log(runtime)

        async def parent() -> None:
            async with runtime.group() as group:
                group.spawn(work(runtime, log, "a", 5.0))
                group.spawn(work(runtime, log, "b", 6.0))

        task = runtime.spawn(parent())
        await runtime.sleep(1.0)
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()
        return log, task.cancelled()

    assert play(body) == (["a cancelled at 1.0", "b cancelled at 1.0"], True)


def test_a_cancelled_member_is_no_failure(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        log = Log(runtime)
        async with runtime.group() as group:
            first = group.spawn(work(runtime, log, "a", 5.0))
            group.spawn(work(runtime, log, "b", 2.0))
            await runtime.sleep(1.0)
            first.cancel()
        return log

    assert play(body) == ["a cancelled at 1.0", "b done at 2.0"]


def test_a_timeout_bounds_a_group(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        log = Log(runtime)
        with pytest.raises(TimeoutError):
            async with runtime.timeout(1.0), runtime.group() as group:
                group.spawn(work(runtime, log, "a", 5.0))
        return log

    assert play(body) == ["a cancelled at 1.0"]


def test_a_member_may_spawn_more(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        log = Log(runtime)
        async with runtime.group() as group:

            async def first() -> None:
                await runtime.sleep(1.0)
                group.spawn(work(runtime, log, "second", 1.0))

            group.spawn(first())
        return log

    assert play(body) == ["second done at 2.0"]


def test_a_group_that_is_not_open_spawns_nothing(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> None:
        group = runtime.group()
        with pytest.raises(RuntimeError, match="while it is open"):
            group.spawn(runtime.sleep(1.0))
        async with group:
            pass
        with pytest.raises(RuntimeError, match="while it is open"):
            group.spawn(runtime.sleep(1.0))

    play(body)


def test_groups_nest(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[list[str], list[str]]:
        log = Log(runtime)

        async def inner() -> None:
            async with runtime.group() as group:
                group.spawn(fail(runtime, 1.0, "deep"))
                group.spawn(work(runtime, log, "inner", 5.0))

        async def grouped() -> None:
            async with runtime.group() as group:
                group.spawn(inner())
                group.spawn(work(runtime, log, "outer", 5.0))

        [nested] = await failures_of(grouped())
        assert isinstance(nested, ExceptionGroup)
        return log, [str(error) for error in nested.exceptions]

    assert play(body) == (["inner cancelled at 1.0", "outer cancelled at 1.0"], ["deep"])
