"""What only the live runtime has: a real loop, real threads, asyncio's own tasks around it."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from sim.runtime.live import LiveRuntime
from tests.conformance.runtime.warp import WarpLoop


def test_it_is_made_inside_a_running_loop() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"):
        LiveRuntime()


def test_the_clock_of_a_real_loop_starts_at_zero_and_never_goes_back() -> None:
    async def main() -> list[float]:
        runtime = LiveRuntime()
        seen = [runtime.now()]
        for _ in range(100):
            await runtime.sleep(0)
            seen.append(runtime.now())
        await runtime.sleep_until(runtime.now() + 1e-4)
        seen.append(runtime.now())
        await runtime.close()
        return seen

    seen = asyncio.run(main())
    assert seen == sorted(seen)
    assert 0.0 <= seen[0] < 1.0
    assert seen[-1] >= seen[-2] + 1e-4


def test_the_wall_clock_is_the_machines() -> None:
    async def main() -> float:
        return LiveRuntime().wall_at()

    before = time.time()
    told = asyncio.run(main())
    assert before <= told <= time.time()


def test_blocking_work_leaves_the_loop_free() -> None:
    async def main() -> tuple[str, int]:
        runtime = LiveRuntime()
        release, log = threading.Event(), []

        def work() -> int:
            release.wait(60.0)
            return threading.get_ident()

        task = runtime.spawn(runtime.run_blocking(work))
        await runtime.sleep(0)
        log.append("the loop goes on")
        release.set()
        worker = await task.join()
        await runtime.close()
        return log[0], worker

    said, worker = asyncio.run(main())
    assert said == "the loop goes on"
    assert worker != threading.get_ident()


def test_the_scopes_of_asyncio_work_inside_its_tasks() -> None:
    async def main() -> list[str]:
        runtime, log = LiveRuntime(), []

        async def child() -> None:
            try:
                async with asyncio.timeout(1.0), asyncio.TaskGroup() as group:
                    group.create_task(runtime.sleep(100.0))
            except TimeoutError:
                log.append(f"asyncio's timeout at {runtime.now()}")
            try:
                async with runtime.timeout(1.0):
                    await asyncio.Event().wait()
            except TimeoutError:
                log.append(f"ours at {runtime.now()}")

        await runtime.spawn(child()).join()
        await runtime.close()
        return log

    with asyncio.Runner(loop_factory=WarpLoop) as runner:
        assert runner.run(main()) == ["asyncio's timeout at 1.0", "ours at 2.0"]


def test_a_slow_clean_up_has_its_grace_and_is_cancelled_again() -> None:
    async def main() -> tuple[list[str], float]:
        runtime, log = LiveRuntime(), []

        async def child(name: str, cleanup_s: float) -> None:
            try:
                await runtime.sleep(1e6)
            finally:
                try:
                    await runtime.sleep(cleanup_s)
                    log.append(f"{name} cleaned up at {runtime.now()}")
                finally:
                    log.append(f"{name} ended at {runtime.now()}")

        runtime.spawn(child("quick", 2.0))
        runtime.spawn(child("slow", 50.0))
        await runtime.sleep(1.0)
        await runtime.close(grace_s=5.0)
        await runtime.close()  # once is enough
        return log, runtime.now()

    with asyncio.Runner(loop_factory=WarpLoop) as runner:
        log, ended_at = runner.run(main())
    assert log == ["quick cleaned up at 3.0", "quick ended at 3.0", "slow ended at 6.0"]
    assert ended_at == 6.0


def test_a_live_task_that_never_started_is_closed_without_running() -> None:
    async def main() -> tuple[list[str], bool]:
        runtime, log = LiveRuntime(), []

        async def child() -> None:
            log.append("ran")

        task = runtime.spawn(child())
        await runtime.close()
        return log, task.cancelled()

    assert asyncio.run(main()) == ([], True)


def test_a_closed_live_runtime_spawns_nothing() -> None:
    async def main() -> None:
        runtime = LiveRuntime()
        await runtime.close()
        with pytest.raises(RuntimeError, match="the runtime is closed"):
            runtime.spawn(runtime.sleep(1.0))

    asyncio.run(main())


class TickingLoop(asyncio.SelectorEventLoop):
    """Its clock moves by 1e-11 s each time it is read."""

    reads_count = 0

    def time(self) -> float:
        self.reads_count += 1
        return self.reads_count * 1e-11


def test_a_timer_that_wakes_early_waits_the_rest() -> None:
    async def main() -> tuple[float, float]:
        runtime = LiveRuntime()
        at = runtime.now() + 9e-10  # within the loop's clock resolution: its timer is due at once
        await runtime.sleep_until(at)
        return runtime.now(), at

    with asyncio.Runner(loop_factory=TickingLoop) as runner:
        now, at = runner.run(main())
    assert at <= now < at + 1e-9
