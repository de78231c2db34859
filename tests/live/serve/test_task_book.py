"""The ledger of tasks: on disk before it is told, one end a task, one sync for many, short after a long history."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sim.errors import FleetError
from sim.integration.gateway.ports import TaskOrder
from sim.live.serve.task_book import RUNNING, TaskBook
from sim.runtime.live import LiveRuntime
from sim.scalability.manager.journal_file import FileJournal
from tests.live.running import live


def order(number: int) -> TaskOrder:
    return TaskOrder(f"task-{number}", "a", number, {"x": number}, number, number % 2 == 0)


async def remembered(path: Path) -> None:
    book = TaskBook(FileJournal(path), LiveRuntime(), 100)
    book.start()
    await asyncio.gather(*(book.accepted(order(number), "me") for number in range(20)))
    assert book.syncs_count <= 3  # the first one alone, the others together
    assert await book.ended("task-3", "done", {"y": 1}, "")
    assert not await book.ended("task-3", "failed", {}, "too late")
    assert not await book.ended("task-99", "done", {}, "")
    both = await asyncio.gather(book.ended("task-4", "done", {}, ""), book.ended("task-4", "cancelled", {}, ""))
    assert both == [True, False]
    # as a process that is killed now leaves it: nothing is closed
    again = TaskBook(FileJournal(path), LiveRuntime(), 100).tasks
    assert list(again) == [f"task-{number}" for number in range(20)]
    assert again["task-3"].order == order(3)
    assert (again["task-3"].owner, again["task-3"].state, again["task-3"].result) == ("me", "done", {"y": 1})
    assert again["task-4"].state == "done"
    assert sum(task.state == RUNNING for task in again.values()) == 18
    await book.close()
    with pytest.raises(FleetError, match="closed"):
        FileJournal.extend(book.journal, [{"kind": "x"}])


def test_what_was_acknowledged_is_there_after_a_kill(tmp_path: Path) -> None:
    live(remembered, tmp_path / "tasks.journal")


async def compacted(path: Path) -> None:
    book = TaskBook(FileJournal(path, records_max=30), LiveRuntime(), 5)
    book.start()
    await book.accepted(order(0), "me")  # never ended
    for number in range(1, 60):
        await book.accepted(order(number), "me")
        assert await book.ended(f"task-{number}", "done", {"n": number}, "")
        assert len(book.journal) <= 31
    book.forget("task-59")
    await book.close()
    found = TaskBook(FileJournal(path, records_max=30), LiveRuntime(), 5).tasks
    assert found["task-0"].state == RUNNING
    names = list(found)[1:]
    assert 5 <= len(names) <= 5 + 15  # the newest ones, and those since the last rewrite
    assert names == sorted(names, key=lambda name: int(name[5:]))
    assert all(found[name].result == {"n": int(name[5:])} for name in names)


def test_a_long_history_is_written_anew_with_what_counts(tmp_path: Path) -> None:
    live(compacted, tmp_path / "tasks.journal")


async def broken(path: Path) -> None:
    journal = FileJournal(path)
    book = TaskBook(journal, LiveRuntime(), 5)
    book.start()
    await book.accepted(order(0), "me")
    journal.close()
    with pytest.raises(FleetError):
        await book.accepted(order(1), "me")
    assert list(book.tasks) == ["task-0"]
    with pytest.raises(FleetError):
        await book.ended("task-0", "done", {}, "")


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    live(broken, tmp_path / "tasks.journal")
