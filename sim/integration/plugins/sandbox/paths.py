"""What an interpreter must be able to read to import lazily: its standard library and the system's shared libraries.

The library is the base interpreter's, never an environment's: a plugin that names the folder of our packages finds
nothing there.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

SHARED = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/usr/share/zoneinfo")
DEVICES = ("/dev/null", "/dev/urandom")


def interpreter() -> tuple[str, ...]:
    """Paths that exist, absolute, without repeats; nothing of a user and no configuration."""
    modules = (os, math)  # one in Python, one that is compiled where it is no built-in
    library = [str(Path(file).parent) for each in modules if (file := getattr(each, "__file__", None))]
    wanted = (*library, *SHARED, *DEVICES)
    return tuple(dict.fromkeys(path for path in wanted if Path(path).exists()))


def without_nested(paths: tuple[str, ...]) -> tuple[str, ...]:
    """The same files by fewer paths: links resolved, what lies below another left out."""
    real = dict.fromkeys(os.path.realpath(path) for path in paths)
    return tuple(path for path in real if not any(path.startswith(other.rstrip("/") + "/") for other in real))
