"""The durable ledger of accepted tasks: accepted -> ended with its outcome, each on disk before anybody hears of it.

Records are those of `FileJournal` (checksums, one line each). Whatever comes while a write is under way goes with the
next one: one sync for all of them (group commit; DeWitt et al. 1984), in a thread, so that a slow disk holds nobody
else up. The first end of a task holds, later ones are refused. Ended tasks beyond `kept_max` are left out when a long
file is written anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

from sim.contracts import Event, Runtime, Task
from sim.errors import SimError
from sim.integration.gateway.ports import KeptTask, TaskOrder
from sim.scalability.manager.journal_file import FileJournal

RUNNING = "running"
Record = dict[str, Any]


class TaskBook:
    """Implements the gateway's `TaskBook` over a journal; `start` before use, `close` at the end."""

    def __init__(self, journal: FileJournal, runtime: Runtime, kept_max: int) -> None:
        self.journal, self.runtime, self.kept_max = journal, runtime, kept_max
        self.tasks: dict[str, KeptTask] = {task.order.task_id: task for task in replay(journal.records())}
        self._ended = [name for name, task in self.tasks.items() if task.state != RUNNING]
        self.syncs_count = 0
        self._queue: list[Record] = []
        self._told: list[Event] = []
        self._wake = runtime.event()
        self._writer: Task | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to write."""
        self._writer = self.runtime.spawn(self._write(), "task book")

    async def accepted(self, order: TaskOrder, owner: str) -> None:
        """The order is on disk when it returns; raises `FleetError`, ValueError for what is no JSON."""
        self.tasks[order.task_id] = KeptTask(order, owner, RUNNING, {}, "")
        try:
            await self._put({"kind": "accepted", **dataclasses.asdict(order), "owner": owner})
        except SimError:
            del self.tasks[order.task_id]
            raise

    async def ended(self, task_id: str, state: str, result: dict[str, Any], error: str) -> bool:
        """The outcome is on disk when it returns; False where the task has one already. Raises `FleetError`."""
        task = self.tasks.get(task_id)
        if task is None or task.state != RUNNING:
            return False
        self.tasks[task_id] = dataclasses.replace(task, state=state, result=result, error=error)
        self._ended.append(task_id)
        await self._put({"kind": "ended", "task_id": task_id, "state": state, "result": result, "error": error})
        return True

    def forget(self, task_id: str) -> None:
        """Leave a task out when the file is written anew."""
        self.tasks.pop(task_id, None)

    async def close(self) -> None:
        """Write what is left, and end."""
        self._closing = True
        self._wake.set()
        if self._writer is not None:
            await self._writer.join()
        self.journal.close()

    async def _put(self, record: Record) -> None:
        told = self.runtime.event()
        self._queue.append(record)
        self._told.append(told)
        self._wake.set()
        failure = await told.wait()
        if failure is not None:
            raise failure

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = self.runtime.event()
            if not self._queue:
                if self._closing:
                    return
                continue
            batch, told = self._queue, self._told
            self._queue, self._told = [], []
            failure: SimError | None = None
            try:
                await self.runtime.run_blocking(lambda records=batch: self.journal.extend(records))  # type: ignore[misc]
                self.syncs_count += 1
                if len(self.journal) > self.journal.records_max:
                    kept = self._kept()
                    await self.runtime.run_blocking(lambda records=kept: self.journal.rewrite(records))  # type: ignore[misc]
            except SimError as error:
                failure = error
            for event in told:
                event.set(failure)
            if self._closing:
                self._wake.set()

    def _kept(self) -> list[Record]:
        """What a new file begins with; what is queued comes after it."""
        names = [name for name in self._ended if name in self.tasks]
        for name in names[: max(0, len(names) - self.kept_max)]:
            del self.tasks[name]
        self._ended = names[-self.kept_max :]
        queued = {(record["kind"], record["task_id"]) for record in self._queue}
        return list(records_of(self.tasks.values(), queued))


def records_of(tasks: Iterable[KeptTask], queued: set[tuple[str, str]]) -> Iterator[Record]:
    """The records that tasks add up from, without those that will follow."""
    for task in tasks:
        name = task.order.task_id
        if ("accepted", name) not in queued:
            yield {"kind": "accepted", **dataclasses.asdict(task.order), "owner": task.owner}
        if task.state != RUNNING and ("ended", name) not in queued:
            told = {"state": task.state, "result": task.result, "error": task.error}
            yield {"kind": "ended", "task_id": name, **told}


def replay(records: Iterable[Record]) -> list[KeptTask]:
    """Tasks in the order in which they were accepted; an end that follows another one does not count."""
    found: dict[str, KeptTask] = {}
    for record in records:
        name = record["task_id"]
        if record["kind"] == "accepted":
            fields = {field.name: record[field.name] for field in dataclasses.fields(TaskOrder)}
            found[name] = KeptTask(TaskOrder(**fields), record["owner"], RUNNING, {}, "")
        elif name in found and found[name].state == RUNNING:
            told = {key: record[key] for key in ("state", "result", "error")}
            found[name] = dataclasses.replace(found[name], **told)
    return list(found.values())
