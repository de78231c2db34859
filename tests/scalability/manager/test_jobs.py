"""Background work by name: whoever waits for the end of a job, and what becomes of one that never began."""

from __future__ import annotations

from tests.scalability.manager.rig import Rig

NEVER = 1e9


def test_all_that_wait_for_a_job_hear_of_its_end_after_its_clean_up() -> None:
    rig = Rig(auto_scaling=False)
    jobs, runtime = rig.manager._deployer.jobs, rig.runtime
    heard: list[tuple[str, float]] = []

    async def works() -> None:
        try:
            await runtime.sleep(NEVER)
        finally:
            await runtime.sleep(3.0)

    async def waits(name: str) -> None:
        await jobs.ended("work")
        heard.append((name, runtime.now()))

    async def go() -> None:
        jobs.spawn("work", works, lambda: None)
        await runtime.sleep(1.0)
        tasks = [runtime.spawn(waits(name)) for name in ("first", "second")]
        jobs.cancel("work")
        await runtime.sleep(1.0)
        assert not heard
        for task in tasks:
            await task.join()
        await jobs.ended("work")  # there is none any more

    rig.run(go())
    assert heard == [("first", 4.0), ("second", 4.0)]
    assert "work" not in jobs


def test_whoever_waits_for_a_job_that_never_begins_is_told_when_it_is_called_off() -> None:
    rig = Rig(auto_scaling=False)
    jobs, runtime = rig.manager._deployer.jobs, rig.runtime
    undone: list[float] = []
    task_is_over: list[bool] = []

    async def works() -> None:
        raise AssertionError("it never begins")

    async def waits() -> float:
        await jobs.ended("work")
        task_is_over.append(True)
        return runtime.now()

    async def calls_off() -> None:
        assert not task_is_over
        jobs.cancel("work")

    async def go() -> float:
        task = runtime.spawn(waits())
        runtime.spawn(calls_off())
        jobs.spawn("work", works, lambda: undone.append(runtime.now()))  # its first step comes after theirs
        found: float = await task.join()
        return found

    assert rig.run(go()) == 0.0
    assert undone == [0.0]
