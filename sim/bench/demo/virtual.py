"""The demo on virtual time: the assembly of a run under fire, deployed and operated through its own gateway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sim.bench.assemble import Job, assemble
from sim.bench.demo.asgi import ask
from sim.bench.demo.settings import AGENTS, KINDS
from sim.bench.fleet_load import FleetLoad
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.integration.gateway.kinds import ADMIN
from sim.types.fleet import AgentStatus
from sim.types.records import RunRecord

OPERATOR = "192.0.2.1"  # no client's address (RFC 5737)


class VirtualStage:
    """Implements `Stage`; raises `ConfigError` where a part of the demo is off."""

    def __init__(self, config: Config) -> None:
        parts = {
            "gateway.enabled": config.gateway.enabled, "optimizer.enabled": config.optimizer.enabled,
            "failover.enabled": config.failover.enabled,
        }  # fmt: skip
        for name, is_on in parts.items():
            if not is_on:
                raise ConfigError(name, is_on, "true in the demo")
        if not config.plugins.enabled:
            raise ConfigError("plugins.enabled", [], "a list of plugins in the demo")
        self.assembly = assembly = assemble(config, 0)
        assert assembly.fire is not None
        self.runtime, self.gateway, self.manager = assembly.runtime, assembly.door.gateway, assembly.manager
        self.optimizer, self.log = assembly.tuned.optimizer, assembly.log
        self.load = FleetLoad(assembly.world, assembly.balancer)
        self._key = self.gateway.issue_key("operator", ADMIN)

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """As an ASGI call on virtual time."""
        return await ask(self.gateway, self._key, method, path, body, OPERATOR)

    async def nodes(self) -> None:
        """Machines first, then their registration through the gateway."""
        shape, world = self.assembly.shape, self.assembly.world
        add = shape.adder(world)
        for ordinal in range(shape.nodes):
            info = shape.node(ordinal)
            add(info)
            order = {name: getattr(info, name) for name in ("node_id", "host", "port", "capacity", "metadata")}
            status, told = await self.call("POST", "/v1/nodes", order)
            if status != 201:
                raise ConfigError("fleet.nodes", info.node_id, f"a node that the gateway takes (it answered {told})")

    def orders(self) -> list[dict[str, Any]]:
        """The source's five."""
        names = [f"{KINDS[number % len(KINDS)]} Agent" for number in range(AGENTS)]
        return [{"name": name, "type": "agent", "model": "simulated", "temperature": 0.7} for name in names]

    def tunable(self) -> list[str]:
        """Agents that are ready."""
        return [info.agent_id for info in self.manager.list_agents(status=AgentStatus.READY)]

    def struck(self) -> tuple[str, float] | None:
        """The first crash."""
        for row in self.log.rows:
            if row.kind == "fault_began" and dict(row.fields).get("kind") == "crash":
                return row.subject, row.at
        return None

    def run(self, deploy: Job, beside: Sequence[Job]) -> RunRecord:
        """The whole run; `beside` are jobs of their own while the load runs."""
        return self.assembly.run(deploy=deploy, beside=beside)
