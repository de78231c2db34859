"""Config values against what the schema accepts: ranges, words, registered names, files, and what holds only together.

Every refusal names the key, the value and what is accepted, before anything runs. What depends on a strategy's or a
law's own settings is checked where it is built (`sim.bench.assemble`); what a run under fire adds, beside this file.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from sim.bench.brought import bringing, hint
from sim.bench.capacity_grid import check_capacity
from sim.bench.check_fire import FIRE_RULES
from sim.bench.keys import accepted, known_keys
from sim.bench.own_data import trace_path
from sim.bench.schema import Config
from sim.bench.schema.load import OWN_RATE
from sim.bench.streamed import check_streamed
from sim.errors import ConfigError, InputError
from sim.measure.metrics import METRICS
from sim.measure.selection import FIRST_MIN
from sim.measure.warmup import fixed_cut
from sim.registry import names
from sim.world.traces.sources import missing

NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.+-]*)?")
READS_FILE = {"arrivals": ("trace", "rates"), "service": ("empirical",)}


def check(config: Config, like: Config | None = None) -> None:
    """Raises `ConfigError` (or `InputError` for a file) for the first value that is not accepted.

    `like`: a config that was accepted; the values of sections that the two share are not looked at again.
    """
    with bringing(config):
        _check_fields(config, config, "", like)
        for rule in (*RULES, *FIRE_RULES):
            rule(config)


def check_lists(part: Any, prefix: str = "") -> None:
    """Lists are of single values, which OmegaConf does not see to: `[[1]]` and `[{a: 1}]` pass as a `list[float]`.

    Raises `ConfigError`.
    """
    kind: type = type(part)
    for name, _ in _fields_of(kind):
        value = getattr(part, name)
        if hasattr(value, "__dataclass_fields__"):
            check_lists(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, list | dict):
                    raise ConfigError(f"{prefix}{name}[{number}]", item, "a single value (a list holds no lists)")


def _check_fields(config: Config, part: Any, prefix: str, like: Any = None) -> None:
    kind: type = type(part)
    for name, metadata in _fields_of(kind):
        value = getattr(part, name)
        if hasattr(value, "__dataclass_fields__"):
            other = None if like is None else getattr(like, name)
            if value is not other:
                _check_fields(config, value, f"{prefix}{name}.", other)
        elif value is not None and not _holds(value, metadata):
            key, group = prefix + name, metadata.get("registry", "")
            raise ConfigError(key, value, accepted(known_keys()[key]) + (hint(config, group, value) if group else ""))


@cache
def _fields_of(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.metadata) for field in dataclasses.fields(kind))


def _holds(value: Any, metadata: Any) -> bool:
    if "accepted" in metadata and value in metadata["accepted"]:
        return True
    if "registry" in metadata:
        return value in names(metadata["registry"])
    if "accepted" in metadata:
        return False
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    minimum, maximum, above = (metadata.get(name) for name in ("minimum", "maximum", "above"))
    return (
        math.isfinite(value)
        and (minimum is None or value >= minimum)
        and (maximum is None or value <= maximum)
        and (above is None or value > above)
    )


def _names(config: Config) -> None:
    if not NAME.fullmatch(config.name):
        raise ConfigError("name", config.name, "letters, digits and _ . + - (it names a folder)")
    asked = [("study.metrics", metric) for metric in config.study.metrics]
    for key, metric in (("objective", config.objective), ("slo.metric", config.slo.metric), *asked):
        if metric not in METRICS:
            raise ConfigError(key, metric, "one of " + ", ".join(METRICS))


def _one_rate(config: Config) -> None:
    arrivals = config.arrivals
    rate, ratio = arrivals.rate_per_s, arrivals.utilization_ratio
    if arrivals.kind in OWN_RATE:
        for key, value in (("arrivals.rate_per_s", rate), ("arrivals.utilization_ratio", ratio)):
            if value is not None:
                raise ConfigError(key, value, f"null with arrivals={arrivals.kind}, which has a rate of its own")
    elif rate is not None and ratio is not None:
        other = f"null while arrivals.rate_per_s is {rate:g} (one of the two)"
        raise ConfigError("arrivals.utilization_ratio", ratio, other)
    elif rate is None and ratio is None and arrivals.kind != "rates":
        wanted = "a number above 0, or arrivals.utilization_ratio (of the fleet's capacity) instead"
        raise ConfigError("arrivals.rate_per_s", None, wanted)


OWN_FILE = "arrivals.path=FILE names your own; victor-sim init my-fleet leaves an example, my-fleet/trace.csv"


def _files(config: Config) -> None:
    if config.service.kind == "trace" and config.arrivals.kind != "trace":
        raise ConfigError("arrivals.kind", config.arrivals.kind, "trace with service=trace (durations are its rows')")
    for group, kinds in READS_FILE.items():
        part = getattr(config, group)
        if part.kind not in kinds:
            continue
        if part.path is None:
            raise ConfigError(f"{group}.path", None, f"the path of a file ({group}={part.kind} reads one)", OWN_FILE)
        if not Path(part.path).is_file():
            raise InputError(part.path, None, None, missing(part.path), OWN_FILE if group == "arrivals" else "")
    trace_path(config)  # what is no plain CSV becomes one, or is refused, before time 0


def _fleet(config: Config) -> None:
    fleet = config.fleet
    for key, values in (("fleet.speeds", fleet.speeds), ("fleet.zones", fleet.zones)):
        if not values:
            raise ConfigError(key, "[]", "a list of at least one, cycled over the nodes")
    for speed in fleet.speeds:
        if not 0.0 < speed < math.inf:
            raise ConfigError("fleet.speeds", speed, "a list of numbers above 0")
    for name, count in fleet.agent_types.items():
        if count < 1:
            raise ConfigError(f"fleet.agent_types.{name}", count, "a whole number, at least 1")
    placed = sum(fleet.agent_types.values()) or fleet.agents_per_node
    if placed != fleet.agents_per_node:
        wanted = f"the sum of fleet.agent_types, {placed}"
        raise ConfigError("fleet.agents_per_node", fleet.agents_per_node, wanted)
    if fleet.capacity_agents is not None and fleet.capacity_agents < placed:
        raise ConfigError("fleet.capacity_agents", fleet.capacity_agents, f"at least the {placed} agents of a node")


def _types(config: Config) -> None:
    mix = config.arrivals.type_mix
    for name, share in mix.items():
        if name not in config.fleet.agent_types:
            known = ", ".join(config.fleet.agent_types) or "none (fleet.agent_types is empty)"
            raise ConfigError(f"arrivals.type_mix.{name}", share, f"a share of an agent type of the fleet: {known}")
        if not 0.0 <= share < math.inf:
            raise ConfigError(f"arrivals.type_mix.{name}", share, "a share, 0 or more")
    if mix and not sum(mix.values()):
        raise ConfigError("arrivals.type_mix", mix, "shares with a sum above 0")


def _central(config: Config) -> None:
    if config.balancer.queue == "central" and config.balancer.dispatchers > 1:
        raise ConfigError("balancer.dispatchers", config.balancer.dispatchers, "1 with balancer.queue=central")


def _warmup(config: Config) -> None:
    fixed_cut(config.warmup, config.horizon_s)


def _growth(config: Config) -> None:
    stats = config.stats
    if stats.select == "none" and stats.precision_ratio is None:
        return
    if stats.select == "best" and stats.replications < FIRST_MIN:
        wanted = f"{FIRST_MIN} or more with stats.select=best (spreads are taken from them)"
        raise ConfigError("stats.replications", stats.replications, wanted)
    if stats.replications_max < stats.replications:
        wanted = f"at least stats.replications ({stats.replications})"
        raise ConfigError("stats.replications_max", stats.replications_max, wanted)
    if stats.select == "budget" and stats.budget_replications < 2 * stats.replications:
        wanted = f"at least stats.replications ({stats.replications}) for each of two points with stats.select=budget"
        raise ConfigError("stats.budget_replications", stats.budget_replications, wanted)


RULES: tuple[Callable[[Config], None], ...] = (
    _names,
    _one_rate,
    _files,
    _fleet,
    _types,
    _central,
    _warmup,
    _growth,
    check_capacity,
    check_streamed,
)
