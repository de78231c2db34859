"""Timeouts: what they cut short, what they leave alone, and who wins at equal instants."""

from __future__ import annotations

import math

import pytest

from sim.runtime.cancelled import Cancelled
from tests.conformance.runtime.stage import AnyRuntime, Play


def test_a_timeout_raises_at_its_instant(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        with pytest.raises(TimeoutError, match=r"not done within 1\.5 s"):
            async with runtime.timeout(1.5):
                await runtime.sleep(100.0)
        return runtime.now()

    assert play(body) == 1.5


def test_a_body_in_time_is_left_alone(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[float, bool]:
        async with runtime.timeout(1.5) as timeout:
            await runtime.sleep(1.0)
        await runtime.sleep(5.0)
        return runtime.now(), timeout.expired()

    assert play(body) == (6.0, False)


def test_completion_wins_at_equal_instants(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        async with runtime.timeout(2.0):
            await runtime.sleep(2.0)
        return runtime.now()

    assert play(body) == 2.0


def test_completion_by_another_task_wins_at_equal_instants(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[str, float]:
        event = runtime.event()

        async def setter() -> str:
            await runtime.sleep(2.0)
            event.set("in time")
            return "set"

        async with runtime.timeout(2.0):
            task = runtime.spawn(setter())
            value = await event.wait()
            await task.join()
        return value, runtime.now()

    assert play(body) == ("in time", 2.0)


def test_a_timeout_of_zero_lets_pass_what_takes_no_time(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        async with runtime.timeout(0.0):
            await runtime.sleep(0)
        with pytest.raises(TimeoutError):
            async with runtime.timeout(0.0):
                await runtime.sleep(1e-6)
        with pytest.raises(TimeoutError):
            async with runtime.timeout(-3.0):  # what is left of a budget may be less than nothing
                await runtime.sleep(1.0)
        return runtime.now()

    assert play(body) == 0.0


def test_an_endless_timeout_never_fires(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        async with runtime.timeout(math.inf):
            await runtime.sleep(1e6)
        return runtime.now()

    assert play(body) == 1e6


def test_the_inner_timeout_fires_inside(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[float]:
        log = []
        async with runtime.timeout(5.0):
            with pytest.raises(TimeoutError):
                async with runtime.timeout(1.0):
                    await runtime.sleep(100.0)
            log.append(runtime.now())
            await runtime.sleep(2.0)
        return [*log, runtime.now()]

    assert play(body) == [1.0, 3.0]


def test_the_outer_timeout_passes_through_the_inner(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[str, float]:
        caught = "nothing"
        try:
            async with runtime.timeout(1.0):
                try:
                    async with runtime.timeout(5.0):
                        await runtime.sleep(100.0)
                except TimeoutError:
                    caught = "inner"
        except TimeoutError:
            caught += ", outer"
        return caught, runtime.now()

    assert play(body) == ("nothing, outer", 1.0)


def test_two_timeouts_at_one_instant_raise_in_the_outer(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        log: list[str] = []
        try:
            async with runtime.timeout(1.0):
                try:
                    async with runtime.timeout(1.0):
                        await runtime.sleep(100.0)
                except TimeoutError:
                    log.append("inner")
        except TimeoutError:
            log.append("outer")
        await runtime.sleep(1.0)  # no cancel is left over
        return [*log, str(runtime.now())]

    assert play(body) == ["outer", "2.0"]


def test_a_cancel_from_outside_is_no_timeout(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[bool, float]:
        async def child() -> None:
            async with runtime.timeout(5.0):
                await runtime.sleep(100.0)

        task = runtime.spawn(child())
        await runtime.sleep(1.0)
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()
        return task.cancelled(), runtime.now()

    assert play(body) == (True, 1.0)


def test_a_body_that_swallows_the_cancel_ends_without_an_error(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[bool, float]:
        async with runtime.timeout(1.0) as timeout:
            try:
                await runtime.sleep(100.0)
            except Cancelled:
                await runtime.sleep(2.0)
        return timeout.expired(), runtime.now()

    assert play(body) == (True, 3.0)


def test_an_error_of_the_body_goes_before_the_timeout(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> None:
        async def bounded() -> None:
            async with runtime.timeout(1.0):
                try:
                    await runtime.sleep(100.0)
                finally:
                    raise LookupError("while cleaning up")

        with pytest.raises(LookupError, match="while cleaning up"):
            await bounded()
        await runtime.sleep(1.0)

    play(body)


def test_a_timeout_cuts_a_join_and_leaves_the_task(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[bool, float]:
        task = runtime.spawn(runtime.sleep(3.0))
        with pytest.raises(TimeoutError):
            async with runtime.timeout(1.0):
                await task.join()
        alive = not task.done()
        await task.join()
        return alive, runtime.now()

    assert play(body) == (True, 3.0)


def test_a_timeout_that_did_not_fire_leaves_nothing_behind(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        for _ in range(1000):
            async with runtime.timeout(1e6):
                await runtime.sleep(0.5)
        return runtime.now()

    assert play(body) == 500.0
