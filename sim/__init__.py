"""victor-sim: the wind tunnel for fleets of AI agents.

The names below are the public Python face; each is imported when first asked for, so that `victor-sim --help` stays
quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.bench.simulate import Result, simulate
    from sim.integration.plugins.manager import PluginManager
    from sim.intelligence.optimizer import MLOptimizer
    from sim.live.gateway import APIGateway, APIVersion, EndpointType
    from sim.scalability.manager import DistributedManager
    from sim.types.fleet import AgentInfo, AgentStatus, NodeInfo, NodeStatus
    from sim.types.metrics import AgentMetrics, OptimizationResult, OptimizationTarget

_HOMES = {
    "APIGateway": "sim.live.gateway",
    "APIVersion": "sim.integration.gateway.kinds",
    "AgentInfo": "sim.types.fleet",
    "AgentMetrics": "sim.types.metrics",
    "AgentStatus": "sim.types.fleet",
    "DistributedManager": "sim.scalability.manager",
    "EndpointType": "sim.integration.gateway.kinds",
    "MLOptimizer": "sim.intelligence.optimizer",
    "NodeInfo": "sim.types.fleet",
    "NodeStatus": "sim.types.fleet",
    "OptimizationResult": "sim.types.metrics",
    "OptimizationTarget": "sim.types.metrics",
    "PluginManager": "sim.integration.plugins.manager",
    "Result": "sim.bench.simulate",
    "simulate": "sim.bench.simulate",
}

__all__ = [
    "APIGateway",
    "APIVersion",
    "AgentInfo",
    "AgentMetrics",
    "AgentStatus",
    "DistributedManager",
    "EndpointType",
    "MLOptimizer",
    "NodeInfo",
    "NodeStatus",
    "OptimizationResult",
    "OptimizationTarget",
    "PluginManager",
    "Result",
    "simulate",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'sim' has no attribute {name!r}")
