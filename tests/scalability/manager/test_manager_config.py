"""Settings: the source's YAML by its keys, and one clear line for what is not accepted."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from omegaconf import OmegaConf

from sim.errors import ConfigError
from sim.scalability.manager import DistributedManager, ManagerConfig

SOURCE_YAML = """
load_balancing_strategy: "least_connections"
health_check_interval: 30
node_timeout: 60
auto_scaling: true
max_nodes: 10
min_nodes: 1
scaling_threshold: 0.8
deployment_timeout: 300
failover_enabled: true
data_replication: true
"""


def test_the_sources_block_is_accepted_and_is_the_default() -> None:
    block: Any = OmegaConf.to_container(OmegaConf.create(SOURCE_YAML))
    assert DistributedManager(config=block).config == ManagerConfig()
    assert ManagerConfig().agents_limit == 120


def test_a_built_config_is_taken_as_it_is() -> None:
    config = ManagerConfig(max_nodes=3, agents_max=7)
    assert DistributedManager(config).config is config
    assert (config.agents_limit, ManagerConfig.of(None).max_nodes) == (7, 10)


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("load_balancing_strategy", "least_conections", "did you mean least_connections?"),
        ("load_balancing_strategy", 7, "round_robin"),
        ("health_check_interval", 0, "above 0"),
        ("health_check_interval", float("inf"), "above 0"),
        ("node_timeout", "60", "above 0"),
        ("node_timeout", -1, "above 0"),
        ("auto_scaling", "yes", "true or false"),
        ("max_nodes", 0, "1..1000000"),
        ("max_nodes", 2.0, "whole"),
        ("max_nodes", True, "whole"),
        ("min_nodes", -1, "0..max_nodes"),
        ("min_nodes", 11, "0..max_nodes=10"),
        ("scaling_threshold", 0, "above 0, at most 1"),
        ("scaling_threshold", 1.01, "above 0, at most 1"),
        ("scaling_threshold", float("nan"), "above 0, at most 1"),
        ("deployment_timeout", None, "above 0"),
        ("failover_enabled", 1, "true or false"),
        ("data_replication", None, "true or false"),
        ("agents_max", 0, "from 1"),
        ("agent_types_max", 0, "from 1"),
        ("redeploy_attempts_max", 0, "from 1"),
        ("requests_max", 0, "from 1"),
        ("state_bytes_max", 0, "from 1"),
        ("stopped_max", -1, "from 0"),
        ("seed", -1, "2**63-1"),
        ("max_node", 10, "did you mean max_nodes?"),
        ("colour", "red", "one of load_balancing_strategy"),
    ],
)
def test_a_bad_value_names_key_value_and_accepted(key: str, value: object, accepted: str) -> None:
    with pytest.raises(ConfigError) as caught:
        DistributedManager({key: value})
    assert str(caught.value).startswith(f"{key}={value}: accepted is ")
    assert accepted in str(caught.value)


def test_a_config_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(ConfigError, match="a mapping of settings"):
        ManagerConfig.of([1])  # type: ignore[arg-type]


def test_a_manager_loads_neither_simpy_nor_the_live_runtime() -> None:
    code = (
        "import sys; from sim.scalability.manager import DistributedManager; DistributedManager();"
        "print([m for m in ('simpy', 'sim.runtime.live', 'sim.runtime.virtual') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
