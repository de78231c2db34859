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
from sim.bench.schema import Config
from sim.contracts import Draws, Runtime
from sim.errors import FleetError, SimError
from sim.integration.gateway.events import EventHub
from sim.integration.gateway.ports import TaskOrder, TaskRunner
from sim.integration.gateway.tasks import TaskDesk
from sim.integration.plugins.broker.broker import HostServices
from sim.integration.plugins.broker.live_fetch import LiveFetcher
from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.manager import PluginManager
from sim.integration.plugins.protocol import Bound, Rejection, Routing
from sim.live.serve.fleet import LiveFleet
from sim.scalability.autoscaler.loop import Autoscaler
from sim.scalability.balancer.hooked import hook_routes
from sim.types.metrics import OptimizationResult

HEARD = {"node_status": "node_state_changed", "agent_ready": "agent_deployed"}


class Plugged:
    """Implements the gateway's `TaskRunner` around another; `desk` gives who takes tasks that plugins put in."""

    def __init__(
        self, config: Config, runtime: Runtime, draws: Draws, events: EventHub, fleet: LiveFleet, tasks: TaskRunner,
        desk: Callable[[], TaskDesk | None],
    ) -> None:  # fmt: skip
        self.config, self.runtime, self.fleet, self.tasks, self._desk = config, runtime, fleet, tasks, desk
        self.rejected_count = 0
        known = set(PluginConfig.__dataclass_fields__) - {"seed"}
        own = {name: value for name, value in fields(config.plugins).items() if name in known}
        services = HostServices(self._metric, self._submit, LiveFetcher(runtime))
        self.manager = PluginManager(
            PluginConfig.of({**own, "seed": config.seed}), runtime=runtime, events=events, draws=draws,
            services=services, stopwatch=runtime.now,
        )  # fmt: skip
        self.hooks = self.manager.hooks
        self._jobs: list[Any] = []
        self._stand_at_picks()
        events.heard = self._heard

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
            self._notify("after_response", {**told, "status": status, "sojourn_s": sojourn_s, "node": node})

    def _stand_at_picks(self) -> None:
        """Around every pick while a plugin stands there; without one a pick is as it was."""
        balancer, hooks = self.fleet.balancer, self.hooks
        plain = balancer.dispatch
        hook_routes(balancer, self._route)
        hooked = balancer.dispatch

        def dispatch(dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int:
            pick = hooked if hooks.tables["before_route"] else plain
            return pick(dispatcher, view, draws, key, now)

        balancer.dispatch = dispatch

    def _route(self, view: int, key: int, nodes: list[str], loads: list[int]) -> tuple[list[str], list[str]] | None:
        types = self.fleet.shape.types
        kind = types[view] if view < len(types) else ""
        answer = self.hooks.call_now("before_route", {"type": kind, "key": key, "nodes": nodes, "loads": loads})
        return (answer.veto, answer.prefer) if isinstance(answer, Routing) else None

    # The control plane

    def bounds(self, scaler: Autoscaler) -> None:
        """Plugins may bound what it decides."""

        def bound(before: int, after: int, reason: str) -> tuple[int, str]:
            limits = {"minimum": scaler.params.min_nodes, "maximum": scaler.params.max_nodes}
            payload = {"current": before, "desired": after, **limits, "reason": reason}
            answer = self.hooks.call_now("scaling_decided", payload)
            if not isinstance(answer, Bound):
                return after, reason
            return answer.desired, f"{reason}; bounded by a plugin: {answer.reason or 'no reason'}"

        scaler.bound = bound

    async def review(self, result: OptimizationResult) -> str:
        """Implements `sim.intelligence.ports.Review`: why a plugin rejects what the optimizer proposes."""
        payload = {
            "agent": result.agent_id, "target": result.target.value, "claimed": result.improvement_percentage,
            "confidence": result.confidence, "parameters": dict(result.parameters),
        }  # fmt: skip
        answer = await self.hooks.call("optimization_proposed", payload)
        return (answer.reject or "by a plugin") if isinstance(answer, Rejection) else ""

    def _heard(self, kind: str, subject: str, told: dict[str, object]) -> None:
        hook = HEARD.get(kind)
        if hook == "node_state_changed":
            self._notify(hook, {"node": subject, **{name: told[name] for name in ("old", "new", "reason")}})
        elif hook is not None:
            self._notify(hook, {"agent": subject, "node": told["node"], "epoch": told["epoch"]})

    def _notify(self, hook: str, payload: dict[str, Any]) -> None:
        if self.hooks.waits(hook):
            self.runtime.spawn(self.hooks.call(hook, payload), hook)
        else:
            self.hooks.call_now(hook, payload)

    async def _metrics(self) -> None:
        while True:
            await self.runtime.sleep(self.config.plugins.metrics_interval_s)
            self._notify("metrics_collected", self._sample())

    def _sample(self) -> dict[str, Any]:
        load = self.fleet.load
        nodes = sum(1 for member in self.fleet.balancer.table.members.values() if member.eligible)
        return {
            "nodes_ready": nodes, "in_flight": load.in_flight_count(), "waiting": load.waiting_count(),
            "arrivals_count": load.arrivals_count(),
        }  # fmt: skip

    def _metric(self, name: str) -> float | None:
        value = self._sample().get(name)
        return None if value is None else float(value)

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
