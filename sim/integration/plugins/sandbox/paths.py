"""What an interpreter must be able to read to import lazily: its standard library and the system's shared libraries."""

from __future__ import annotations

import sysconfig
from pathlib import Path

SHARED = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")
DEVICES = ("/dev/null", "/dev/urandom")


def interpreter() -> tuple[str, ...]:
    """Paths that exist, absolute, without repeats; nothing of a user, no site-packages, no configuration."""
    library = (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"))
    wanted = (*library, *SHARED, *DEVICES)
    return tuple(dict.fromkeys(path for path in wanted if path and Path(path).exists()))
