"""The autoscaler of a live fleet, put together: the same policy, loop, sampler and actuator as in a run."""

from __future__ import annotations

from typing import Any

from sim.bench.params import copy
from sim.bench.schema import Config
from sim.contracts import NodeProvider
from sim.live.serve.fleet import MODEL, LiveFleet
from sim.registry import lookup
from sim.scalability.autoscaler.actuator import FleetActuator
from sim.scalability.autoscaler.loop import Autoscaler
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.scalability.autoscaler.sampler import FleetSampler
from sim.types.fleet import AgentStatus


def make_autoscaler(config: Config, fleet: LiveFleet, provider: NodeProvider) -> Autoscaler | None:
    """None where none is asked for; its loop is `run`."""
    if config.autoscaler.kind == "none":
        return None
    params = copy(AutoscalerParams, config.autoscaler)
    policy: Any = lookup("autoscaler", config.autoscaler.kind)(params)
    manager, load = fleet.manager, fleet.load
    actuator = FleetActuator(fleet.runtime, manager, provider, params, fleet.shape.agents, load.in_flight, MODEL)
    sample = FleetSampler(
        fleet.runtime, actuator, load, lambda names: manager.ready_counts(names, tuple(fleet.shape.types)),
        lambda: manager.agents_count(AgentStatus.PENDING), not policy.event_driven, manager.changes_count,
    )  # fmt: skip
    scaler = Autoscaler(fleet.runtime, policy, params, sample, actuator, fleet.events)
    if policy.event_driven:
        fleet.on_demand = scaler.poke
    return scaler
