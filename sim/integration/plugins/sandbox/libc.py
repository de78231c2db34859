"""Raw system calls by ctypes: what the standard library does not wrap. Linux on x86-64 and aarch64.

Numbers are the kernel's own (asm/unistd_64.h, asm-generic/unistd.h); errors come as `OSError` with the call's name.
"""

from __future__ import annotations

import ctypes
import os
from contextlib import suppress

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long

MACHINE = os.uname().machine
SYSTEM = os.uname().sysname

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4
CAP_MAX = 40  # CAP_CHECKPOINT_RESTORE, the last one known

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND = 1, 2, 4, 8, 32, 4096
MS_REC, MS_PRIVATE = 16384, 1 << 18
MNT_DETACH = 2


def _check(result: int, name: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def syscall(name: str, number: int, *args: object) -> int:
    """A system call by number; raises OSError that names it. Integers go as longs, buffers by address."""
    told = [ctypes.c_long(value) if isinstance(value, int) else value for value in args]
    return _check(int(_LIBC.syscall(ctypes.c_long(number), *told)), name)


def prctl(option: int, *args: int) -> int:
    """prctl(2) on this thread; unused arguments are 0."""
    padded = [*args, 0, 0, 0, 0][:4]
    return _check(int(_LIBC.prctl(option, *[ctypes.c_ulong(value) for value in padded])), f"prctl {option}")


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` names."""
    _check(int(_LIBC.unshare(ctypes.c_int(flags))), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """mount(2)."""
    told = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    result = _LIBC.mount(told[0], told[1], told[2], ctypes.c_ulong(flags), told[3])
    _check(int(result), f"mount {target}")


def umount(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    _check(int(_LIBC.umount2(os.fsencode(target), ctypes.c_int(flags))), f"umount {target}")


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2): `new_root` becomes `/`."""
    number = {"x86_64": 155, "aarch64": 41}[MACHINE]
    syscall("pivot_root", number, ctypes.c_char_p(os.fsencode(new_root)), ctypes.c_char_p(os.fsencode(put_old)))


def no_new_privileges() -> None:
    """No exec gives this process more than it has; what Landlock and seccomp ask for."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def drop_bounding() -> None:
    """Empty the bounding set as far as this kernel knows it and lets it: no exec brings a capability back."""
    for capability in range(CAP_MAX + 1):
        _LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def drop_capabilities() -> None:
    """Give up every capability, for good: bounding, ambient, then effective, permitted and inheritable."""
    drop_bounding()
    with suppress(OSError):  # an older kernel
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this thread
    empty = (ctypes.c_uint32 * 6)()
    number = {"x86_64": 126, "aarch64": 91}[MACHINE]
    syscall("capset", number, ctypes.byref(header), ctypes.byref(empty))
