"""What `plugin_validation: false` lets pass: version ranges and file hashes are told as events and do not refuse."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.folder import Found
from sim.integration.plugins.manifest import Fault

SOFT = ("files.", "host")


def hard_faults(found: Found, config: PluginConfig, tell: Callable[[str, str, str], None]) -> Found:
    """The folder with the faults that refuse it."""
    if config.plugin_validation or not found.faults:
        return found
    kept: list[Fault] = []
    for fault in found.faults:
        if fault.place.startswith(SOFT):
            tell("plugin.not_validated", found.plugin_id, f"passed over: {fault}")
        else:
            kept.append(fault)
    return dataclasses.replace(found, faults=tuple(kept))
