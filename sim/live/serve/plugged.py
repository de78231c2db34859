"""The plugin manager of a served fleet: the same hooks at the same decisions as `sim.bench.plugged` on virtual time.

Tasks: `before_request` once one is on record (a rejection ends it as failed, with the reason), `before_route` at every
pick, `after_response` when it has ended. Control: node and agent events, scale decisions, the optimizer's proposals,
metrics every `metrics_interval_s`, startup, shutdown. Plugins reach out for real, where they are granted. A pick and a
scale decision wait for nobody: a plugin in a worker fails there, its circuit switches it off, and both are events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sim.bench.params import fields
from sim.bench.plugin_hooks import DecisionHooks
from sim.bench.schema import Config
from sim.contracts import Draws, Runtime
from sim.errors import FleetError, SimError
from sim.integration.gateway.events import EventHub
from sim.integration.gateway.ports import TaskOrder, TaskRunner
from sim.integration.gateway.tasks import TaskDesk
from sim.integration.plugins.broker.broker import Fetcher, HostServices
from sim.integration.plugins.broker.live_fetch import LiveFetcher
from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.manager import PluginManager
from sim.integration.plugins.protocol import Rejection
from sim.live.serve.fleet import LiveFleet
from sim.scalability.balancer.hooked import hook_routes


class Plugged(DecisionHooks):
    """Implements the gateway's `TaskRunner` around another; `desk` gives who takes tasks that plugins put in."""

    def __init__(
        self, config: Config, runtime: Runtime, draws: Draws, events: EventHub, fleet: LiveFleet, tasks: TaskRunner,
        desk: Callable[[], TaskDesk | None], fetcher: Fetcher | None = None,
    ) -> None:  # fmt: skip
        self.config, self.runtime, self.fleet, self.tasks, self._desk = config, runtime, fleet, tasks, desk
        self.types, self.balancer, self.fleet_load = fleet.shape.types, fleet.balancer, fleet.load
        self.rejected_count = 0
        known = set(PluginConfig.__dataclass_fields__) - {"seed"}
        own = {name: value for name, value in fields(config.plugins).items() if name in known}
        services = HostServices(self.metric, self._submit, fetcher or LiveFetcher(runtime))
        self.manager = PluginManager(
            PluginConfig.of({**own, "seed": config.seed}), runtime=runtime, events=events, draws=draws,
            services=services, stopwatch=runtime.now,
        )  # fmt: skip
        self.hooks = self.manager.hooks
        self._jobs: list[Any] = []
        self._stand_at_picks()
        events.heard = self.happened

    async def load(self) -> None:
        """What is enabled by the config; raises as `PluginManager.start`, with nothing left of any."""
        try:
            await self.manager.start()
        except BaseException:
            self.manager.abandon()
            raise

    async def start(self, nodes: int, agents: int) -> None:
        """The fleet stands."""
        await self.hooks.call("startup", {"nodes": nodes, "agents": agents})
        self._jobs.append(self.runtime.spawn(self.manager.run(), "plugin scans"))
        self._jobs.append(self.runtime.spawn(self._metrics(), "metrics of plugins"))

    async def stop(self) -> None:
        """The last hook, then every plugin is unloaded."""
        for job in self._jobs:
            job.cancel()
        await self.hooks.call("shutdown", {"reason": "the control plane ends"})
        await self.manager.stop()

    # The way of a task

    async def run(self, order: TaskOrder) -> dict[str, Any]:
        """As the runner within; raises `FleetError` too where a plugin rejects it."""
        began_at, status, node = self.runtime.now(), "failed", ""
        key = order.ordinal if order.key is None else order.key  # as at its pick
        told = {"request": order.ordinal, "type": order.agent_type or "", "key": key}
        try:
            answer = await self.hooks.call("before_request", {**told, **asked_of(order.input), "priority": 0})
            if isinstance(answer, Rejection):
                self.rejected_count += 1
                status = "rejected"
                raise FleetError(f"rejected by a plugin: {answer.reject or 'no reason'}")
            found = await self.tasks.run(replace(order))
            status, node = "ok", found["node_id"]
            return found
        finally:
            sojourn_s = self.runtime.now() - began_at
            self.notify("after_response", {**told, "status": status, "sojourn_s": sojourn_s, "node": node})

    def _stand_at_picks(self) -> None:
        """Around every pick while a plugin stands there; without one a pick is as it was."""
        balancer, hooks = self.fleet.balancer, self.hooks
        plain = balancer.dispatch
        hook_routes(balancer, self.route)
        hooked = balancer.dispatch

        def dispatch(dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int:
            pick = hooked if hooks.tables["before_route"] else plain
            return pick(dispatcher, view, draws, key, now)

        balancer.dispatch = dispatch

    async def _metrics(self) -> None:
        while True:
            await self.runtime.sleep(self.config.plugins.metrics_interval_s)
            self.notify("metrics_collected", self.sample())

    def _submit(self, kind: str, told: dict[str, Any]) -> str:
        desk = self._desk()
        if desk is None or kind not in self.fleet.shape.types:
            raise PermissionError(f"task type {kind[:80]!r}: accepted is one of {', '.join(self.fleet.shape.types)}")
        try:
            return desk.submit(kind, None, told, None).order.task_id
        except SimError as error:
            raise PermissionError(str(error)) from None


def asked_of(content: dict[str, Any]) -> dict[str, Any]:
    """What `before_request` is told of a task's input: all of it, and the sizes that it names."""
    sizes = {name: content.get(name) for name in ("prompt_tokens", "output_tokens")}
    return {"input": content, **{name: size if isinstance(size, int) else None for name, size in sizes.items()}}
