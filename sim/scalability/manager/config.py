"""The manager's settings: the source's ten keys by its names, and our bounds.

Durations are seconds. A bad value or an unknown key raises `ConfigError`, which names the key, the value and what is
accepted, with the closest key where one is close. Each key is read by one part of the manager.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.errors import ConfigError
from sim.registry import names
from sim.scalability.manager.checks import is_number, is_whole
from sim.settings import hint, settings_of

AGENTS_PER_NODE = 12  # the source: 10 nodes, 120 agents in all


@dataclass(frozen=True, slots=True)
class ManagerConfig:
    """Defaults are the source's. Raises `ConfigError` when it is built with a value that is not accepted."""

    load_balancing_strategy: str = "least_connections"  # of the balancer that the manager makes when none is given
    health_check_interval: float = 30.0  # between two checks, and between two scale decisions
    node_timeout: float = 60.0  # silence after which a check finds a node OFFLINE
    auto_scaling: bool = True
    max_nodes: int = 10
    min_nodes: int = 1
    scaling_threshold: float = 0.8  # utilization above which one more node is wanted
    deployment_timeout: float = 300.0  # for an agent to start, to stop, and for a node to be provided
    failover_enabled: bool = True
    data_replication: bool = True  # false: copies_min is 0
    copies_min: int = 1  # other nodes that hold an agent's state
    agents_max: int | None = None  # placed and pending; None: max_nodes * 12
    agent_types_max: int = 64  # types ever deployed
    redeploy_attempts_max: int = 5  # starts of a lost agent before it is given up
    requests_max: int = 100_000  # routed and not finished
    state_bytes_max: int = 1_048_576  # of one agent's state as JSON
    stopped_max: int = 1_000  # stopped agents that are remembered
    seed: int = 1  # of the draws with which the manager's own balancer picks

    def __post_init__(self) -> None:
        for name, accepts, accepted in _RULES:
            value = getattr(self, name)
            if not accepts(value):
                raise ConfigError(name, value, accepted)
        if self.min_nodes > self.max_nodes:
            raise ConfigError("min_nodes", self.min_nodes, f"0..max_nodes={self.max_nodes}")
        known = names("balancer")
        if self.load_balancing_strategy not in known:
            close = hint(str(self.load_balancing_strategy), known)
            raise ConfigError(
                "load_balancing_strategy", self.load_balancing_strategy, f"one of {', '.join(known)}{close}"
            )

    @property
    def copies(self) -> int:
        """Nodes that should hold an agent's state: its own and the others."""
        return 1 + (self.copies_min if self.data_replication else 0)

    @property
    def agents_limit(self) -> int:
        """Agents that may be placed or pending at once."""
        return self.max_nodes * AGENTS_PER_NODE if self.agents_max is None else self.agents_max

    @classmethod
    def of(cls, config: Mapping[str, object] | ManagerConfig | None) -> ManagerConfig:
        """Settings from a mapping with the source's keys; raises `ConfigError`, also for a key that is unknown."""
        return settings_of(cls, config)


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _above_0(value: object) -> bool:
    return is_number(value, 0.0) and value != 0


def _whole(minimum: int, maximum: int | None = None) -> Callable[[object], bool]:
    return lambda value: is_whole(value, minimum, maximum)


_SECONDS = "a number of seconds above 0"
_RULES: tuple[tuple[str, Callable[[object], bool], str], ...] = (
    ("health_check_interval", _above_0, _SECONDS),
    ("node_timeout", _above_0, _SECONDS),
    ("auto_scaling", _flag, "true or false"),
    ("max_nodes", _whole(1, 1_000_000), "a whole number in 1..1000000"),
    ("min_nodes", _whole(0), "a whole number in 0..max_nodes"),
    ("scaling_threshold", lambda value: _above_0(value) and is_number(value, 0.0, 1.0), "a number above 0, at most 1"),
    ("deployment_timeout", _above_0, _SECONDS),
    ("failover_enabled", _flag, "true or false"),
    ("data_replication", _flag, "true or false"),
    ("copies_min", _whole(0, 100), "a whole number in 0..100"),
    (
        "agents_max",
        lambda value: value is None or is_whole(value, 1),
        "a whole number from 1, or none for max_nodes * 12",
    ),
    ("agent_types_max", _whole(1), "a whole number from 1"),
    ("redeploy_attempts_max", _whole(1), "a whole number from 1"),
    ("requests_max", _whole(1), "a whole number from 1"),
    ("state_bytes_max", _whole(1), "a whole number from 1"),
    ("stopped_max", _whole(0), "a whole number from 0"),
    ("seed", _whole(0, 2**63 - 1), "a whole number in 0..2**63-1"),
)
