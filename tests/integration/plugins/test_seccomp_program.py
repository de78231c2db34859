"""The filter as a program, run by an interpreter of classic BPF: both architectures, on whatever machine this is."""

from __future__ import annotations

import errno
import os
import re
import struct
from pathlib import Path

import pytest

from sim.integration.plugins.sandbox import seccomp
from sim.integration.plugins.sandbox.calls import AUDIT_ARCH, FOR_EXEC, NUMBERS

PID = 4242
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def verdict(machine: str, number: int, *args: int, arch: int | None = None) -> int | str:
    """What the program returns: `allow`, `kill`, or an error number."""
    data = {0: number & 0xFFFFFFFF, 4: AUDIT_ARCH[machine] if arch is None else arch}
    for index in range(6):
        value = args[index] if index < len(args) else 0
        data[16 + 8 * index], data[20 + 8 * index] = value & 0xFFFFFFFF, value >> 32
    steps = seccomp.program(machine, PID)
    at = held = 0
    while True:
        step = steps[at]
        at += 1
        match step.code:
            case seccomp.LOAD:
                held = data[step.operand]
            case seccomp.RETURN:
                told = {seccomp.ALLOW: "allow", seccomp.KILL_PROCESS: "kill"}
                return told.get(step.operand, step.operand & 0xFFFF)
            case seccomp.EQUAL:
                at += step.true if held == step.operand else step.false
            case seccomp.AT_LEAST:
                at += step.true if held >= step.operand else step.false
            case seccomp.ANY_BIT:
                at += step.true if held & step.operand else step.false
            case _:
                raise AssertionError(step)


def by_name(machine: str, name: str, *args: int) -> int | str:
    return verdict(machine, NUMBERS[machine][name], *args)


MACHINES = pytest.mark.parametrize("machine", sorted(NUMBERS))


@MACHINES
def test_what_is_listed_passes_and_all_else_is_refused(machine: str) -> None:
    special = set(seccomp._special(PID))
    listed = {number for name, number in NUMBERS[machine].items() if name not in special}
    tested = {number: verdict(machine, number) for number in range(1000)}
    assert {number for number, told in tested.items() if told == "allow"} >= listed
    others = set(range(1000)) - set(NUMBERS[machine].values())
    assert {tested[number] for number in others} == {errno.EPERM}


@MACHINES
def test_isolation_from_another_architecture_kills(machine: str) -> None:
    other = next(arch for name, arch in AUDIT_ARCH.items() if name != machine)
    assert verdict(machine, 0, arch=other) == "kill"
    assert verdict(machine, 0, arch=0x40000003) == "kill", "32-bit calls of the same processor"


def test_escape_by_x32_numbers_is_refused() -> None:
    assert verdict("x86_64", 0x40000000 | 41) == errno.ENOSYS
    assert verdict("x86_64", 0xFFFFFFFF) == errno.ENOSYS


@MACHINES
def test_a_thread_passes_and_a_process_does_not(machine: str) -> None:
    assert by_name(machine, "clone", 0x3D0F00) == "allow"
    assert by_name(machine, "clone", 0x01200011) == errno.EPERM
    assert by_name(machine, "clone3") == errno.ENOSYS


@MACHINES
def test_files_open_for_reading_alone(machine: str) -> None:
    assert by_name(machine, "openat", 0, 0, 0o2000000) == "allow"
    for flags in (0o1, 0o2, 0o100, 0o1000, 0o20200000 | 0o2):
        assert by_name(machine, "openat", 0, 0, flags) == errno.EACCES


@MACHINES
def test_limits_are_read_and_ones_own(machine: str) -> None:
    assert by_name(machine, "prlimit64", 0, 3, 0, 1 << 40) == "allow"
    assert by_name(machine, "prlimit64", PID, 3, 0, 1 << 40) == "allow"
    assert by_name(machine, "prlimit64", PID + 1, 3, 0, 1 << 40) == errno.EPERM
    assert by_name(machine, "prlimit64", 0, 3, 1, 0) == errno.EPERM
    assert by_name(machine, "prlimit64", 0, 3, 1 << 32, 0) == errno.EPERM, "an address whose low word is 0"


@MACHINES
def test_a_signal_reaches_oneself_alone(machine: str) -> None:
    assert by_name(machine, "tgkill", PID, PID, 6) == "allow"
    assert by_name(machine, "tgkill", PID + 1, PID + 1, 6) == errno.EPERM


@MACHINES
def test_descriptor_controls_are_the_harmless_ones(machine: str) -> None:
    assert [by_name(machine, "fcntl", 3, command) for command in seccomp.FCNTLS] == ["allow"] * len(seccomp.FCNTLS)
    assert by_name(machine, "fcntl", 3, 8) == errno.EPERM, "whom to signal"
    assert by_name(machine, "ioctl", 3, 0x5451) == "allow"
    assert by_name(machine, "ioctl", 0, 0x5412) == errno.EPERM, "typing into the terminal"


@MACHINES
def test_every_jump_lands_inside_and_the_program_is_short(machine: str) -> None:
    steps = seccomp.program(machine, PID)
    assert len(steps) < 4096
    for at, step in enumerate(steps):
        if step.code not in (seccomp.LOAD, seccomp.RETURN):
            assert max(at + 1 + step.true, at + 1 + step.false) < len(steps)
    assert len(seccomp.packed(steps)) == 8 * len(steps)


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(OSError, match="no table of system calls for riscv64"):
        seccomp.program("riscv64", PID)


@MACHINES
def test_the_numbers_are_the_kernels_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip(f"no header {HEADERS[machine]}")
    text = HEADERS[machine].read_text(encoding="ascii")
    told = {
        name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", text, re.MULTILINE)
    }
    told.setdefault("newfstatat", told.get("fstatat", 0))
    assert {name: told.get(name) for name in NUMBERS[machine]} == NUMBERS[machine]


def test_the_programs_template_takes_any_process() -> None:
    mine = struct.pack("=I", PID)
    made = seccomp.template(False).replace(struct.pack("=I", seccomp.ANY_PID), mine)
    assert made == seccomp.packed(seccomp.program(os.uname().machine, PID))
    assert made.count(mine) == 2, "in the rules of tgkill and prlimit64 alone"


@MACHINES
def test_what_may_still_exec_may_a_few_calls_more(machine: str) -> None:
    more = len(seccomp.program(machine, PID, with_exec=True)) - len(seccomp.program(machine, PID))
    assert more == 2 * len(FOR_EXEC[machine])
