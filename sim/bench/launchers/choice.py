"""The launcher that a config asks for, as a function that spreads calls.

All of them run the same task on the same store, so that what comes out does not depend on where it ran. Ray and Slurm
need the working folder, the store and this Python on a file system that their machines share; they are imported only
when they are asked for.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sim.bench.launchers.common import Spread
from sim.bench.pool import spread
from sim.bench.schema import Config


def launch_of(config: Config) -> Spread:
    """Spreads calls as `launcher.kind` says; raises `ConfigError` where its package is missing."""
    asked = config.launcher
    if asked.kind == "ray":
        from sim.bench.launchers.on_ray import spread_on_ray

        return partial(spread_on_ray, address=asked.address)
    if asked.kind == "slurm":
        from sim.bench.launchers.on_slurm import spread_on_slurm

        logs = Path(config.paths.store) / "slurm"
        return partial(spread_on_slurm, logs=logs, partition=asked.partition, time_limit_s=asked.time_limit_s)
    return spread
