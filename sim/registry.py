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

# Group -> the package whose modules register themselves; nothing else is ever imported by name.
PACKAGES = {
    "arrivals": "sim.world.arrivals",
    "autoscaler": "sim.scalability.autoscaler.policies",
    "balancer": "sim.scalability.balancer.choosers",
    "detector": "sim.scalability.health.detectors",
    "fault": "sim.world.faults",
    "service": "sim.world.service",
    "surface": "sim.world.surfaces",
}
_LOADED: set[str] = set()
_BROUGHT: dict[str, dict[str, list[tuple[str, Any]]]] = {}  # group -> name -> (owner, entry), the newest last


def register(group: str, name: str) -> Callable[[T], T]:
    """Decorator: offer an object as `name` of `group` (`balancer`, `arrivals`, `service`, ...)."""

    def add(entry: T) -> T:
        taken = _ENTRIES.setdefault(group, {})
        if name in taken and taken[name] is not entry:
            raise ConfigError(group, name, "a name that is not registered yet")
        taken[name] = entry
        return entry

    return add


def bring(group: str, name: str, owner: str, entry: Any) -> Callable[[], None]:
    """Offer what a plugin (`owner`) brings, until the function that is given back is called.

    Generations of one owner may overlap, the newest serves; raises `ConfigError` for a name that another one has.
    """
    load(group)
    there = _BROUGHT.setdefault(group, {}).setdefault(name, [])
    if name in _ENTRIES.get(group, {}) or any(other != owner for other, _ in there):
        raise ConfigError(group, name, "a name that is not registered yet")
    mine = (owner, entry)
    there.append(mine)

    def undo() -> None:
        kept = [one for one in there if one is not mine]
        there[:] = kept

    return undo


def lookup(group: str, name: str) -> Any:
    """The object registered as `name`; raises `ConfigError` that lists what there is."""
    load(group)
    brought = _BROUGHT.get(group, {}).get(name)
    if brought:
        return brought[-1][1]
    try:
        return _ENTRIES[group][name]
    except KeyError:
        raise ConfigError(f"{group}.kind", name, "one of " + ", ".join(names(group))) from None


def names(group: str) -> list[str]:
    """All names of a group, sorted; what plugins bring now is among them."""
    load(group)
    return sorted({*_ENTRIES.get(group, {}), *(name for name, there in _BROUGHT.get(group, {}).items() if there)})


def load(group: str) -> None:
    """Import every module of the group's package, and of no other: a manager needs balancers, but no simulator."""
    if group in _LOADED or group not in PACKAGES:
        return
    package = importlib.import_module(PACKAGES[group])
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
    _LOADED.add(group)


def load_all() -> None:
    """Import every module of all registering packages."""
    for group in PACKAGES:
        load(group)
