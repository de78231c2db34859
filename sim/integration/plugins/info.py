"""A plugin at an instant, as plain data: for status pages, the gateway and `plugins list`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from sim.integration.plugins.folder import Found
from sim.integration.plugins.unit import Unit


class State(Enum):
    """Where a plugin stands in its life."""

    DISCOVERED = "discovered"
    REFUSED = "refused"  # its folder has faults, or needs what is not there
    LOADED = "loaded"  # its code is there, no hook calls it
    ENABLED = "enabled"


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """Facts of one plugin; `reason` says why it is refused."""

    plugin_id: str
    version: str
    type: str
    state: State
    hooks: tuple[str, ...]
    permissions: tuple[str, ...]
    content_hash: str
    isolation: str = ""
    generation: int = 0
    is_off: bool = False  # by its circuit
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "state": self.state.value}


def info_of(found: Found, unit: Unit | None, enabled: bool, reason: str) -> PluginInfo:
    """Facts of a plugin that was found, loaded or not."""
    shown = found if unit is None else unit.found
    manifest = shown.manifest
    state = State.REFUSED if reason else State.DISCOVERED
    if unit is not None:
        state = State.ENABLED if enabled else State.LOADED
    return PluginInfo(
        plugin_id=found.plugin_id,
        version="" if manifest is None else manifest.version,
        type=shown.kind,
        state=state,
        hooks=() if manifest is None else tuple(manifest.hooks),
        permissions=() if manifest is None else tuple(manifest.permissions),
        content_hash=shown.content_hash,
        isolation="" if unit is None else unit.runner.isolation(),
        generation=0 if unit is None else unit.generation,
        is_off=unit is not None and unit.circuit.off,
        reason=reason,
    )
