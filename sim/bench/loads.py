"""The request load from the config: arrivals, demands, marks, and the extra arrivals of an overload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.bench.capacity import capacity_per_s
from sim.bench.own_data import trace_path
from sim.bench.params import copy, fields
from sim.bench.rules import is_under_fire
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.registry import lookup
from sim.world.faults.overload import OverloadParams, overload_chunks
from sim.world.marks import Marks
from sim.world.params import ArrivalParams, ColumnParams
from sim.world.world import Load


def make_load(config: Config, types: tuple[str, ...], service: Any) -> Load:
    """The request load; a utilization ratio becomes a rate by the fleet's capacity."""
    arrivals = config.arrivals
    rate_per_s = arrivals.rate_per_s
    if arrivals.utilization_ratio is not None:
        rate_per_s = arrivals.utilization_ratio * capacity_per_s(config, service)
    columns = copy(ColumnParams, arrivals.columns)
    read = {"columns": columns, "types": types, "path": trace_path(config)}
    params = ArrivalParams(**{**fields(arrivals), **read})
    law = lookup("arrivals", arrivals.kind)(params, rate_per_s)
    shares = tuple(arrivals.type_mix.get(name, 0.0) for name in types) if arrivals.type_mix else None
    marks = Marks(shares, arrivals.keys_count, arrivals.keys_zipf)
    closed = hasattr(law, "clients_count")
    if closed:
        check_thinking(config)
    return Load(
        open=None if closed else law,
        closed=law if closed else None,
        service=service,
        marks=marks,
        horizon_s=config.horizon_s,
        drain_s=config.drain_s,
        side=None if closed else _overload(config, law),
    )


def _overload(config: Config, law: Any) -> Callable[..., Any] | None:
    """The extra arrivals of an overload, in terms of the load's mean rate."""
    part = config.faults.overload
    if not part.enabled:
        return None
    params, mean_rate_per_s = copy(OverloadParams, part), law.rate_per_s()
    return lambda draws, horizon_s: overload_chunks(params, mean_rate_per_s, draws, horizon_s)


def check_thinking(config: Config) -> None:
    """Raises `ConfigError` for clients who are refused and back in the same instant, for ever."""
    fleet, arrivals = config.fleet, config.arrivals
    if not arrivals.think_s and is_under_fire(config):
        accepted = "above 0 in a run under fire (admission, a breaker or a fault turns requests away at once)"
        raise ConfigError("arrivals.think_s", arrivals.think_s, accepted)
    agents = min(fleet.agent_types.values(), default=fleet.agents_per_node)
    places = agents + (config.balancer.queue_max if config.balancer.queue == "central" else fleet.queue_max)
    if not arrivals.think_s and arrivals.clients_count > places:
        accepted = f"above 0 with more clients ({arrivals.clients_count}) than agents and waiting places ({places})"
        raise ConfigError("arrivals.think_s", arrivals.think_s, accepted)
