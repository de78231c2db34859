"""Tasks, plugins, optimizations and the status over REST; a part that is not connected answers 503."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response

from sim.errors import ConfigError, SimError
from sim.integration.gateway.face import Entry, core_request, told
from sim.integration.gateway.kinds import ADMIN, OPERATE, READ
from sim.integration.gateway.models import Name, OptimizationIn, TaskIn, TaskOut
from sim.integration.gateway.ports import Optimizer, Plugins
from sim.integration.gateway.problem import Problem
from sim.integration.gateway.redact import redact
from sim.integration.gateway.tasks import RUNNING, TaskDesk

VERBS = {"load": ADMIN, "enable": OPERATE, "disable": OPERATE, "unload": ADMIN, "reload": OPERATE}


class PartsFace:
    """`parts` are asked for at every call, since they may be connected later."""

    def __init__(
        self, desk: Callable[[], TaskDesk | None], plugins: Callable[[], Plugins | None],
        optimizer: Callable[[], Optimizer | None], status: Callable[[], dict[str, Any]],
        wait_max_s: float, targets: Callable[[str], Any],
    ) -> None:  # fmt: skip
        self._desk, self._plugins, self._optimizer, self._status = desk, plugins, optimizer, status
        self.wait_max_s, self._targets = wait_max_s, targets

    def entries(self) -> list[Entry]:
        """All endpoints."""
        task, plugin = "/v1/tasks/{task_id}", "/v1/plugins/{plugin_id}"
        found = [
            Entry("POST", "/v1/tasks", OPERATE, self.add_task, "Have an agent do something", TaskOut, 202,
                  (409,), heavy=True, also=(200,)),
            Entry("GET", task, READ, self.get_task, "One of the caller's tasks", TaskOut, problems=(404,)),
            Entry("DELETE", task, OPERATE, self.cancel_task, "Call a task off and forget it", TaskOut, problems=(404,)),
            Entry("GET", "/v1/plugins", READ, self.list_plugins, "All plugins", list[dict[str, Any]]),
            Entry("GET", "/v1/optimizations", READ, self.list_optimizations, "Results so far", list[dict[str, Any]]),
            Entry("POST", "/v1/optimizations", OPERATE, self.optimize, "Improve an agent", dict[str, Any],
                  problems=(404, 409)),
            Entry("GET", "/v1/status", READ, self.status, "Fleet and gateway at this instant", dict[str, Any]),
        ]  # fmt: skip
        for verb, scope in VERBS.items():
            found.append(
                Entry("POST", f"{plugin}/{verb}", scope, self._plugin_call(verb), f"{verb} a plugin".capitalize(),
                      dict[str, Any], problems=(404, 409))
            )  # fmt: skip
        return found

    async def add_task(self, request: Request, task: TaskIn) -> Response:
        desk = self._there(self._desk(), "no tasks are taken by this gateway")
        record = desk.submit(task.type, task.key, task.input, core_request(request).principal, task.idempotent)
        await desk.accepted(record)
        await desk.wait(record, min(task.wait_s, self.wait_max_s))
        return told(record.as_dict(), 202 if record.state == RUNNING else 200)

    async def get_task(self, request: Request, task_id: Name) -> Response:
        desk = self._there(self._desk(), "no tasks are taken by this gateway")
        return told(desk.get(task_id, core_request(request).principal).as_dict())

    async def cancel_task(self, request: Request, task_id: Name) -> Response:
        desk = self._there(self._desk(), "no tasks are taken by this gateway")
        return told((await desk.cancel(task_id, core_request(request).principal)).as_dict())

    async def list_plugins(self, request: Request) -> Response:
        return told(self._there(self._plugins(), "no plugin manager is connected").list_plugins())

    async def list_optimizations(self, request: Request) -> Response:
        return told(self._there(self._optimizer(), "no optimizer is connected").list_results())

    async def optimize(self, request: Request, order: OptimizationIn) -> Response:
        optimizer = self._there(self._optimizer(), "no optimizer is connected")
        try:
            target = self._targets(order.target)
        except (ConfigError, ValueError, KeyError):
            raise Problem(404, "no such target") from None
        return told(await optimizer.optimize_agent(order.agent_id, target))

    async def status(self, request: Request) -> Response:
        return told(self._status())

    def _plugin_call(self, verb: str) -> Callable[..., Any]:
        async def call(request: Request, plugin_id: Name) -> Response:
            plugins = self._there(self._plugins(), "no plugin manager is connected")
            try:
                result = await getattr(plugins, f"{verb}_plugin")(plugin_id)
            except KeyError:
                raise Problem(404, "no such plugin") from None
            except SimError as error:
                raise Problem(409, redact(str(error))) from error
            return told({"plugin_id": plugin_id, "done": verb, "result": result})

        call.__name__ = f"{verb}_plugin"
        return call

    @staticmethod
    def _there(part: Any, without: str) -> Any:
        if part is None:
            raise Problem(503, without)
        return part
