"""What a live run is sent: the very arrivals, demands and keys that a simulated run of the same config draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim.bench.fleet_shape import shape_of
from sim.bench.loads import make_load
from sim.bench.params import copy
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.world.params import ServiceParams

REQUESTS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Planned:
    """One request: when it is sent (seconds from the start), its demand, its affinity key (None: none)."""

    at: float
    work_s: float
    key: int | None


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """All requests of a run, in order; `rate_per_s` is the arrivals' mean rate."""

    requests: tuple[Planned, ...]
    rate_per_s: float
    horizon_s: float


def load_plan(config: Config) -> LoadPlan:
    """Replication 0 of the config; raises `ConfigError` for what cannot be sent to a live fleet."""
    shape = shape_of(config)
    service = lookup("service", config.service.kind)(copy(ServiceParams, config.service))
    if hasattr(service, "tokens"):
        raise ConfigError("service.kind", config.service.kind, "a law of seconds, for agents that sleep")
    load = make_load(config, shape.types, service)
    if load.open is None:
        raise ConfigError("arrivals.kind", config.arrivals.kind, "an open source")
    if len(shape.types) > 1:
        raise ConfigError("fleet.agent_types", config.fleet.agent_types, "one type, to calibrate")
    draws, found = CounterDraws(config.seed, 0), list[Planned]()
    for chunk in load.open.chunks(draws, config.horizon_s):
        entities = np.arange(chunk.first, chunk.first + len(chunk.at), dtype=np.uint64)
        demands = service.work_s(draws, entities, chunk)
        asked = chunk.keys or load.marks.keys(draws, entities)
        keys: list[int | None] = [None] * len(demands) if asked is None else list(asked)
        rows = zip(chunk.at, demands, keys, strict=True)
        found += [Planned(at, work_s, key) for at, work_s, key in rows if at < config.horizon_s]
        if len(found) > REQUESTS_MAX:
            raise ConfigError("horizon_s", config.horizon_s, f"at most {REQUESTS_MAX} requests")
        if chunk.at and chunk.at[-1] >= config.horizon_s:
            break
    return LoadPlan(tuple(found), load.open.rate_per_s(), config.horizon_s)
