"""A small virtual program whose event log must be the same in every process; prints its digest."""

from __future__ import annotations

import sys

from sim.runtime.draws import PICK, THINK, CounterDraws
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime


def digest_of(seed: int) -> str:
    """Five tasks that meet in a queue; sets and dicts go into the log."""
    runtime, log, draws = VirtualRuntime(), EventLog(), CounterDraws(seed, 0)
    queue = runtime.queue(2)

    async def producer(name: str, entity: int) -> None:
        for step in range(20):
            await runtime.sleep(draws.uniform(THINK, entity, index=step))
            await queue.put((name, step))
            seen = {f"{name}{draws.uniform(PICK, entity, index=step):.3f}", "fixed", "also fixed", f"step {step}"}
            log.write(runtime.now(), "put", name, step=step, seen=seen, sizes={"queue": len(queue), "left": 20 - step})

    async def consumer() -> None:
        while True:
            name, step = await queue.get()
            log.write(runtime.now(), "got", name, step=step, share=draws.uniform(PICK, step))
            await runtime.sleep(0.125)

    async def main() -> None:
        runtime.spawn(consumer())
        async with runtime.group() as group:
            for entity, name in enumerate(("a", "b", "c", "d")):
                group.spawn(producer(name, entity))

    runtime.run_task(main())
    runtime.close()
    assert log.count > 100
    return log.digest()


if __name__ == "__main__":
    print(digest_of(int(sys.argv[1])))
