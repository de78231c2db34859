"""Who may append to a ledger: one process at a time, the one that has it open.

The lock (`flock`) is on the ledger itself, so that nothing lies beside it, and the kernel lets go of it with the
process, however that ends. Within a process ledgers of one file share it, until the last of them is gone. A second
process is refused before it reads: it would take what is half written for the tail that a kill left, and cut it off.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path

from sim.errors import InputError

OTHER = "wait until it has ended, or paths.store=OTHER"


class Appender:
    """Held while something refers to it."""

    def __init__(self, number: int) -> None:
        weakref.finalize(self, os.close, number)


_mine: weakref.WeakValueDictionary[tuple[int, int, int], Appender] = weakref.WeakValueDictionary()


def appender(path: Path) -> Appender:
    """Of a ledger, which is made if it is not there; raises `InputError` while another process appends to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    found = os.fstat(number)
    key = (os.getpid(), found.st_dev, found.st_ino)
    held = _mine.get(key)
    if held is not None:
        os.close(number)
        return held
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(number)
        raise InputError(str(path), None, None, "another command appends to this ledger now", OTHER) from error
    except OSError as error:
        os.close(number)
        raise InputError(str(path), None, None, f"its file system has no locks ({error.strerror})", OTHER) from error
    held = _mine[key] = Appender(number)
    return held
