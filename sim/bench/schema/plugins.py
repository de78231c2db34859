"""Keys of the plugin manager: those of `PluginConfig` by its names, and what a run adds.

`plugins.settings.TYPE.NAME.*` belong to the plugin TYPE.NAME and are typed by its manifest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sim.bench.schema.ranges import choice, number


@dataclass
class PluginsGroup:
    enabled: list[str] = field(default_factory=list)  # ids; none: no plugin manager
    auto_discover_plugins: bool = True
    plugin_scan_interval: float = number(300.0, above=0)
    max_plugins: int = number(50, 1, 10_000)
    plugin_timeout: float = number(30.0, above=0)  # virtual seconds in a run
    enable_hot_reload: bool = True
    plugin_validation: bool = True
    sandbox_plugins: bool = True  # what is neither pinned nor shipped runs in a worker behind the sandbox
    plugin_logging: bool = True
    folders: list[str] = field(default_factory=list)  # besides the shipped ones
    settings: dict[str, Any] = field(default_factory=dict)
    permissions: dict[str, Any] = field(default_factory=dict)  # id -> list of grants
    trusted: dict[str, str] = field(default_factory=dict)  # id -> content hash
    signers: list[str] = field(default_factory=list)
    isolation: str = choice("confined", "sealed", "confined", "filtered", "limited", "process", "none")
    latency_s: dict[str, float] = field(default_factory=dict)  # id -> mean of a simulated call, over the manifest's
    failures_max: int = number(5, 1, 1_000_000)
    probe_after_s: float = number(60.0, above=0)
    metrics_interval_s: float = number(10.0, above=0)  # of a run: between two metrics_collected
    webhook_status: int = number(204, 100, 599)  # of a run: what every http.fetch is answered
    journal: bool = False  # of a run: keep every hook call
