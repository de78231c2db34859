"""Events and bounded queues."""

from __future__ import annotations

import pytest

from sim.runtime.cancelled import Cancelled
from tests.conformance.runtime.stage import AnyRuntime, Play


def test_an_event_wakes_all_that_wait_with_its_value(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[list[str], float, bool]:
        event = runtime.event()
        assert not event.is_set()
        tasks = [runtime.spawn(event.wait()) for _ in range(3)]
        await runtime.sleep(1.0)
        event.set("value")
        return [await task.join() for task in tasks], runtime.now(), event.is_set()

    assert play(body) == (["value"] * 3, 1.0, True)


def test_an_event_that_is_set_does_not_make_wait(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[int, int]:
        event = runtime.event()
        event.set(1)
        event.set(2)  # set once: the first value stays
        return await event.wait(), await event.wait()

    assert play(body) == (1, 1)


def test_a_waiter_that_was_cancelled_does_not_disturb_the_others(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> str:
        event = runtime.event()
        first, second = runtime.spawn(event.wait()), runtime.spawn(event.wait())
        await runtime.sleep(1.0)
        first.cancel()
        await runtime.sleep(1.0)
        event.set("value")
        return str(await second.join())

    assert play(body) == "value"


def test_a_waiter_may_be_cancelled_and_woken_at_once(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[bool, str]:
        event = runtime.event()
        first, second = runtime.spawn(event.wait()), runtime.spawn(event.wait())
        await runtime.sleep(1.0)
        first.cancel()
        event.set("value")
        with pytest.raises(Cancelled):
            await first.join()
        return first.cancelled(), await second.join()

    assert play(body) == (True, "value")


def test_a_queue_is_first_in_first_out(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[int]:
        queue = runtime.queue(3)
        for item in range(3):
            assert queue.put_nowait(item)
        return [await queue.get() for _ in range(3)]

    assert play(body) == [0, 1, 2]


def test_a_full_queue_refuses(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[list[bool], int]:
        queue = runtime.queue(2)
        return [queue.put_nowait(item) for item in range(4)], len(queue)

    assert play(body) == ([True, True, False, False], 2)


def test_put_waits_while_the_queue_is_full(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[list[float], list[int], int]:
        queue = runtime.queue(1)
        put_at, longest = [], 0

        async def producer() -> None:
            for item in range(3):
                await queue.put(item)
                put_at.append(runtime.now())

        task = runtime.spawn(producer())
        items = []
        for _ in range(3):
            await runtime.sleep(1.0)
            longest = max(longest, len(queue))
            items.append(await queue.get())
        await task.join()
        return put_at, items, longest

    assert play(body) == ([0.0, 1.0, 2.0], [0, 1, 2], 1)


def test_get_waits_while_the_queue_is_empty(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[str, float]:
        queue = runtime.queue(1)
        task = runtime.spawn(queue.get())
        await runtime.sleep(2.0)
        queue.put_nowait("item")
        return await task.join(), runtime.now()

    assert play(body) == ("item", 2.0)


def test_getters_are_served_in_the_order_they_came(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        queue, log = runtime.queue(5), []

        async def getter(name: str) -> None:
            log.append(f"{name}{await queue.get()}")

        tasks = [runtime.spawn(getter(name)) for name in "abc"]
        await runtime.sleep(1.0)
        for item in range(3):
            await queue.put(item)
        for task in tasks:
            await task.join()
        return log

    assert play(body) == ["a0", "b1", "c2"]


def test_nobody_takes_what_is_promised_to_one_that_waited(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        queue, log = runtime.queue(5), []

        async def getter(name: str) -> None:
            log.append(f"{name}{await queue.get()}")

        tasks = [runtime.spawn(getter("early"))]
        await runtime.sleep(1.0)
        queue.put_nowait(0)  # wakes the early one, which has not run yet
        tasks.append(runtime.spawn(getter("late")))
        await runtime.sleep(1.0)
        queue.put_nowait(1)
        for task in tasks:
            await task.join()
        return log

    assert play(body) == ["early0", "late1"]


def test_nobody_takes_the_room_of_one_that_waited(play: Play) -> None:
    async def body(runtime: AnyRuntime) -> tuple[bool, list[int]]:
        queue = runtime.queue(1)
        queue.put_nowait(0)
        task = runtime.spawn(queue.put(1))
        await runtime.sleep(1.0)
        items = [await queue.get()]  # its room is promised to the task
        refused = not queue.put_nowait(2)
        await task.join()
        return refused, [*items, await queue.get()]

    assert play(body) == (True, [0, 1])


@pytest.mark.parametrize("woken", [False, True])
def test_a_cancelled_getter_loses_nothing(play: Play, woken: bool) -> None:
    async def body(runtime: AnyRuntime) -> tuple[str, int]:
        queue = runtime.queue(2)
        first, second = runtime.spawn(queue.get()), runtime.spawn(queue.get())
        await runtime.sleep(1.0)
        if woken:
            queue.put_nowait("item")
        first.cancel()
        with pytest.raises(Cancelled):
            await first.join()
        if not woken:
            queue.put_nowait("item")
        return await second.join(), len(queue)

    assert play(body) == ("item", 0)


@pytest.mark.parametrize("woken", [False, True])
def test_a_cancelled_putter_passes_its_room_on(play: Play, woken: bool) -> None:
    async def body(runtime: AnyRuntime) -> list[int]:
        queue = runtime.queue(1)
        queue.put_nowait(0)
        first, second = runtime.spawn(queue.put(1)), runtime.spawn(queue.put(2))
        await runtime.sleep(1.0)
        items = [await queue.get()] if woken else []
        first.cancel()
        with pytest.raises(Cancelled):
            await first.join()
        if not woken:
            items = [await queue.get()]
        await second.join()
        return [*items, await queue.get()]

    assert play(body) == [0, 2]


@pytest.mark.parametrize("items_max", [0, -1])
def test_a_queue_without_room_is_refused(play: Play, items_max: int) -> None:
    async def body(runtime: AnyRuntime) -> None:
        with pytest.raises(ValueError, match="at least 1 item"):
            runtime.queue(items_max)

    play(body)
