"""The ten hooks as typed specs, and what a plugin may answer to each.

A payload is plain data (None, bool, int, float, str, lists, dicts), so that a hook reads the same in this process, in a
worker and in a journal. Modes: NOTIFY ignores values; FIRST ends with the first plugin that answers; FOLD hands each
plugin what those before it made of the payload. A value of another shape is that plugin's failure, not the run's.
Order, wrappers and isolation: `dispatch`. Runners: `runners.base.SourceRunner`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from sim.errors import SimError
from sim.integration.plugins.runners.base import PluginEnded, PluginError, PluginRaised, PluginRefused
from sim.integration.plugins.runners.base import SourceRunner as PluginRunner

HOST_VERSION = "0.1.0"  # what a manifest's `host` is held against


class Mode(Enum):
    """How the answers of several plugins become one."""

    NOTIFY = "notify"
    FIRST = "first"
    FOLD = "fold"


class PluginType(Enum):
    """The source's four."""

    API = "api"
    ANALYTICS = "analytics"
    SECURITY = "security"
    CUSTOM = "custom"


class Rejection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Of `before_request` and `optimization_proposed`: no, and why."""

    reject: str


class Routing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Of `before_route`: nodes that must not be picked, and nodes to try first, best first."""

    veto: list[str] = []
    prefer: list[str] = []


class Bound(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Of `scaling_decided`: how many nodes instead, and why."""

    desired: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class HookSpec:
    """One hook: what its payload holds (name -> type), how answers combine, what an answer is."""

    name: str
    mode: Mode
    payload: tuple[str, ...]  # names, for authors and tests
    answer: type[msgspec.Struct] | None = None  # None: no answer is read
    at_once: bool = False  # the request path waits: a coroutine must end without waiting


HOOKS: dict[str, HookSpec] = {
    spec.name: spec
    for spec in (
        HookSpec("startup", Mode.NOTIFY, ("nodes", "agents")),
        HookSpec("shutdown", Mode.NOTIFY, ("reason",)),
        HookSpec("node_state_changed", Mode.NOTIFY, ("node", "old", "new", "reason")),
        HookSpec("agent_deployed", Mode.NOTIFY, ("agent", "node", "epoch")),
        HookSpec(
            "before_request", Mode.FIRST, ("request", "type", "key", "priority", "prompt_tokens", "output_tokens"),
            Rejection, True,
        ),
        HookSpec("after_response", Mode.NOTIFY, ("request", "status", "sojourn_s", "node", "key"), None, True),
        HookSpec("before_route", Mode.FOLD, ("type", "key", "nodes", "loads"), Routing, True),
        HookSpec("scaling_decided", Mode.FOLD, ("current", "desired", "minimum", "maximum", "reason"), Bound, True),
        HookSpec("metrics_collected", Mode.NOTIFY, ("nodes_ready", "in_flight", "waiting", "arrivals_count")),
        HookSpec(
            "optimization_proposed", Mode.FIRST, ("agent", "target", "claimed", "confidence", "parameters"), Rejection,
        ),
    )
}  # fmt: skip


def plain(value: Any, depth_max: int = 8) -> bool:
    """Whether a value is plain data that JSON holds, at most `depth_max` levels deep."""
    if value is None or isinstance(value, bool | int | str):
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if depth_max == 0:
        return False
    if isinstance(value, list | tuple):
        return all(plain(item, depth_max - 1) for item in value)
    if isinstance(value, dict):
        return all(isinstance(key, str) and plain(item, depth_max - 1) for key, item in value.items())
    return False


class UnknownPlugin(PluginError, KeyError):
    """No plugin of that id was discovered."""

    __str__ = PluginError.__str__


class PluginState(PluginError):
    """The life cycle does not allow it now; `why` is the state it is in."""


__all__ = [
    "HOOKS",
    "HOST_VERSION",
    "Bound",
    "HookSpec",
    "Mode",
    "PluginEnded",
    "PluginError",
    "PluginRaised",
    "PluginRefused",
    "PluginRunner",
    "PluginState",
    "PluginType",
    "Rejection",
    "Routing",
    "UnknownPlugin",
    "plain",
]


class ReplayDiffers(SimError):
    """A replayed run calls a plugin in another way than the run of the journal."""

    def __init__(self, plugin: str, number: int, was: str, told: str) -> None:
        super().__init__(plugin, number, was, told)
        self.plugin, self.number, self.was, self.told = plugin, number, was, told

    def __str__(self) -> str:
        return f"call {self.number} of {self.plugin}: {self.told} now, {self.was} in the journal"
