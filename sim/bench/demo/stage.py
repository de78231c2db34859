"""Where the demo plays: a fleet with its gateway, on virtual time or live. The story knows this and no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from sim.contracts import Runtime
from sim.integration.gateway.gateway import APIGateway
from sim.intelligence.optimizer import MLOptimizer
from sim.runtime.events import EventLog
from sim.scalability.manager import DistributedManager


class InFlight(Protocol):
    """The balancer's counts."""

    def in_flight(self, node_id: str) -> int: ...


class Stage(Protocol):
    """The objects of one fleet; `optimizer` is the one that the gateway reaches."""

    @property
    def runtime(self) -> Runtime: ...
    @property
    def gateway(self) -> APIGateway: ...
    @property
    def manager(self) -> DistributedManager: ...
    @property
    def optimizer(self) -> MLOptimizer: ...
    @property
    def log(self) -> EventLog: ...
    @property
    def load(self) -> InFlight: ...

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
        """Status and JSON (or text) of one request through the gateway, with the operator's key."""

    async def nodes(self) -> None:
        """Bring the nodes in; returns once they are registered."""

    def orders(self) -> list[dict[str, Any]]:
        """Agents to deploy through the gateway, beyond those that nodes bring."""

    def tunable(self) -> list[str]:
        """Who may be improved now, by the names of the optimizer's samples."""

    def struck(self) -> tuple[str, float] | None:
        """The node that was struck, and when; None before."""
