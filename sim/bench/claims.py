"""Who may run a cell of a store: at most one process at a time, on one machine or on many that share the folder.

`<store>/claims` is a file whose bytes stand for cells: who locks the byte that a cell's name hashes to (POSIX record
locks, of the process) may run it. The kernel lets go of the locks of a process that ends, however it ends, so that a
claim never outlives its owner and nothing is left to clear away. Two cells on one byte (2^-62) wait for each other,
no more. Within one process claims do not exclude each other, and it holds one at a time.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sim.bench.durable import make_folder
from sim.errors import ConfigError

FILE = "claims"
HELD = (errno.EACCES, errno.EAGAIN)
BYTES_MAX = 2**62


@contextmanager
def claim(root: Path, cell: str, *, waiting: bool = False) -> Iterator[bool]:
    """True inside while this process holds the cell; False where another does, unless it is waited for.

    Raises `ConfigError` where the store's file system has no locks.
    """
    make_folder(root)
    number = os.open(root / FILE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield _locked(number, cell, root, waiting)
    finally:
        os.close(number)  # and with it the lock


def is_held(root: Path, cell: str) -> bool:
    """Whether another process holds the cell now."""
    if not (root / FILE).is_file():
        return False
    with suppress(ConfigError), claim(root, cell) as ours:
        return not ours
    return False


def _locked(number: int, cell: str, root: Path, waiting: bool) -> bool:
    at = int.from_bytes(hashlib.blake2b(cell.encode(), digest_size=8).digest(), "big") % BYTES_MAX
    try:
        fcntl.lockf(number, fcntl.LOCK_EX | (0 if waiting else fcntl.LOCK_NB), 1, at)
    except OSError as error:
        if error.errno in HELD:
            return False
        raise ConfigError("paths.store", root, f"a folder on a file system with locks ({error.strerror})") from error
    return True
