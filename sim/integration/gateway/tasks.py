"""Tasks: what a client wants an agent to do, from the order to its outcome, owned by the key that ordered it.

A finished task is kept until its place is needed; while all `tasks_max` are under way, new ones are turned away. Other
keys see nothing of a task (a 404, as if it were not there), unless they may administer. With a book an order is on
record before its client hears that it was accepted, and its end before anybody hears of that; who starts again from the
book (`restore`) does what was not ended anew, and says of what must not run twice that it is not known whether it did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sim.contracts import Event, Runtime, Task
from sim.errors import SimError
from sim.integration.gateway.kinds import ADMIN, Principal
from sim.integration.gateway.pace import TaskPace
from sim.integration.gateway.ports import KeptTask, TaskBook, TaskOrder, TaskRunner
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.redact import redact
from sim.runtime.cancelled import Cancelled

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"
UNKNOWN = "the control plane ended while it ran: it is not known whether it did, and it must not run twice"


@dataclass(slots=True)
class TaskRecord:
    """A task and what became of it; instants are the runtime's."""

    order: TaskOrder
    owner: str
    created_at: float
    over: Event
    state: str = RUNNING
    ended_at: float | None = None
    result: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    task: Task | None = None
    kept: Event | None = None  # set once it is on record, with a problem if that failed; None: there is no book

    def as_dict(self) -> dict[str, Any]:
        """What a client may know."""
        return {
            "task_id": self.order.task_id,
            "state": self.state,
            "agent_type": self.order.agent_type,
            "created_at": self.created_at,
            "ended_at": self.ended_at,
            "result": self.result,
            "error": self.error,
        }


