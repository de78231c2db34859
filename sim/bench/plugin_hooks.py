"""What plugins are told and asked at the decisions of a control plane, simulated or served: one wording of each hook.

Picks (`before_route`), node and agent events, scale decisions, the optimizer's proposals and regular metrics. Who
stands at requests, and how plugins reach out, differs and is the owner's.
"""

from __future__ import annotations

from typing import Any, Protocol

from sim.contracts import Runtime
from sim.integration.plugins.dispatch import Dispatcher
from sim.integration.plugins.protocol import Bound, Rejection, Routing
from sim.scalability.autoscaler.loop import Autoscaler
from sim.scalability.balancer.balancer import Balancer
from sim.types.metrics import OptimizationResult

HEARD = {"node_status": "node_state_changed", "agent_ready": "agent_deployed"}  # kind of event -> hook


class LoadCounts(Protocol):
    """Requests of a fleet."""

    def in_flight_count(self) -> int: ...
    def waiting_count(self) -> int: ...
    def arrivals_count(self) -> int: ...


class DecisionHooks:
    """The owner sets what it stands at; `fleet_load` is None until there is a fleet."""

    hooks: Dispatcher
    runtime: Runtime
    types: tuple[str, ...]
    balancer: Balancer
    fleet_load: LoadCounts | None

    def route(self, view: int, key: int, nodes: list[str], loads: list[int]) -> tuple[list[str], list[str]] | None:
        """Nodes that plugins strike, and those they prefer, for one pick; None: as they are."""
        payload = {"type": self.type_of(view), "key": key, "nodes": nodes, "loads": loads}
        answer = self.hooks.call_now("before_route", payload)
        return (answer.veto, answer.prefer) if isinstance(answer, Routing) else None

    def type_of(self, view: int) -> str:
        """The agent type that a request asks for; empty where any of several will do."""
        if len(self.types) == 1:
            return self.types[0]
        return self.types[view] if view < len(self.types) else ""

    def bounds(self, scaler: Autoscaler) -> None:
        """Plugins may bound what it decides."""
        minimum, maximum = scaler.params.min_nodes, scaler.params.max_nodes

        def bound(before: int, after: int, reason: str) -> tuple[int, str]:
            payload = {"current": before, "desired": after, "minimum": minimum, "maximum": maximum, "reason": reason}
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

    def happened(self, kind: str, subject: str, told: dict[str, object]) -> None:
        """An event of the log: a node's status changed, or an agent is ready; plugins hear of no other."""
        hook = HEARD.get(kind)
        if hook == "node_state_changed":
            self.notify(hook, {"node": subject, **{name: told[name] for name in ("old", "new", "reason")}})
        elif hook is not None:
            self.notify(hook, {"agent": subject, "node": told["node"], "epoch": told["epoch"]})

    def notify(self, hook: str, payload: dict[str, Any]) -> None:
        """Call at this instant; where a plugin waits, in a task."""
        if self.hooks.waits(hook):
            self.runtime.spawn(self.hooks.call(hook, payload), hook)
        else:
            self.hooks.call_now(hook, payload)

    def sample(self) -> dict[str, Any]:
        """What `metrics_collected` is told."""
        load = self.fleet_load
        assert load is not None
        nodes = sum(1 for member in self.balancer.table.members.values() if member.eligible)
        return {
            "nodes_ready": nodes, "in_flight": load.in_flight_count(), "waiting": load.waiting_count(),
            "arrivals_count": load.arrivals_count(),
        }  # fmt: skip

    def metric(self, name: str) -> float | None:
        """One figure of the sample, for `metrics.read`."""
        value = self.sample().get(name)
        return None if value is None else float(value)
