"""Limits of one process by setrlimit(2): memory, processor time, descriptors, file size, no core, no children.

Address space is limited to what the interpreter has mapped already plus `memory_max_bytes`, so that the plugin's own
allocations end in a MemoryError. RLIMIT_NPROC counts all threads of a user and binds nobody who is root.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What a plugin's process may use over its whole life; bytes, seconds, counts."""

    memory_max_bytes: int = 128 << 20
    cpu_max_s: int = 3600
    descriptors_max: int = 32
    file_max_bytes: int = 0
    threads_max: int = 512


def mapped_bytes() -> int:
    """Address space of this process now; 0 where there is no /proc."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


def apply(limits: ProcessLimits, mapped: int) -> None:
    """Bind this process, for good; `mapped` is what `mapped_bytes` told while there was a /proc."""
    _bind(resource.RLIMIT_AS, mapped + limits.memory_max_bytes)
    _bind(resource.RLIMIT_CPU, limits.cpu_max_s)
    _bind(resource.RLIMIT_NOFILE, limits.descriptors_max)
    _bind(resource.RLIMIT_FSIZE, limits.file_max_bytes)
    _bind(resource.RLIMIT_CORE, 0)
    _bind(resource.RLIMIT_NPROC, limits.threads_max)
    _bind(resource.RLIMIT_MEMLOCK, 0)
    _bind(resource.RLIMIT_MSGQUEUE, 0)


def _bind(name: int, value: int) -> None:
    hard = resource.getrlimit(name)[1]
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(name, (bound, bound))
