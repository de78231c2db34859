"""The shipped plugins beside a served control plane: their hooks hear of nodes, agents and answers as they happen.

What a plugin sends out ends in this process (`StubFetcher`): the demo posts nothing anywhere.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from sim.bench.params import fields
from sim.bench.schema import Config
from sim.contracts import Runtime
from sim.integration.plugins.broker.broker import HostServices
from sim.integration.plugins.broker.stub import StubFetcher
from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.manager import PluginManager
from sim.runtime.events import EventLog, Row

WAITING_MAX = 10_000  # events that hooks have not heard of yet; beyond it the oldest are left out


class LivePlugged:
    """`start` loads and enables them; `stop` ends them."""

    def __init__(self, config: Config, runtime: Runtime, log: EventLog) -> None:
        known = set(PluginConfig.__dataclass_fields__) - {"seed"}
        own = {name: value for name, value in fields(config.plugins).items() if name in known}
        services = HostServices(lambda name: None, self._submit, StubFetcher())
        self.runtime = runtime
        self.manager = PluginManager(PluginConfig.of(own), runtime=runtime, events=log, services=services)
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=WAITING_MAX)
        self._wake = runtime.event()
        self._submitted_count = 0
        log.listeners.append(self._happened)

    async def start(self, nodes: int, agents: int) -> None:
        """The fleet stands."""
        await self.manager.start()
        await self.manager.hooks.call("startup", {"nodes": nodes, "agents": agents})
        self.runtime.spawn(self._tell(), "hooks")

    async def stop(self) -> None:
        """No hook is called any more."""
        await self.manager.stop()

    def answered(self, number: int, sojourn_s: float, node_id: str) -> None:
        """A client has its answer."""
        told = {"request": number, "status": "ok", "sojourn_s": sojourn_s, "node": node_id, "key": 0}
        self._put("after_response", told)

    def _happened(self, row: Row) -> None:
        told = dict(row.fields)
        if row.kind == "node_status":
            names = ("old", "new", "reason")
            self._put("node_state_changed", {"node": row.subject, **{name: told[name] for name in names}})
        elif row.kind == "agent_ready":
            self._put("agent_deployed", {"agent": row.subject, "node": told["node"], "epoch": told["epoch"]})

    def _put(self, hook: str, told: dict[str, Any]) -> None:
        self._waiting.append((hook, told))
        self._wake.set(None)

    async def _tell(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = self.runtime.event()
            while self._waiting:
                await self.manager.hooks.call(*self._waiting.popleft())

    def _submit(self, kind: str, told: dict[str, Any]) -> str:
        self._submitted_count += 1
        return f"task-{self._submitted_count}"
