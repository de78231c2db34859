"""Every config key with its type, unit, default and accepted range: the one place where keys are declared.

A range stands in the field's metadata and is checked by `sim.bench.check`, which names the key, the value and what is
accepted. Names of `kind` fields are checked against the registry. Every key has a default, so that a group's YAML
states only what makes it that choice.
"""

from sim.bench.schema.control import AutoscalerConfig, EjectionConfig, FailoverConfig, HealthConfig
from sim.bench.schema.faults import (
    ClockSkewConfig,
    CrashConfig,
    EpisodesConfig,
    ErrorsConfig,
    FaultsConfig,
    FlappingConfig,
    OverloadConfig,
    PacketLossConfig,
    PartitionConfig,
    PoisonConfig,
    PreemptionConfig,
    SlowConfig,
    ZoneOutageConfig,
)
from sim.bench.schema.gateway import GatewayGroup
from sim.bench.schema.load import ArrivalsConfig, BalancerConfig, ColumnsConfig, FleetConfig, ServiceConfig
from sim.bench.schema.plugins import PluginsGroup
from sim.bench.schema.requests import AdmissionConfig, BreakerConfig, HedgeConfig, RetryConfig
from sim.bench.schema.tree import (
    CapacityConfig,
    Config,
    LauncherConfig,
    PathsConfig,
    SloConfig,
    StatsConfig,
    StudyConfig,
)

__all__ = [
    "AdmissionConfig",
    "ArrivalsConfig",
    "AutoscalerConfig",
    "BalancerConfig",
    "BreakerConfig",
    "CapacityConfig",
    "ClockSkewConfig",
    "ColumnsConfig",
    "Config",
    "CrashConfig",
    "EjectionConfig",
    "EpisodesConfig",
    "ErrorsConfig",
    "FailoverConfig",
    "FaultsConfig",
    "FlappingConfig",
    "FleetConfig",
    "GatewayGroup",
    "HealthConfig",
    "HedgeConfig",
    "LauncherConfig",
    "OverloadConfig",
    "PacketLossConfig",
    "PartitionConfig",
    "PathsConfig",
    "PluginsGroup",
    "PoisonConfig",
    "PreemptionConfig",
    "RetryConfig",
    "ServiceConfig",
    "SloConfig",
    "SlowConfig",
    "StatsConfig",
    "StudyConfig",
    "ZoneOutageConfig",
]
