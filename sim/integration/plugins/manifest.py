"""`manifest.toml` of a plugin: read strictly, every fault told with its place, at once.

    id = "custom.sticky_sessions"     version = "1.0.0"     module = "sticky_sessions"     hooks = ["before_route"]
    [order.before_route]              before = []  after = ["security.request_guard"]  priority = 0  wrapper = false
    [settings.ttl_s]                  kind = "number"  default = 300.0  minimum = 0
    [requires]                        "analytics.slo_budget" = ">=1"
    [latency]                         law = "exponential"  mean_s = 0.001

Versions and ranges are PEP 440's (`packaging`). The type is the one told, else by the id, else by what it asks for.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from sim.errors import ConfigError, SimError
from sim.integration.plugins import wants
from sim.integration.plugins.broker import permissions
from sim.integration.plugins.protocol import HOOKS, HOST_VERSION, PluginType
from sim.integration.plugins.settings import SettingSpec
from sim.settings import hint

NAME = "manifest.toml"
ID = re.compile(r"[a-z][a-z0-9_]{0,39}\.[a-z][a-z0-9_]{0,39}")
MODULE = re.compile(r"[a-z_][a-z0-9_]{0,63}")
SHA256 = re.compile(r"[0-9a-f]{64}")
BYTES_MAX = 64 << 10
PREFIXES = {
    "api_integration": "api",
    "api": "api",
    "analytics": "analytics",
    "security": "security",
    "custom": "custom",
}
GROUPS = ("arrivals", "autoscaler", "balancer", "figure", "route", "service", "signal")  # what it may bring
RUNNERS = ("worker", "monty", "wasm")
TYPES = tuple(kind.value for kind in PluginType)


class Order(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where a plugin stands among others at one hook."""

    before: list[str] = []
    after: list[str] = []
    priority: int = 0  # higher goes first
    wrapper: bool = False  # a generator around the others


class Latency(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What a call takes in a simulated run; seconds."""

    law: str = "constant"
    mean_s: float = 0.0


class Manifest(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A manifest that was read; `type` may be detected."""

    id: str
    version: str
    module: str
    hooks: list[str] = []
    summary: str = ""
    type: str = ""
    host: str = ""
    requires: dict[str, str] = {}
    permissions: list[str] = []
    provides: list[str] = []
    order: dict[str, Order] = {}
    settings: dict[str, SettingSpec] = {}
    files: dict[str, str] = {}
    latency: Latency = Latency()
    runner: str = ""  # of untrusted code: worker (the default), monty or wasm
    isolation: str = ""  # the weakest level that will do; empty: the operator's


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a plugin's folder, and where."""

    place: str
    problem: str

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


class ManifestError(SimError):
    """A plugin's folder is not accepted: all its faults."""

    def __init__(self, folder: str, faults: tuple[Fault, ...]) -> None:
        super().__init__(folder, faults)
        self.folder, self.faults = folder, faults

    def __str__(self) -> str:
        return f"plugin folder {self.folder}: " + "; ".join(str(fault) for fault in self.faults)


def schema() -> dict[str, Any]:
    """JSON Schema of a manifest, for editors."""
    return msgspec.json.schema(Manifest)


def detect_type(manifest: Manifest) -> str:
    """One of the four: as told, by the id's first word, or by what it asks for and hooks."""
    told = manifest.type or PREFIXES.get(manifest.id.partition(".")[0], "")
    if told:
        return told
    if any(text.startswith("http.fetch") for text in manifest.permissions) or "route" in manifest.provides:
        return "api"
    if "before_request" in manifest.hooks:
        return "security"
    return "analytics" if "metrics_collected" in manifest.hooks else "custom"


def read(data: bytes, host_version: str = HOST_VERSION) -> tuple[Manifest | None, list[Fault]]:
    """A manifest and what is wrong with it; without faults it may be used."""
    if len(data) > BYTES_MAX:
        return None, [Fault(NAME, f"{len(data)} bytes: accepted are {BYTES_MAX}")]
    try:
        raw = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, [Fault(NAME, str(error)[:300])]
    faults: list[Fault] = []
    known = _fields(Manifest)
    values: dict[str, Any] = {}
    for key, value in raw.items():
        if key not in known:
            faults.append(Fault(key, unknown(key, known)))
            continue
        values[key] = _converted(key, value, known[key], faults)
    for name in ("id", "version", "module"):
        if name not in raw:
            faults.append(Fault(name, "missing"))
    whole = {name: value for name, value in values.items() if value is not None}
    manifest = Manifest(**{"id": "", "version": "", "module": "", **whole})
    faults += _checked(manifest, whole, host_version)
    return manifest, faults


def _converted(key: str, value: Any, kind: Any, faults: list[Fault]) -> Any:
    """Tables entry by entry, so that each fault is told."""
    inner = {"order": Order, "settings": SettingSpec, "requires": str, "files": str}.get(key)
    if inner is None or not isinstance(value, dict):
        return _one(key, value, kind, faults)
    made = {name: _one(f"{key}.{name}", item, inner, faults) for name, item in value.items()}
    return {name: item for name, item in made.items() if item is not None}


@cache  # to read the annotations of a class takes longer than to read a manifest
def _fields(kind: Any) -> dict[str, Any]:
    """Name -> type."""
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}


