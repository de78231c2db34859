"""What a speed depends on: processor, caches, interpreter, libraries. No name of a host, no folder.

Linux's own files (`/proc/cpuinfo`, `/sys/devices/system/cpu`); what they do not say is left out.
"""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
LIBRARIES = ("numba", "numpy", "simpy")
FACTORS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def facts() -> dict[str, str]:
    """Words by name, in the order in which they are told."""
    found = {"processor": processor(), "cores": str(os.cpu_count())}
    found |= {name: size_text(size) for name, size in caches().items()}
    found["python"] = f"{platform.python_implementation()} {platform.python_version()}"
    for library in LIBRARIES:
        try:
            found[library] = metadata.version(library)
        except metadata.PackageNotFoundError:
            found[library] = "absent"
    return found


def processor(path: Path = CPU_INFO) -> str:
    """The processor's own name, else its kind."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return " ".join(value.split())
    return platform.machine()


def caches(folder: Path = CACHES) -> dict[str, int]:
    """Bytes of the first core's data caches by name (`L1 cache`, ...)."""
    found = {}
    for index in sorted(folder.glob("index*")):
        kind, level, size = (_word(index / name) for name in ("type", "level", "size"))
        if kind in ("Data", "Unified") and level and size:
            found[f"L{level} cache"] = int(size.rstrip("KMG")) * FACTORS.get(size[-1], 1)
    return found


def size_text(size_bytes: int) -> str:
    """`512 KiB`, `32 MiB`."""
    for unit in ("B", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes} {unit}"
        size_bytes //= 1024
    return f"{size_bytes} GiB"


def _word(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
