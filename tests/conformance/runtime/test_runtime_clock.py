"""The clock: both runtimes tell the same time."""

from __future__ import annotations

import math

import pytest

from sim.contracts import Runtime
from sim.runtime.cancelled import Cancelled
from tests.conformance.runtime.stage import AnyRuntime, Play


def test_the_clock_starts_at_zero(play: Play) -> None:
    async def body(runtime: Runtime) -> float:
        return runtime.now()

    assert play(body) == 0.0


def test_a_sleep_takes_its_duration(play: Play) -> None:
    async def body(runtime: Runtime) -> list[float]:
        await runtime.sleep(2.5)
        first = runtime.now()
        await runtime.sleep(0.25)
        return [first, runtime.now()]

    assert play(body) == [2.5, 2.75]


def test_sleep_until_is_exact(play: Play) -> None:
    async def body(runtime: Runtime) -> list[float]:
        seen = []
        for tick in range(1, 11):  # .1 + .1 + ... would be .9999999999999999 at the tenth
            await runtime.sleep_until(tick * 0.1)
            seen.append(runtime.now())
        return seen

    assert play(body) == [tick * 0.1 for tick in range(1, 11)]


def test_sleep_until_an_instant_that_has_passed_takes_no_time(play: Play) -> None:
    async def body(runtime: Runtime) -> float:
        await runtime.sleep(4.0)
        await runtime.sleep_until(1.0)
        return runtime.now()

    assert play(body) == 4.0


def test_sleep_zero_lets_others_run_and_takes_no_time(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[list[str], float]:
        log: list[str] = []

        async def other() -> None:
            log.append("other")

        runtime.spawn(other())
        log.append("before")
        await runtime.sleep(0)
        log.append("after")
        return log, runtime.now()

    assert play(body) == (["before", "other", "after"], 0.0)


@pytest.mark.parametrize("duration_s", [-1.0, -1e-300, math.nan])
def test_a_bad_duration_is_refused(play: Play, duration_s: float) -> None:
    async def body(runtime: AnyRuntime) -> None:
        with pytest.raises(ValueError, match="accepted is a duration >= 0"):
            await runtime.sleep(duration_s)
        with pytest.raises(ValueError, match="accepted is a duration >= 0"):
            await runtime.run_blocking(lambda: None, cost_s=duration_s)

    play(body)


def test_not_a_number_is_no_instant(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> None:
        with pytest.raises(ValueError, match="accepted is an instant"):
            await runtime.sleep_until(math.nan)
        with pytest.raises(ValueError, match="accepted is a number"):
            runtime.timeout(math.nan)

    play(body)


def test_an_endless_sleep_ends_by_a_cancel_only(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[bool, float]:
        task = runtime.spawn(runtime.sleep(math.inf))
        await runtime.sleep(1e6)
        assert not task.done()
        task.cancel()
        with pytest.raises(Cancelled):
            await task.join()
        return task.cancelled(), runtime.now()

    assert play(body) == (True, 1e6)


def test_sleepers_wake_in_the_order_of_their_instants(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[tuple[float, float]]:
        log: list[tuple[float, float]] = []

        async def sleeper(duration_s: float) -> None:
            await runtime.sleep(duration_s)
            log.append((duration_s, runtime.now()))

        for duration_s in (3.0, 1.0, 2.0):
            runtime.spawn(sleeper(duration_s))
        await runtime.sleep(4.0)
        return log

    assert play(body) == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]


def test_blocking_work_gives_its_result(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> int:
        return await runtime.run_blocking(lambda: 6 * 7, cost_s=0.5)

    assert play(body) == 42


def test_blocking_work_gives_its_error(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> None:
        def work() -> None:
            raise KeyError("missing")

        with pytest.raises(KeyError, match="missing"):
            await runtime.run_blocking(work, cost_s=0.5)

    play(body)


def test_the_wall_clock_goes_on(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> bool:
        first = runtime.wall_at()
        await runtime.sleep(1.0)
        return runtime.wall_at() >= first

    assert play(body)


def test_both_are_the_runtime_of_the_contracts(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> float:
        contract: Runtime = runtime
        return contract.now()

    assert play(body) == 0.0
