"""The walls in the order they go up, each by name, and the level that a set of them reaches.

Order matters: namespaces need privileges that `identity` gives up; Landlock and seccomp need no_new_privs; seccomp goes
last, since it refuses the calls of all the others. A level is reached only by all walls of its row: what fails to go up
fails the start, nothing is skipped in silence.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field

from sim.integration.plugins.sandbox import identity, landlock, libc, namespaces, rlimits, seccomp

LAYERS = ("namespaces", "root_view", "rlimits", "identity", "landlock", "seccomp")
ONCE = ("namespaces", "root_view")  # of the process that all others are forked from

# Strongest first. `process`: an interpreter of its own without environment and descriptors, which is no boundary yet.
LEVELS: dict[str, tuple[str, ...]] = {
    "sealed": LAYERS,
    "confined": ("rlimits", "identity", "landlock", "seccomp"),
    "filtered": ("rlimits", "identity", "seccomp"),
    "limited": ("rlimits",),
    "process": (),
    "none": (),
}


@dataclass(frozen=True, slots=True)
class Walls:
    """Which layers go up around one process, what it may read, and its limits; `executable`: what it becomes."""

    layers: tuple[str, ...] = LAYERS
    readable: tuple[str, ...] = ()
    limits: rlimits.ProcessLimits = field(default_factory=rlimits.ProcessLimits)
    executable: tuple[str, ...] = ()


def rank(level: str) -> int:
    """Higher is stronger; `none` is 0."""
    return list(reversed(LEVELS)).index(level)


def level_of(layers: Sequence[str]) -> str:
    """The strongest level all of whose walls are among `layers`, for a process of its own."""
    return next(level for level, needed in LEVELS.items() if set(needed) <= set(layers))


def apply_once(walls: Walls) -> None:
    """The walls that one process puts up for all that it forks; raises OSError where the machine refuses."""
    if "namespaces" in walls.layers:
        namespaces.enter("root_view" in walls.layers, (*walls.readable, *walls.executable))


def apply(walls: Walls, mapped_bytes: int) -> None:
    """The walls of one process, for good; raises OSError where the machine refuses. `mapped_bytes`: see `rlimits`."""
    if "rlimits" in walls.layers:
        rlimits.apply(walls.limits, mapped_bytes)
    if "identity" in walls.layers:
        identity.apply()
    if not walls.executable:  # whose parent is a thread that may end before it
        libc.prctl(libc.PR_SET_PDEATHSIG, signal.SIGKILL)  # a change of user clears it, and seccomp refuses it
    if "landlock" in walls.layers or "seccomp" in walls.layers:
        libc.no_new_privileges()
    if "landlock" in walls.layers:
        landlock.restrict(walls.readable, walls.executable)
    if "seccomp" in walls.layers:
        seccomp.apply(with_exec=bool(walls.executable))
