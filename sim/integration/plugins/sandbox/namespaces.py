"""Namespaces and another root: no network, no IPC, no host name, and no files but the interpreter's.

As root the process leaves the namespaces directly; anybody else enters a user namespace first, whose maps hold one
user (DUMPABLE first, else the maps are refused). The new root is a tmpfs mounted over /proc, which never holds an
interpreter, with read-only binds of `readable`; then pivot_root, and the old root is gone (pivot_root(2), "pivot_root
(".", ".")"). A process that others are forked from does this once for all of them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sim.integration.plugins.sandbox import libc

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
STAGE = "/proc"  # exists everywhere and is an ancestor of nothing that is needed
_KEPT = {os.ST_NOSUID: libc.MS_NOSUID, os.ST_NODEV: libc.MS_NODEV, os.ST_NOEXEC: libc.MS_NOEXEC}


def enter(with_root_view: bool, readable: Sequence[str]) -> None:
    """Leave the host's network, IPC and host name, and its files if asked; raises OSError where it is not allowed."""
    flags = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | (CLONE_NEWNS if with_root_view else 0)
    if os.geteuid() == 0:
        libc.unshare(flags)
    else:
        _enter_user(flags)
    if with_root_view:
        _change_root(readable)


def _enter_user(flags: int) -> None:
    user, group = os.geteuid(), os.getegid()
    libc.prctl(libc.PR_SET_DUMPABLE, 1)
    libc.unshare(flags | CLONE_NEWUSER)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _change_root(readable: Sequence[str]) -> None:
    libc.mount(None, "/", None, libc.MS_REC | libc.MS_PRIVATE)
    libc.mount("tmpfs", STAGE, "tmpfs", libc.MS_NOSUID | libc.MS_NODEV, "size=64k,mode=0755")
    for path in readable:
        if Path(path).exists() and not path.startswith(STAGE + "/"):
            _bind(path)
    os.chdir(STAGE)
    libc.pivot_root(".", ".")
    libc.umount(".", libc.MNT_DETACH)
    os.chdir("/")
    libc.mount(None, "/", None, libc.MS_REMOUNT | libc.MS_BIND | libc.MS_RDONLY | libc.MS_NOSUID | libc.MS_NODEV)


def _bind(path: str) -> None:
    target = STAGE + path
    folder = Path(path).is_dir()
    (Path(target) if folder else Path(target).parent).mkdir(mode=0o755, parents=True, exist_ok=True)
    if not folder:
        if Path(target).exists():  # within a folder that is bound already
            return
        Path(target).touch(mode=0o444)
    libc.mount(path, target, None, libc.MS_BIND | libc.MS_REC)
    had = os.statvfs(target).f_flag
    kept = sum(flag for bit, flag in _KEPT.items() if had & bit)
    flags = libc.MS_REMOUNT | libc.MS_BIND | libc.MS_RDONLY | libc.MS_NOSUID | kept
    if not path.startswith("/dev/"):
        flags |= libc.MS_NODEV
    libc.mount(None, target, None, flags)
