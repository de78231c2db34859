"""The plugin manager's settings: the source's eight keys by its names, and our bounds and grants.

Durations are seconds. A bad value or an unknown key raises `ConfigError` naming it. `settings` is TYPE -> NAME -> the
plugin's own settings, for the id TYPE.NAME; `trusted` pins an id to the content hash that `plugins check` prints.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sim.errors import ConfigError
from sim.integration.plugins.sandbox.layers import LEVELS
from sim.settings import settings_of


@dataclass(frozen=True, slots=True)
class PluginConfig:
    """Defaults are the source's. Raises `ConfigError` when it is built with a value that is not accepted."""

    auto_discover_plugins: bool = True  # scan the folders at start and every plugin_scan_interval
    plugin_scan_interval: float = 300.0
    max_plugins: int = 50  # loaded at once
    plugin_timeout: float = 30.0  # of one hook call, of a load and of the end of what is under way
    enable_hot_reload: bool = True  # a scan swaps in what changed
    plugin_validation: bool = True  # false: version ranges and file hashes are told, and do not refuse
    sandbox_plugins: bool = True  # false: everything runs in this process
    plugin_logging: bool = True  # keep what a plugin logs
    folders: tuple[str, ...] = ()  # besides the shipped ones
    enabled: tuple[str, ...] = ()  # loaded and enabled at start
    settings: Mapping[str, Any] = field(default_factory=dict)
    permissions: Mapping[str, Any] = field(default_factory=dict)  # id -> what the operator grants
    trusted: Mapping[str, str] = field(default_factory=dict)  # id -> content hash that may run in this process
    signers: tuple[str, ...] = ()  # Ed25519 public keys; if any, what is not pinned must be signed by one
    isolation: str = "confined"  # the weakest level that will do for what is not trusted
    latency_s: Mapping[str, float] = field(default_factory=dict)  # id -> mean of a simulated call, over the manifest's
    failures_max: int = 5  # in a row, before a plugin is off
    probe_after_s: float = 60.0  # until it is tried again
    seed: int = 1  # of the plugins' own random modules

    def __post_init__(self) -> None:
        for name in ("folders", "enabled", "signers"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(item, str) for item in value):
                raise ConfigError(name, value, "a list of texts")
            object.__setattr__(self, name, tuple(value))
        for name, accepts, accepted in _RULES:
            if not accepts(getattr(self, name)):
                raise ConfigError(name, getattr(self, name), accepted)

    @classmethod
    def of(cls, config: Mapping[str, object] | PluginConfig | None) -> PluginConfig:
        """Settings from a mapping with the source's keys; raises `ConfigError`, also for a key that is unknown."""
        return settings_of(cls, config)

    def settings_of(self, plugin_id: str) -> Mapping[str, Any]:
        """What the operator gives to one plugin; raises `ConfigError` where that is no mapping."""
        first, _, second = plugin_id.partition(".")
        found = self.settings.get(first, {})
        found = found.get(second, {}) if isinstance(found, Mapping) else found
        if not isinstance(found, Mapping):
            raise ConfigError(f"plugins.settings.{plugin_id}", found, "a mapping")
        return found


def _number(value: object, above: float = 0.0) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > above


def _whole(minimum: int, maximum: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and minimum <= value <= maximum


def _flag(value: object) -> bool:
    return isinstance(value, bool)


def _lists(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        not isinstance(texts, str) and all(isinstance(text, str) for text in texts) for texts in value.values()
    )


def _means(value: object) -> bool:
    return isinstance(value, Mapping) and all(_number(each, -1e-12) for each in value.values())


def _hashes(value: object) -> bool:
    return isinstance(value, Mapping) and all(re.fullmatch(r"[0-9a-f]{64}", str(each)) for each in value.values())


def _keys(value: object) -> bool:
    return isinstance(value, tuple) and all(re.fullmatch(r"[0-9a-f]{64}", str(each)) for each in value)


_FLAGS = (
    "auto_discover_plugins", "enable_hot_reload", "plugin_validation", "sandbox_plugins", "plugin_logging",
)  # fmt: skip
_RULES: tuple[tuple[str, Callable[[object], bool], str], ...] = (
    *((name, _flag, "true or false") for name in _FLAGS),
    ("plugin_scan_interval", _number, "a number of seconds above 0"),
    ("plugin_timeout", _number, "a number of seconds above 0"),
    ("probe_after_s", _number, "a number of seconds above 0"),
    ("max_plugins", _whole(1, 10_000), "a whole number in 1..10000"),
    ("failures_max", _whole(1, 1_000_000), "a whole number in 1..1000000"),
    ("seed", _whole(0, 2**63 - 1), "a whole number in 0..2**63-1"),
    ("isolation", lambda value: value in LEVELS, "one of " + ", ".join(LEVELS)),
    ("settings", lambda value: isinstance(value, Mapping), "a mapping TYPE -> NAME -> settings"),
    ("permissions", _lists, "a mapping of ids to lists of permissions"),
    ("latency_s", _means, "a mapping of ids to seconds from 0"),
    ("trusted", _hashes, "a mapping of ids to content hashes of 64 hex digits"),
    ("signers", _keys, "a list of public keys of 64 hex digits"),
)
