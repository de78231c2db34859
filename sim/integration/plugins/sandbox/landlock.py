"""Landlock: a process gives up the file system outside of a list, TCP, and reaching other processes by name or signal.

Problem: an unprivileged process must not read the machine's files, whatever it is tricked into. Rule: a ruleset names
the rights it handles, a path rule gives some back below a folder, restrict_self makes it final (Mickael Salaun, kernel
5.13; landlock(7)). ABI 4 adds TCP bind and connect, ABI 6 scopes abstract unix sockets and signals. What an older
kernel does not know is left out and told by `abi`.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

from sim.integration.plugins.sandbox import libc
from sim.integration.plugins.sandbox.paths import without_nested

CREATE, ADD, RESTRICT = 444, 445, 446  # the same numbers on every architecture
EXECUTE, READ_FILE, READ_DIR = 1 << 0, 1 << 2, 1 << 3
NET_BOTH = 0b11  # bind and connect over TCP
SCOPE_BOTH = 0b11  # abstract unix sockets, signals
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # ABI -> how many rights of files it knows


class _Attributes(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def abi() -> int:
    """The version of Landlock of this kernel; 0 where there is none."""
    if libc.SYSTEM != "Linux":
        return 0
    try:
        return libc.syscall("landlock_create_ruleset", CREATE, None, 0, 1)
    except OSError:
        return 0


def restrict(readable: Sequence[str], executable: Sequence[str] = ()) -> None:
    """This thread and what it starts may read below `readable`, become a file of `executable`, and nothing else.

    Needs no_new_privs; raises OSError. Paths that do not exist are left out: nothing is there to be read.
    """
    version = abi()
    if version == 0:
        raise OSError("this kernel has no Landlock")
    handled = (1 << _FS_RIGHTS.get(version, 16)) - 1
    attributes = _Attributes(handled, NET_BOTH if version >= 4 else 0, SCOPE_BOTH if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = libc.syscall("landlock_create_ruleset", CREATE, ctypes.byref(attributes), size, 0)
    try:
        for path in without_nested(tuple(readable)):
            _allow(ruleset, path, READ_FILE | READ_DIR)
        for path in executable:
            _allow(ruleset, path, READ_FILE | EXECUTE)
        libc.syscall("landlock_restrict_self", RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, wanted: int) -> None:
    try:
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        rights = wanted if Path(path).is_dir() else wanted & ~READ_DIR
        rule = _PathRule(rights, parent)
        libc.syscall("landlock_add_rule", ADD, ruleset, 1, ctypes.byref(rule), 0)
    finally:
        os.close(parent)
