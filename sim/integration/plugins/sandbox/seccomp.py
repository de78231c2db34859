"""seccomp: an allowlist of system calls as raw BPF; all else is refused with EPERM.

Problem: what a plugin's interpreter never needs (sockets, exec, fork, kill, ptrace, mount, bpf, io_uring, memfd, ...)
must not be reachable, by ctypes neither. Rule: classic BPF over struct seccomp_data (Will Drewry, kernel 3.5;
seccomp(2)): another architecture kills, x32 numbers and clone3 say ENOSYS (EPERM there breaks threads), each listed
number returns ALLOW, a few look at an argument first. It goes up after Landlock, whose calls are not listed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from functools import cache
from typing import NamedTuple

from sim.integration.plugins.sandbox import libc
from sim.integration.plugins.sandbox.calls import AUDIT_ARCH, FOR_EXEC, NUMBERS

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # BPF codes: LD|W|ABS, JMP|JEQ|K, ...
ALLOW, KILL_PROCESS, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER_AT, ARCH_AT, ARGS_AT = 0, 4, 16  # offsets in struct seccomp_data; arguments are 8 bytes each, low word first
X32_BIT = 0x40000000
CLONE_THREAD = 0x00010000
ANY_PID = 0x7A5C3E19  # above every process's number: PID_MAX_LIMIT is 2**22
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
FCNTLS = (0, 1, 2, 3, 4, 1030)  # duplicates, flags; not owners, signals, locks or leases
IOCTLS = (0x5450, 0x5451, 0x5421)  # FIONCLEX, FIOCLEX, FIONBIO
SET_FILTER = {"x86_64": 317, "aarch64": 277}


class Step(NamedTuple):
    """One BPF instruction: code, how far to jump when true and when false, operand."""

    code: int
    true: int
    false: int
    operand: int


def refuse(number: int) -> Step:
    """Return an error number to the caller."""
    return Step(RETURN, 0, 0, ERRNO | number)


_ALLOW, _DENY = Step(RETURN, 0, 0, ALLOW), refuse(errno.EPERM)


def program(machine: str, pid: int, with_exec: bool = False) -> list[Step]:
    """The filter for a machine's process `pid`; raises OSError for an architecture without a table.

    `with_exec`: it may still become another program, whose loader and runtime make a few calls more.
    """
    if machine not in NUMBERS:
        raise OSError(f"no table of system calls for {machine}")
    numbers = NUMBERS[machine] | (FOR_EXEC[machine] if with_exec else {})
    steps = [
        Step(LOAD, 0, 0, ARCH_AT),
        Step(EQUAL, 1, 0, AUDIT_ARCH[machine]),
        Step(RETURN, 0, 0, KILL_PROCESS),
        Step(LOAD, 0, 0, NUMBER_AT),
    ]
    if machine == "x86_64":
        steps += [Step(AT_LEAST, 0, 1, X32_BIT), refuse(errno.ENOSYS)]
    special = _special(pid)
    for name, number in numbers.items():
        body = special.get(name, [_ALLOW])
        steps += [Step(EQUAL, 0, len(body), number), *body]
    return [*steps, _DENY]


def _special(pid: int) -> dict[str, list[Step]]:
    thread = [_argument(0), Step(ANY_BIT, 0, 1, CLONE_THREAD), _ALLOW, _DENY]
    reading = [Step(ANY_BIT, 0, 1, WRITING), refuse(errno.EACCES), _ALLOW]
    own = [_argument(0), Step(EQUAL, 1, 0, 0), Step(EQUAL, 0, 5, pid)]  # pid 0 is oneself
    no_new_limit = [_argument(2), Step(EQUAL, 0, 3, 0), _argument(2, high=True), Step(EQUAL, 0, 1, 0), _ALLOW, _DENY]
    return {
        "clone": thread,
        "clone3": [refuse(errno.ENOSYS)],
        "open": [_argument(1), *reading],
        "openat": [_argument(2), *reading],
        "tgkill": [_argument(0), Step(EQUAL, 0, 1, pid), _ALLOW, _DENY],
        "prlimit64": [*own, *no_new_limit],
        "fcntl": _one_of(1, FCNTLS),
        "ioctl": _one_of(1, IOCTLS),
    }


def _argument(index: int, high: bool = False) -> Step:
    return Step(LOAD, 0, 0, ARGS_AT + 8 * index + (4 if high else 0))


def _one_of(index: int, values: tuple[int, ...]) -> list[Step]:
    tests = [Step(EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
    return [_argument(index), *tests, _DENY, _ALLOW]


def packed(steps: list[Step]) -> bytes:
    """The program as an array of struct sock_filter."""
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("steps", ctypes.c_void_p))


@cache
def template(with_exec: bool) -> bytes:
    """The packed program of a process `ANY_PID`: made once, where workers are forked from; it takes a millisecond."""
    return packed(program(libc.MACHINE, ANY_PID, with_exec))


def apply(with_exec: bool = False) -> None:
    """Bind this process, all of its threads, for good; needs no_new_privs. Raises OSError where it is not allowed."""
    data = template(with_exec).replace(struct.pack("=I", ANY_PID), struct.pack("=I", os.getpid()))
    code = ctypes.create_string_buffer(data)
    told = _Program(len(data) // 8, ctypes.addressof(code))
    number = SET_FILTER[libc.MACHINE]
    libc.syscall("seccomp", number, 1, 1, ctypes.byref(told))  # SECCOMP_SET_MODE_FILTER, TSYNC
