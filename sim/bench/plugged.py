"""The plugin manager in a simulated fleet: its hooks where the control plane decides, on virtual time.

Requests: `before_request` when one arrives (a rejection ends it as `rejected`), `before_route` at every pick,
`after_response` when it has ended. Control: node and agent events of the log, every scale decision, every proposal of
the optimizer, metrics every `metrics_interval_s`, startup and shutdown. What hooks of the request path take by their
latency laws is spent before the first pick. Ways out end in this process (`StubFetcher`). A wall-clock kill raises
`InvalidRun`.
"""

from __future__ import annotations

import time
from typing import Any

from sim.bench.fleet_load import FleetLoad
from sim.bench.history import HistoryLog
from sim.bench.params import fields
from sim.bench.plugin_hooks import HEARD, DecisionHooks
from sim.bench.plugin_objects import ObjectKinds
from sim.bench.schema import Config
from sim.contracts import Draws
from sim.errors import InvalidRun
from sim.integration.plugins.broker.broker import HostServices
from sim.integration.plugins.broker.stub import StubFetcher
from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.journal import Journal
from sim.integration.plugins.manager import PluginManager
from sim.integration.plugins.protocol import Rejection
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.balancer.balancer import Balancer
from sim.scalability.balancer.hooked import hook_answers, hook_routes
from sim.types.records import REJECTED, STATUSES


class PluggedLog(HistoryLog):
    """The event log of a run whose plugins hear of nodes and agents."""

    plugged: Plugged | None = None

    def write(self, at: float, kind: str, subject: str, /, **told: object) -> None:
        """As `HistoryLog`; then the hooks."""
        super().write(at, kind, subject, **told)
        if self.plugged is not None and kind in HEARD:
            self.plugged.happened(kind, subject, told)


class Plugged(DecisionHooks):
    """Implements `sim.world.hooked.RequestHooks`."""

    def __init__(
        self, config: Config, runtime: VirtualRuntime, draws: Draws, types: tuple[str, ...],
        replay: Journal | None = None,
    ) -> None:  # fmt: skip
        self.config, self.runtime, self.types = config, runtime, types
        group = config.plugins
        self.log = log = PluggedLog()
        self.stub = StubFetcher(status=group.webhook_status)
        self.journal = Journal() if group.journal else None
        self.submitted_count = self.rejected_count = 0
        services = HostServices(self.metric, self._submit, self.stub)
        known = set(PluginConfig.__dataclass_fields__) - {"seed"}
        own = {name: value for name, value in fields(group).items() if name in known}
        self.manager = PluginManager(
            PluginConfig.of({**own, "seed": config.seed}), runtime=runtime, events=log, draws=draws,
            services=services, stopwatch=None if replay else time.perf_counter, journal=self.journal, replay=replay,
            kinds=ObjectKinds(),
        )  # fmt: skip
        self.hooks = self.manager.hooks
        self.world: Any = None
        self.fleet_load: FleetLoad | None = None
        try:
            runtime.run_task(self.manager.start())
        except BaseException:
            self.manager.abandon()
            raise
        log.plugged = self
        tables = self.hooks.tables
        self.hears_ends = bool(tables["after_response"])
        self._asks = bool(tables["before_request"])
        self._answered_slot = -1

    def stand_at(self, balancer: Balancer) -> None:
        """Its hooks stand around every pick, once there is a balancer (whose strategy a plugin may have brought)."""
        self.balancer = balancer
        if self.hooks.tables["before_route"]:
            hook_routes(balancer, self.route)
        if self.hears_ends:
            hook_answers(balancer, self._answered)

    @property
    def on_requests(self) -> bool:
        """Whether any hook stands on the way of a request."""
        return self._asks or self.hears_ends or bool(self._delaying())

    def _delaying(self) -> list[str]:
        impls = [*self.hooks.tables["before_request"], *self.hooks.tables["before_route"]]
        return [impl.unit.plugin_id for impl in impls if impl.mean_s]

    # The way of a request

    def arrived(self, row: int, key: int, now: float) -> tuple[int | None, float]:
        """See `RequestHooks`."""
        columns, delay_s = self.world.columns, 0.0
        request = columns.request[row]
        if self._asks:
            payload = {
                "request": request, "type": self.type_of(columns.view[row]),
                "key": key, "priority": columns.priority[row],
                "prompt_tokens": columns.prompt_tokens[row] if columns.tokens else None,
                "output_tokens": columns.output_tokens[row] if columns.tokens else None,
            }  # fmt: skip
            answer = self.hooks.call_now("before_request", payload, request)
            delay_s = self.hooks.cost_s
            if isinstance(answer, Rejection):
                self.rejected_count += 1
                return REJECTED, delay_s
        return None, delay_s + self.hooks.delay_s("before_route", request)

    def ended(self, row: int, status: int, now: float) -> None:
        """See `RequestHooks`."""
        columns, slot = self.world.columns, self._answered_slot
        node = self.balancer.slots[slot][0] if status == 0 and slot >= 0 else ""
        payload = {
            "request": columns.request[row], "status": STATUSES[status], "sojourn_s": now - columns.arrived_at[row],
            "node": node, "key": columns.key[row],
        }  # fmt: skip
        self.hooks.call_now("after_response", payload)

    def _answered(self, slot: int) -> None:
        self._answered_slot = slot

    # The control plane

    def connect(self, fire: Any) -> None:
        """The fleet is built: the world and the autoscaler are there."""
        self.world, self.fleet_load = fire.world, FleetLoad(fire.world, self.balancer)
        if fire.autoscaler is not None and self.hooks.tables["scaling_decided"]:
            self.bounds(fire.autoscaler)

    async def start(self) -> None:
        """The fleet stands."""
        nodes = len(self.world.nodes)
        await self.hooks.call("startup", {"nodes": nodes, "agents": len(self.world.agent_types)})
        self.runtime.spawn(self.manager.run(), "plugin scans")
        if self.hooks.tables["metrics_collected"]:
            self.runtime.spawn(self._metrics(), "metrics of plugins")

    async def _metrics(self) -> None:
        tick = 0
        while True:
            tick += 1
            await self.runtime.sleep_until(tick * self.config.plugins.metrics_interval_s)
            self.notify("metrics_collected", self.sample())

    def _submit(self, kind: str, told: dict[str, Any]) -> str:
        self.submitted_count += 1
        return f"task-{self.submitted_count}"

    async def finish(self) -> dict[str, int]:
        """Counts for the record; raises InvalidRun when the wall clock decided anything, or a replay is another run."""
        await self.hooks.call("shutdown", {"reason": "the run is over"})
        counts = self._counts()
        await self.manager.stop()
        replay = self.manager.replay
        why = self.hooks.invalid or ("" if replay is None else replay.left())
        if why:
            raise InvalidRun(self.config.name or "the run", why)
        return counts

    def journal_lines(self) -> bytes:
        """The file form of the journal; empty where none is kept."""
        return b"" if self.journal is None else self.journal.lines()

    def _counts(self) -> dict[str, int]:
        told = {
            "plugin_rejections": self.rejected_count, "plugin_fetches": self.stub.count,
            "plugin_tasks": self.submitted_count,
        }  # fmt: skip
        for plugin_id, hooks in self.manager.metrics().items():
            told[f"plugin_calls_{plugin_id}"] = sum(int(each["calls_count"]) for each in hooks.values())
            told[f"plugin_failures_{plugin_id}"] = sum(int(each["failures_count"]) for each in hooks.values())
        return told
