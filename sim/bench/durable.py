"""Files that are whole or not there, whatever kills the writer: temporary name, write, sync, rename, sync the folder.

The rename is atomic on POSIX; the two syncs make it last through a loss of power in this order (Pillai et al., OSDI
2014). A writer that is killed leaves a temporary file, which nobody reads and `doctor` removes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

PART = ".part"  # the end of a temporary name


def write_whole(path: Path, data: bytes) -> None:
    """Write under a temporary name, sync, rename: a reader sees all of it or nothing."""
    make_folder(path.parent)
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    try:
        number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(number, left) :]
            os.fsync(number)
        finally:
            os.close(number)
        part.replace(path)
        _sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)  # after an interrupt


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each to last."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        with suppress(OSError):  # some file systems sync no folder, and need not
            os.fsync(number)
    finally:
        os.close(number)
