"""Where compiled code is kept: a folder named by a digest of what it was compiled from.

numba's cache looks at the file of the function that it caches and not at those of its callees, nor at constants
elsewhere (`engine_rules`: numba's cache), so that the folder itself is named by all sources of the house, the versions
and the CPU. `VICTOR_SIM_CACHE` moves it; the default is the user's cache folder.
"""

from __future__ import annotations

import hashlib
import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba import config

SOURCES = (
    "kernel",
    "runtime",
    "scalability/balancer",
    "scalability/health",
    "scalability/requests",
    "world",
    "measure",
)


@lru_cache(maxsize=1)
def cache_folder() -> Path:
    """The folder of this code on this machine."""
    state = hashlib.blake2b(digest_size=12)
    root = Path(__file__).parent.parent
    for room in SOURCES:
        for path in sorted((root / room).rglob("*.py")):
            state.update(path.relative_to(root).as_posix().encode())
            state.update(path.read_bytes())
    cpu = f"{numba.core.codegen.get_host_cpu_features()} {llvmlite.binding.get_host_cpu_name()}"
    state.update(f"{sys.version} {numba.__version__} {llvmlite.__version__} {np.__version__} {cpu}".encode())
    base = os.environ.get("VICTOR_SIM_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "victor-sim" / "kernel" / state.hexdigest()


@lru_cache(maxsize=1)
def prepare_cache() -> None:
    """Make numba use the folder, and no vector math library (its results differ from the scalar functions')."""
    settings: Any = config
    settings.CACHE_DIR = str(cache_folder())
    settings.DISABLE_INTEL_SVML = 1