class TaskDesk:
    """Takes orders and keeps their outcomes."""

    def __init__(
        self, runner: TaskRunner, runtime: Callable[[], Runtime], tasks_max: int, book: TaskBook | None = None
    ) -> None:
        self.runner, self._runtime, self.tasks_max, self.book = runner, runtime, tasks_max, book
        self._records: dict[str, TaskRecord] = {}
        self._ended: dict[str, None] = {}  # in the order in which they ended
        self.pace = TaskPace()
        self._count = 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def running_count(self) -> int:
        """Tasks under way."""
        return len(self._records) - len(self._ended)

    def submit(
        self, agent_type: str | None, key: int | None, content: dict[str, Any], principal: Principal | None,
        idempotent: bool = True,
    ) -> TaskRecord:  # fmt: skip
        """Start a task; raises `Problem` 503 while there are too many."""
        if len(self._records) >= self.tasks_max:
            oldest = next(iter(self._ended), None)
            if oldest is None:
                why = f"{self.tasks_max} tasks are under way"
                raise Problem(503, why, "temporary-reduced-capacity", ((b"retry-after", b"1"),))
            self._forget(oldest)
        self._count += 1
        runtime = self._runtime()
        order = TaskOrder(f"task-{self._count:08x}", agent_type, key, content, self._count - 1, idempotent)
        owner = "" if principal is None else principal.key_id
        record = TaskRecord(order, owner, runtime.now(), runtime.event())
        self._records[order.task_id] = record
        if self.book is not None:
            record.kept = runtime.event()
        record.task = runtime.spawn(self._run(record), order.task_id)
        return record

    async def accepted(self, record: TaskRecord) -> None:
        """Until the order is on record; raises `Problem` 503 where it cannot be."""
        problem = None if record.kept is None else await record.kept.wait()
        if problem:
            raise Problem(503, "the order cannot be kept", "temporary-reduced-capacity", ((b"retry-after", b"1"),))

    def restore(self, kept: Iterable[KeptTask]) -> int:
        """Go on from a book, into an empty desk; gives how many tasks are done anew."""
        assert not self._records, "a desk is restored before it takes orders"
        runtime, again = self._runtime(), 0
        for one in kept:
            record = TaskRecord(one.order, one.owner, runtime.now(), runtime.event(), one.state)
            self._records[one.order.task_id] = record
            self._count = max(self._count, one.order.ordinal + 1)
            if one.state == RUNNING:
                again += one.order.idempotent
                work = self._work(record) if one.order.idempotent else self._conclude(record, FAILED, error=UNKNOWN)
                record.task = runtime.spawn(work, one.order.task_id)
                continue
            record.ended_at, record.result, record.error = record.created_at, one.result, one.error
            self._ended[one.order.task_id] = None
            record.over.set()
        return again

    async def drained(self) -> None:
        """Until nothing is under way."""
        for record in list(self._records.values()):
            if record.state == RUNNING:
                await record.over.wait()

    async def wait(self, record: TaskRecord, wait_s: float) -> None:
        """Until it ended, `wait_s` at most."""
        if wait_s <= 0.0 or record.state != RUNNING:
            return
        try:
            async with self._runtime().timeout(wait_s):
                await record.over.wait()
        except TimeoutError:
            return

    def get(self, task_id: str, principal: Principal | None) -> TaskRecord:
        """A task of the caller's; raises `Problem` 404."""
        record = self._records.get(task_id)
        foreign = record is not None and principal is not None and record.owner != principal.key_id
        if record is None or (foreign and principal is not None and not principal.covers(ADMIN)):
            raise Problem(404, "no such task")
        return record

    async def cancel(self, task_id: str, principal: Principal | None) -> TaskRecord:
        """Call a task off, if it has not ended, and forget it. Raises `Problem` 404."""
        record = self.get(task_id, principal)
        if record.state == RUNNING:
            if self.book is not None and not await self.book.ended(task_id, CANCELLED, {}, ""):
                await record.over.wait()  # it has just ended by itself
            elif record.task is not None and record.state == RUNNING:  # else its order could not be kept meanwhile
                record.task.cancel()
                self._end(record, CANCELLED)  # a task that never began would not say so
        self._forget(task_id)
        return record

    async def _run(self, record: TaskRecord) -> None:
        try:
            if self.book is not None and record.kept is not None:
                try:
                    await self.book.accepted(record.order, record.owner)
                except SimError as error:
                    record.error = redact(str(error))
                    self._end(record, FAILED)
                    record.kept.set(record.error)
                    return
                record.kept.set()
            await self._work(record)
        except Cancelled:
            self._end(record, CANCELLED)
            raise

    async def _work(self, record: TaskRecord) -> None:
        try:
            result = await self.runner.run(record.order)
        except Cancelled:
            raise
        except SimError as error:
            await self._conclude(record, FAILED, error=redact(str(error)))
        except Exception as error:  # an agent's; what it says may hold anything
            await self._conclude(record, FAILED, error=type(error).__name__)
        else:
            await self._conclude(record, DONE, result)

    async def _conclude(
        self, record: TaskRecord, state: str, result: dict[str, Any] | None = None, error: str = ""
    ) -> None:
        """On record first, then told."""
        result = {} if result is None else result
        if self.book is not None:
            try:
                if not await self.book.ended(record.order.task_id, state, result, error):
                    return
            except SimError as failure:
                state, result, error = FAILED, {}, redact(str(failure))
        record.result, record.error = result, error
        self._end(record, state)

    def _end(self, record: TaskRecord, state: str) -> None:
        if record.state == RUNNING:
            record.state, record.ended_at = state, self._runtime().now()
            self._ended[record.order.task_id] = None
            self.pace.add(record.ended_at, record.ended_at - record.created_at, state)
            record.over.set()

    def _forget(self, task_id: str) -> None:
        if task_id in self._records:
            del self._ended[task_id], self._records[task_id]
            if self.book is not None:
                self.book.forget(task_id)


class RouteOf(Protocol):
    """Where a request goes, as the manager's own balancer picked it."""

    @property
    def node_id(self) -> str: ...


class RoutingManager(Protocol):
    """A manager with a balancer of its own."""

    def route_request(self, agent_type: str | None = None, *, key: int | None = None) -> Any: ...
    def finish_request(self, route: Any) -> None: ...


class RoutedTasks:
    """A `TaskRunner` over the manager's balancer; `perform(order, node_id)` does the work there (None: nothing to do).

    The balancer counts the task from its pick to its end, however it ends.
    """

    def __init__(
        self, manager: RoutingManager, perform: Callable[[TaskOrder, str], Awaitable[dict[str, Any]]] | None = None
    ) -> None:
        self.manager, self.perform = manager, perform

    async def run(self, order: TaskOrder) -> dict[str, Any]:
        """The node that served it, and what it said; raises `FleetError` when nobody can."""
        route: RouteOf = self.manager.route_request(order.agent_type, key=order.key)
        try:
            said = {} if self.perform is None else await self.perform(order, route.node_id)
        finally:
            self.manager.finish_request(route)
        return {"node_id": route.node_id, **said}
