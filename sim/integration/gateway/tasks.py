"""Tasks: what a client wants an agent to do, from the order to its outcome, owned by the key that ordered it.

A finished task is kept until its place is needed; while all `tasks_max` are under way, new ones are turned away. Other
keys see nothing of a task (a 404, as if it were not there), unless they may administer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from sim.contracts import Event, Runtime, Task
from sim.errors import SimError
from sim.integration.gateway.kinds import ADMIN, Principal
from sim.integration.gateway.ports import TaskOrder, TaskRunner
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.redact import redact
from sim.runtime.cancelled import Cancelled

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"


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

    def __init__(self, runner: TaskRunner, runtime: Callable[[], Runtime], tasks_max: int) -> None:
        self.runner, self._runtime, self.tasks_max = runner, runtime, tasks_max
        self._records: dict[str, TaskRecord] = {}
        self._ended: dict[str, None] = {}  # in the order in which they ended
        self._count = 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def running_count(self) -> int:
        """Tasks under way."""
        return len(self._records) - len(self._ended)

    def submit(
        self, agent_type: str | None, key: int | None, content: dict[str, Any], principal: Principal | None
    ) -> TaskRecord:
        """Start a task; raises `Problem` 503 while there are too many."""
        if len(self._records) >= self.tasks_max:
            oldest = next(iter(self._ended), None)
            if oldest is None:
                why = f"{self.tasks_max} tasks are under way"
                raise Problem(503, why, "temporary-reduced-capacity", ((b"retry-after", b"1"),))
            self._forget(oldest)
        self._count += 1
        runtime = self._runtime()
        order = TaskOrder(f"task-{self._count:08x}", agent_type, key, content)
        owner = "" if principal is None else principal.key_id
        record = TaskRecord(order, owner, runtime.now(), runtime.event())
        self._records[order.task_id] = record
        record.task = runtime.spawn(self._run(record), order.task_id)
        return record

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

    def cancel(self, task_id: str, principal: Principal | None) -> TaskRecord:
        """Call a task off, if it has not ended, and forget it. Raises `Problem` 404."""
        record = self.get(task_id, principal)
        if record.state == RUNNING and record.task is not None:
            record.task.cancel()
            self._end(record, CANCELLED)  # a task that never began would not say so
        self._forget(task_id)
        return record

    async def _run(self, record: TaskRecord) -> None:
        try:
            record.result = await self.runner.run(record.order)
            self._end(record, DONE)
        except Cancelled:
            self._end(record, CANCELLED)
            raise
        except SimError as error:
            record.error = redact(str(error))
            self._end(record, FAILED)
        except Exception as error:  # an agent's; what it says may hold anything
            record.error = type(error).__name__
            self._end(record, FAILED)

    def _end(self, record: TaskRecord, state: str) -> None:
        if record.state == RUNNING:
            record.state, record.ended_at = state, self._runtime().now()
            self._ended[record.order.task_id] = None
            record.over.set()

    def _forget(self, task_id: str) -> None:
        del self._ended[task_id], self._records[task_id]


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
