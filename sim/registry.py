"""One closed name -> factory registry: configs name a `kind`, never a class or an import path.

Hydra's `instantiate` would let a config run code, so that configs are looked up here instead. A room's
own file registers what it offers; `names` is what error messages and the catalogue test list.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, TypeVar

from sim.errors import ConfigError

T = TypeVar("T")

_ENTRIES: dict[str, dict[str, Any]] = {}

# The packages whose modules register themselves; nothing else is ever imported by name.
PACKAGES = (
    "sim.scalability.autoscaler.policies",
    "sim.scalability.balancer.choosers",
    "sim.scalability.health.detectors",
    "sim.world.arrivals",
    "sim.world.faults",
    "sim.world.service",
)


def register(group: str, name: str) -> Callable[[T], T]:
    """Decorator: offer an object as `name` of `group` (`balancer`, `arrivals`, `service`, ...)."""

    def add(entry: T) -> T:
        taken = _ENTRIES.setdefault(group, {})
        if name in taken and taken[name] is not entry:
            raise ConfigError(group, name, "a name that is not registered yet")
        taken[name] = entry
        return entry

    return add


def lookup(group: str, name: str) -> Any:
    """The object registered as `name`; raises `ConfigError` that lists what there is."""
    load_all()
    try:
        return _ENTRIES[group][name]
    except KeyError:
        raise ConfigError(f"{group}.kind", name, "one of " + ", ".join(names(group))) from None


def names(group: str) -> list[str]:
    """All names of a group, sorted."""
    load_all()
    return sorted(_ENTRIES.get(group, {}))


def load_all() -> None:
    """Import every module of the registering packages (idempotent: Python caches modules)."""
    for package_name in PACKAGES:
        package = importlib.import_module(package_name)
        for module in pkgutil.iter_modules(package.__path__, package_name + "."):
            importlib.import_module(module.name)
