"""Speed of the hot path: a bare callback against SimPy's timeout, and a table of draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import simpy

from sim.runtime.draws import PICK, CounterDraws
from sim.runtime.order import FINISH
from sim.runtime.virtual import OrderedEnvironment, VirtualRuntime

EVENTS = 20_000
PENDING = 1000  # a fleet of about that many agents
GAPS_S = CounterDraws(1, 0).uniforms(PICK, 0, 1024)[:, 0].tolist()


def callbacks() -> int:
    """EVENTS bare callbacks, each scheduling the next, PENDING in the heap."""
    env = OrderedEnvironment()
    left = EVENTS - PENDING

    def happen(entity: int) -> None:
        nonlocal left
        if left:
            left -= 1
            env.call_at(env.now + GAPS_S[left & 1023], FINISH, entity << 16, happen, entity + 1)

    for entity in range(PENDING):
        env.call_at(GAPS_S[entity], FINISH, entity << 16, happen, entity)
    env.run()
    return env.events_count


def timeouts(make: Callable[[], simpy.Environment]) -> int:
    """The same with a SimPy timeout and a callback on it."""
    env = make()
    left, count = EVENTS - PENDING, 0

    def happen(event: Any) -> None:
        nonlocal left, count
        count += 1
        if left:
            left -= 1
            env.timeout(GAPS_S[left & 1023], event.value).callbacks.append(happen)

    for entity in range(PENDING):
        env.timeout(GAPS_S[entity], entity).callbacks.append(happen)
    env.run()
    return count


def sleeps() -> float:
    """A task that sleeps 2000 times."""
    runtime = VirtualRuntime()

    async def body() -> float:
        for _ in range(2000):
            await runtime.sleep(0.5)
        return runtime.now()

    return runtime.run_task(body())


def test_bench_bare_callbacks(benchmark: Any) -> None:
    assert benchmark(callbacks) == EVENTS


def test_bench_timeouts_of_simpy(benchmark: Any) -> None:
    assert benchmark(timeouts, simpy.Environment) == EVENTS


def test_bench_timeouts_of_simpy_on_the_ordered_heap(benchmark: Any) -> None:
    assert benchmark(timeouts, OrderedEnvironment) == EVENTS


def test_bench_sleeping_task(benchmark: Any) -> None:
    assert benchmark(sleeps) == 1000.0


def test_bench_uniforms(benchmark: Any) -> None:
    draws = CounterDraws(1, 0)
    assert benchmark(draws.uniforms, PICK, 0, 1024, 2).shape == (1024, 2)


def test_bench_uniform(benchmark: Any) -> None:
    draws = CounterDraws(1, 0)
    assert 0.0 < benchmark(draws.uniform, PICK, 7) < 1.0
