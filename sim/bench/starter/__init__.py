"""What `victor-sim init DIR` leaves: a folder to start from, with the user's own fleet, trace, strategy and study.

Everything beside this file is copied as it stands; the trace is the sample that travels with `sim.world`. The strategy
is an extension, loaded by a config that names it: it is not registered here.
"""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from sim.errors import ConfigError

TRACE = "trace.csv"
LEFT_OUT = ("__init__.py", "__pycache__")


def write_starter(folder: Path) -> list[Path]:
    """Copy the starter into `folder` (made if absent); gives the files, sorted.

    Raises `ConfigError` when the folder holds something or cannot be made.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise ConfigError("DIR", folder, "a folder that is empty or not there yet", "another name for DIR")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError("DIR", folder, f"a folder that can be made ({error.strerror})") from error
    _copy(resources.files("sim.bench.starter"), folder)
    sample = resources.files("sim.world").joinpath("data/sample_trace.csv")
    (folder / TRACE).write_bytes(sample.read_bytes())
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for entry in source.iterdir():
        if entry.name in LEFT_OUT:
            continue
        if entry.is_dir():
            _copy(entry, target / entry.name)
        else:
            (target / entry.name).write_bytes(entry.read_bytes())
