"""SimPy's own programs run on the ordered environment as they do on SimPy's."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest
import simpy

from sim.runtime.draws import CounterDraws, purpose
from sim.runtime.virtual import OrderedEnvironment

Process = Generator[simpy.Event, Any, Any]


class Sealed(Exception):
    """An error that cannot be rebuilt from its arguments."""

    def __init__(self, *, code: int) -> None:
        super().__init__("sealed")
        self.code = code


def test_a_failed_event_raises_as_in_simpy() -> None:
    for env in (simpy.Environment(), OrderedEnvironment()):
        failure = LookupError("broken", 7)
        env.event().fail(failure)
        with pytest.raises(LookupError) as caught:
            env.run()
        assert caught.value is not failure
        assert (caught.value.args, caught.value.__cause__) == (("broken", 7), failure)


def test_a_failure_that_cannot_be_copied_is_raised_itself() -> None:
    env, failure = OrderedEnvironment(), Sealed(code=3)
    env.event().fail(failure)
    with pytest.raises(Sealed) as caught:
        env.run()
    assert caught.value is failure


def test_a_failing_until_raises_its_error() -> None:
    for env in (simpy.Environment(), OrderedEnvironment()):
        with pytest.raises(LookupError, match="broken"):
            env.run(until=env.event().fail(LookupError("broken")))


def simpy_program(env: simpy.Environment, seed: int) -> list[Any]:
    """Processes that sleep, race, interrupt each other and share a resource, at colliding instants."""
    draws, log, resource = CounterDraws(seed, 0), [], simpy.Resource(env, 2)
    chance = purpose("program")

    def worker(name: int) -> Process:
        for step in range(8):
            u, v = draws.uniform(chance, name, step, 0), draws.uniform(chance, name, step, 1)
            try:
                if u < 0.3:
                    with resource.request() as request:
                        yield request | env.timeout(int(4 * v))
                        log.append((env.now, name, step, "got" if request.triggered else "gave up"))
                        yield env.timeout(1)
                elif u < 0.5:
                    yield env.all_of([env.timeout(int(3 * v)), env.timeout(0.5)])
                elif u < 0.7 and workers[name - 1].is_alive and workers[name - 1] is not env.active_process:
                    workers[name - 1].interrupt((name, step))
                    yield env.timeout(0)
                else:
                    yield env.timeout(int(3 * v) / 2, value=step)
                log.append((env.now, name, step))
            except simpy.Interrupt as interrupt:
                log.append((env.now, name, step, interrupt.cause))
        return name

    workers = [env.process(worker(name)) for name in range(12)]
    log.append(env.run(until=env.any_of(workers)).todict().values())
    env.run(until=env.now + 1.25)
    env.run()
    return [tuple(entry) for entry in log] + [(env.now,)]


@pytest.mark.parametrize("seed", range(20))
def test_simpy_programs_run_as_under_simpy(seed: int) -> None:
    make: list[Callable[[], simpy.Environment]] = [simpy.Environment, OrderedEnvironment]
    bare, ordered = (simpy_program(env(), seed) for env in make)
    assert ordered == bare, f"seed {seed}"
    assert len(ordered) > 90