def unknown(key: str, known: Iterable[str]) -> str:
    """What is said of a key that is none, with the nearest that is one."""
    words = list(known)
    return f"unknown{hint(key, words)}; known are {', '.join(words)}"


def _one(place: str, value: Any, kind: Any, faults: list[Fault]) -> Any:
    """A value of a kind, None with its faults told; tables key by key."""
    is_table = isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict)
    parts = _fields(kind) if is_table else {}
    before = len(faults)
    for key in sorted(value) if is_table else ():
        if key in parts:
            _one(f"{place}.{key}", value[key], parts[key], faults)
        else:
            faults.append(Fault(f"{place}.{key}", unknown(key, parts)))
    if len(faults) > before:
        return None
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        text, _, path = str(error).partition(" - at `$")
        faults.append(Fault(place + path.rstrip("`"), text))
        return None


def _checked(manifest: Manifest, given: dict[str, Any], host_version: str) -> list[Fault]:
    faults: list[Fault] = []

    def fault(place: str, problem: str) -> None:
        faults.append(Fault(place, problem))

    if "id" in given and not ID.fullmatch(manifest.id):
        fault("id", f"{manifest.id[:80]!r}: accepted is KIND.NAME of a-z, 0-9 and _")
    if "module" in given and not MODULE.fullmatch(manifest.module):
        fault("module", f"{manifest.module[:80]!r}: accepted is a module's name")
    if "version" in given:
        _version("version", manifest.version, fault)
    for place, text in [("host", manifest.host), *((f"requires.{name}", v) for name, v in manifest.requires.items())]:
        _range(place, text, fault)
    readable = not any(each.place == "host" for each in faults)
    if readable and manifest.host and not SpecifierSet(manifest.host).contains(host_version, prereleases=True):
        fault("host", f"{manifest.host}: this host is {host_version}")
    for name in [*manifest.requires, *(x for each in manifest.order.values() for x in (*each.before, *each.after))]:
        if not ID.fullmatch(name):
            fault("requires/order", f"{name[:80]!r} is no id of a plugin")
    if manifest.type and manifest.type not in TYPES:
        fault("type", f"{manifest.type}: one of {', '.join(TYPES)}")
    by_id = PREFIXES.get(manifest.id.partition(".")[0])
    if manifest.type in TYPES and by_id is not None and by_id != manifest.type:
        fault("type", f"{manifest.type}, but the id says {by_id}")
    if manifest.runner not in ("", *RUNNERS):
        fault("runner", f"{manifest.runner[:40]}: one of {', '.join(RUNNERS)}")
    for hook in manifest.hooks:
        if hook not in HOOKS:
            fault("hooks", f"{hook[:80]}: one of {', '.join(HOOKS)}")
    for hook in manifest.order:
        if hook not in manifest.hooks:
            fault(f"order.{hook}", "not among its hooks")
    for text in manifest.permissions:
        try:
            permissions.parse(wants.example(text, manifest.settings), "permissions")
        except ConfigError as error:
            fault("permissions", f"{text[:80]}: {error.accepted}")
    for text in manifest.provides:
        if text.partition(":")[0] not in GROUPS or not MODULE.fullmatch(text.partition(":")[2]):
            fault("provides", f"{text[:80]}: GROUP:NAME with a group of {', '.join(GROUPS)}")
    for name, digest in manifest.files.items():
        if not SHA256.fullmatch(digest):
            fault(f"files.{name}", "a SHA-256 in 64 hex digits")
    for name, setting in manifest.settings.items():
        problem = setting.fault()
        if problem:
            fault(f"settings.{name}", problem)
    if manifest.latency.law not in ("constant", "exponential") or not 0.0 <= manifest.latency.mean_s < 1e6:
        fault("latency", "law constant or exponential, mean_s from 0")
    if not (manifest.hooks or manifest.provides):
        fault("hooks", "none, and it provides nothing")
    return faults


def _version(place: str, text: str, fault: Any) -> None:
    try:
        Version(text)
    except InvalidVersion:
        fault(place, f"{text[:80]!r}: a version such as 1.0.0")


def _range(place: str, text: str, fault: Any) -> None:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        fault(place, f"{text[:80]!r}: a range such as >=1,<2")
