"""Walls first, then another program in this very process: `wall_in.py LAYERS MEMORY_BYTES FOLDER PROGRAM [ARG ...]`.

How a pool that starts its own processes gets them behind the walls: it is told to start this. The environment is
emptied; the program may be executed once more by itself and nothing else may.
"""

from __future__ import annotations

import os
import platform
import sys
import types

LOADERS = {"x86_64": "/lib64/ld-linux-x86-64.so.2", "aarch64": "/lib/ld-linux-aarch64.so.1"}
PACKAGES = ("sim", "sim.integration", "sim.integration.plugins")


def main() -> None:
    """Never returns; a wall that does not go up ends the process with its error."""
    names, memory_bytes, folder, program, *arguments = sys.argv[1:]
    for name in PACKAGES:
        package = types.ModuleType(name)
        package.__path__ = ["/".join([folder, *name.split(".")])]
        sys.modules[name] = package
    from sim.integration.plugins.sandbox import layers, paths
    from sim.integration.plugins.sandbox.rlimits import ProcessLimits

    executable = (program, os.path.realpath(LOADERS.get(platform.machine(), program)))
    limits = ProcessLimits(int(memory_bytes), descriptors_max=64)
    walls = layers.Walls(tuple(name for name in names.split(",") if name), paths.interpreter(), limits, executable)
    layers.apply_once(walls)
    layers.apply(walls, 0)
    os.execve(program, [program, *arguments], {})


if __name__ == "__main__":
    main()
