"""What the manager takes in from outside, checked: nodes (`NodeError`) and agent configs (`ConfigError`).

Ratios lie in 0..1, loads and capacities count agents, `speed` is relative (1 is the norm), timestamps are seconds.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from sim.errors import ConfigError, NodeError
from sim.types.fleet import NodeInfo, NodeStatus

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
NAME_RULE = "1 to 128 letters, digits, '.', '_' or '-', beginning with a letter or digit"
TEXT_MAX = 256
CAPACITY_MAX = 1_000_000


def is_number(value: object, minimum: float = -math.inf, maximum: float = math.inf) -> bool:
    """A finite int or float in a closed range; True and False are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and minimum <= value <= maximum


def is_whole(value: object, minimum: int, maximum: int | None = None) -> bool:
    """An int in a closed range; True and False are no numbers."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return minimum <= value and (maximum is None or value <= maximum)


def is_text(value: object) -> bool:
    """A string with something in it, of at most `TEXT_MAX` characters."""
    return isinstance(value, str) and bool(value.strip()) and len(value) <= TEXT_MAX


def check_node(info: NodeInfo) -> None:
    """Raises `NodeError` naming the first field that is not accepted."""
    if not isinstance(info, NodeInfo):
        raise NodeError(str(info), "accepted is a NodeInfo")
    if not (isinstance(info.node_id, str) and NAME.fullmatch(info.node_id)):
        raise NodeError(str(info.node_id), f"node_id={info.node_id!r}: accepted is {NAME_RULE}")
    check_fields(
        info.node_id,
        host=info.host,
        port=info.port,
        status=info.status,
        capacity=info.capacity,
        cpu_usage=info.cpu_usage,
        memory_usage=info.memory_usage,
        last_heartbeat=info.last_heartbeat,
        metadata=info.metadata,
    )
    check_load(info.node_id, info.current_load, info.capacity)


def check_fields(node_id: str, **fields: object) -> None:
    """Raises `NodeError` for the first named field that is not accepted."""
    for name, value in fields.items():
        good, accepted = _FIELDS[name]
        if not good(value):
            raise NodeError(node_id, f"{name}={value!r}: accepted is {accepted}")


def check_load(node_id: str, load: object, capacity: int) -> None:
    """Raises `NodeError` unless 0 <= load <= capacity."""
    if not is_whole(load, 0, capacity):
        raise NodeError(node_id, f"current_load={load!r}: accepted is a whole number in 0..{capacity} (the capacity)")


def check_agent(config: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of an agent's config; raises `ConfigError`. Keys that are not checked here are kept as given."""
    if not isinstance(config, Mapping):
        raise ConfigError("agent", config, "a mapping with name, type and model")
    for key in ("name", "model"):
        if not is_text(config.get(key)):
            raise ConfigError(f"agent.{key}", config.get(key), f"a text of 1 to {TEXT_MAX} characters")
    agent_type = config.get("type")
    if not (isinstance(agent_type, str) and NAME.fullmatch(agent_type)):
        raise ConfigError("agent.type", agent_type, NAME_RULE)
    if "temperature" in config and not is_number(config["temperature"], 0.0, 2.0):
        raise ConfigError("agent.temperature", config["temperature"], "a number in 0..2")
    return dict(config)


def zone_of(metadata: Mapping[str, Any]) -> str:
    """Where a node stands: its zone, else its region, else one zone for all that do not say."""
    return str(metadata.get("zone", metadata.get("region", "")))


def _is_host(value: object) -> bool:
    return is_text(value) and not any(character.isspace() for character in str(value))


def _is_metadata(value: object) -> bool:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        return False
    speed = value.get("speed", 1.0)
    return is_number(speed, 0.0) and speed > 0.0


_FIELDS: dict[str, Any] = {
    "host": (_is_host, f"1 to {TEXT_MAX} characters without blanks"),
    "port": (lambda value: is_whole(value, 1, 65_535), "a whole number in 1..65535"),
    "status": (lambda value: isinstance(value, NodeStatus), "a NodeStatus"),
    "capacity": (lambda value: is_whole(value, 1, CAPACITY_MAX), f"a whole number in 1..{CAPACITY_MAX}"),
    "cpu_usage": (lambda value: is_number(value, 0.0, 1.0), "a number in 0..1"),
    "memory_usage": (lambda value: is_number(value, 0.0, 1.0), "a number in 0..1"),
    "last_heartbeat": (lambda value: is_number(value, 0.0), "a finite number of seconds from 0"),
    "metadata": (_is_metadata, "a dict with text keys; its speed, if any, a finite number above 0"),
}
