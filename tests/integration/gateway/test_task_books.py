"""A desk with a book: nothing is told that is not on record, the first end holds, and a restart goes on from there."""

from __future__ import annotations

from typing import Any

import pytest

from sim.errors import FleetError
from sim.integration.gateway.ports import KeptTask, TaskOrder
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.tasks import CANCELLED, DONE, FAILED, RUNNING, UNKNOWN, TaskDesk
from sim.runtime.virtual import VirtualRuntime

WRITE_S = 1.0


class SlowBook:
    """Takes a second for each record."""

    def __init__(self, runtime: VirtualRuntime) -> None:
        self.runtime, self.records = runtime, list[tuple[float, str, str]]()
        self.states: dict[str, str] = {}
        self.broken = False

    async def accepted(self, order: TaskOrder, owner: str) -> None:
        await self.runtime.sleep(WRITE_S)
        if self.broken:
            raise FleetError("the disk is full")
        self.states[order.task_id] = RUNNING
        self.records.append((self.runtime.now(), order.task_id, "accepted"))

    async def ended(self, task_id: str, state: str, result: dict[str, Any], error: str) -> bool:
        if self.states[task_id] != RUNNING:
            return False
        self.states[task_id] = state
        await self.runtime.sleep(WRITE_S)
        self.records.append((self.runtime.now(), task_id, state))
        return True

    def forget(self, task_id: str) -> None:
        self.records.append((self.runtime.now(), task_id, "forgotten"))


class Works:
    """Ten seconds a task; which ran when."""

    def __init__(self, runtime: VirtualRuntime) -> None:
        self.runtime, self.begun = runtime, dict[str, float]()

    async def run(self, order: TaskOrder) -> dict[str, Any]:
        self.begun[order.task_id] = self.runtime.now()
        await self.runtime.sleep(10.0)
        if order.input.get("bad"):
            raise FleetError("no")
        return {"x": order.ordinal}


def made() -> tuple[VirtualRuntime, SlowBook, Works, TaskDesk]:
    runtime = VirtualRuntime()
    book, works = SlowBook(runtime), Works(runtime)
    return runtime, book, works, TaskDesk(works, lambda: runtime, 100, book)


def test_an_order_is_on_record_before_it_is_accepted_and_its_end_before_it_is_told() -> None:
    runtime, book, works, desk = made()

    async def body() -> None:
        record = desk.submit(None, None, {}, None)
        await desk.accepted(record)
        assert (runtime.now(), book.states) == (1.0, {"task-00000001": RUNNING})
        await record.over.wait()
        assert (runtime.now(), record.state, record.result) == (12.0, DONE, {"x": 0})
        assert works.begun == {"task-00000001": 1.0}
        bad = desk.submit(None, None, {"bad": True}, None)
        await bad.over.wait()
        assert (bad.state, bad.error, book.states["task-00000002"]) == (FAILED, "no", FAILED)

    runtime.run_task(body())


def test_what_cannot_be_kept_is_not_accepted_and_not_done() -> None:
    runtime, book, works, desk = made()
    book.broken = True

    async def body() -> None:
        record = desk.submit(None, None, {}, None)
        with pytest.raises(Problem) as caught:
            await desk.accepted(record)
        assert caught.value.status == 503
        assert (record.state, works.begun) == (FAILED, {})

    runtime.run_task(body())


@pytest.mark.parametrize(("at", "state"), [(5.0, CANCELLED), (10.5, CANCELLED), (11.5, DONE)])
def test_a_cancel_and_an_end_never_both_hold(at: float, state: str) -> None:
    runtime, book, _, desk = made()

    async def body() -> None:
        record = desk.submit(None, None, {}, None)
        await runtime.sleep_until(at)  # while it runs, or while its end is being written
        told = await desk.cancel(record.order.task_id, None)
        assert told.state == state == book.states["task-00000001"]
        assert [what for _, _, what in book.records] == ["accepted", state, "forgotten"]
        assert len(desk) == 0
        await runtime.sleep(20.0)
        assert len(book.records) == 3

    runtime.run_task(body())


def test_a_restart_does_what_was_not_ended_anew_and_says_what_must_not_run_twice() -> None:
    runtime, book, works, desk = made()
    orders = [TaskOrder(f"task-{n + 1:08x}", None, None, {}, n, n != 1) for n in range(3)]
    book.states = {order.task_id: RUNNING for order in orders}
    book.states["task-00000003"] = DONE

    async def body() -> None:
        kept = [KeptTask(order, "me", RUNNING, {}, "") for order in orders[:2]]
        kept.append(KeptTask(orders[2], "me", DONE, {"x": 2}, ""))
        assert desk.restore(kept) == 1
        assert desk.running_count == 2
        await desk.drained()
        again, unknown, done = (desk.get(order.task_id, None) for order in orders)
        assert (again.state, again.result, again.owner) == (DONE, {"x": 0}, "me")
        assert (unknown.state, unknown.error) == (FAILED, UNKNOWN)
        assert (done.state, done.result) == (DONE, {"x": 2})
        assert list(works.begun) == ["task-00000001"]
        assert desk.submit(None, None, {}, None).order.task_id == "task-00000004"

    runtime.run_task(body())


def test_an_end_that_cannot_be_kept_is_told_as_a_failure() -> None:
    runtime, book, _, desk = made()

    async def full(task_id: str, state: str, result: dict[str, Any], error: str) -> bool:
        raise FleetError("the disk is full")

    book.ended = full  # type: ignore[method-assign]

    async def body() -> None:
        record = desk.submit(None, None, {}, None)
        await record.over.wait()
        assert (record.state, record.result, record.error) == (FAILED, {}, "the disk is full")

    runtime.run_task(body())


def test_an_order_that_could_not_be_kept_while_it_was_called_off_has_failed() -> None:
    runtime, book, works, desk = made()

    async def refused(order: TaskOrder, owner: str) -> None:
        await runtime.sleep(2.0)
        raise FleetError("the disk is full")

    async def ended(task_id: str, state: str, result: dict[str, Any], error: str) -> bool:
        await runtime.sleep(3.0)
        return True

    book.accepted, book.ended = refused, ended  # type: ignore[method-assign]

    async def body() -> None:
        record = desk.submit(None, None, {}, None)
        await runtime.sleep(1.0)
        told = await desk.cancel(record.order.task_id, None)
        assert (told.state, told.error, len(desk), works.begun) == (FAILED, "the disk is full", 0, {})

    runtime.run_task(body())
