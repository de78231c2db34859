"""What a hostile plugin tries, by name: on files, by raw system calls, by the standard library."""

from __future__ import annotations

import os

FILES = {
    "passwd": "told = open('/etc/passwd').read()",
    "shadow": "told = open('/etc/shadow').read()",
    "processes": "told = os.listdir('/proc')",
    "environment of pid 1": "told = open('/proc/1/environ', 'rb').read()",
    "own memory": "told = open('/proc/self/mem', 'rb').read(1)",
    "memory of the host": "told = open(f'/proc/{os.getppid()}/mem', 'rb').read(1)",
    "host's descriptors": "told = os.listdir(f'/proc/{os.getppid()}/fd')",
    "root": "told = os.listdir('/root')",
    "home": "told = os.listdir('/home')",
    "temporary files": "told = os.listdir('/tmp')",
    "write a file": "told = open('/tmp/plugin', 'w')",
    "write into the library": "import json; told = open(json.__file__, 'a')",
    "make a folder": "told = os.mkdir('/x')",
    "make a link": "told = os.symlink('/etc/passwd', '/x')",
    "delete the library": "import json; told = os.unlink(json.__file__)",
    "climb out": "told = open('../../../../etc/passwd').read()",
    "climb out of the new root": "os.chroot('/usr'); told = os.listdir('/..')",
    "block device": "told = os.mknod('/sda', 0o60600, 0x0800)",
    "cgroups": "told = os.listdir('/sys/fs/cgroup')",
    "container's socket": "told = os.stat('/var/run/docker.sock').st_mode",
    "systemd's socket": "told = os.listdir('/run')",
    "raw open past Python": "told = raw({openat}, -100, b'/etc/passwd', 0)",
    "raw openat2": "told = raw(437, -100, b'/etc/passwd', b'\\0' * 24, 24)",
    "handle": "told = raw({open_by_handle_at}, -100, b'\\0' * 32, 0)",
}
_NUMBERS = {
    "x86_64": """
        openat=257 open_by_handle_at=304 socket=41 ptrace=101 unshare=272 setns=308 mount=165 bpf=321 perf=298
        keyctl=250 memfd=319 vm_read=310 io_uring=425 userfault=323 kexec=246 reboot=169 clone=56 execveat=322
        kill=62 shmget=29 init_module=175 personality=135 pidfd_open=434 prctl=157 seccomp=317 landlock=446
        setrlimit=160 adjtimex=159 swapon=167 quotactl=179 syslog=103 acct=163 add_key=248 msgget=68
        fanotify=300 inotify=294 timer_create=222 setpriority=141 sched_setaffinity=203
    """,
    "aarch64": """
        openat=56 open_by_handle_at=265 socket=198 ptrace=117 unshare=97 setns=268 mount=40 bpf=280 perf=241
        keyctl=219 memfd=279 vm_read=270 io_uring=425 userfault=282 kexec=104 reboot=142 clone=220
        execveat=281 kill=129 shmget=194 init_module=105 personality=92 pidfd_open=434 prctl=167 seccomp=277
        landlock=446 setrlimit=164 adjtimex=171 swapon=224 quotactl=60 syslog=116 acct=89 add_key=217
        msgget=186 fanotify=262 inotify=26 timer_create=107 setpriority=140 sched_setaffinity=122
    """,
}[os.uname().machine]
NUMBERS = dict(pair.split("=") for pair in _NUMBERS.split())


SYSCALLS = {
    "a TCP socket": "raw({socket}, 2, 1, 0)",
    "a UDP socket": "raw({socket}, 2, 2, 0)",
    "a unix socket": "raw({socket}, 1, 1, 0)",
    "a raw socket": "raw({socket}, 2, 3, 1)",
    "a netlink socket": "raw({socket}, 16, 3, 0)",
    "a vsock": "raw({socket}, 40, 1, 0)",
    "ptrace": "raw({ptrace}, 0, 0, 0, 0)",
    "ptrace of the parent": "raw({ptrace}, 16, os.getppid(), 0, 0)",
    "reading another's memory": "raw({vm_read}, os.getppid(), 0, 0, 0, 0, 0)",
    "a user namespace": "raw({unshare}, 0x10000000)",
    "a mount namespace": "raw({unshare}, 0x20000)",
    "another's namespace": "raw({setns}, 3, 0)",
    "mount": "raw({mount}, 0, 0, 0, 0, 0)",
    "bpf": "raw({bpf}, 0, 0, 0)",
    "perf": "raw({perf}, 0, 0, 0, 0, 0)",
    "keys": "raw({keyctl}, 0, 0, 0, 0, 0)",
    "adding a key": "raw({add_key}, b'user', b'x', b'y', 1, -3)",
    "a memory file": "raw({memfd}, b'x', 0)",
    "shared memory": "raw({shmget}, 0, 4096, 0o1600)",
    "a message queue": "raw({msgget}, 0, 0o1600)",
    "io_uring": "raw({io_uring}, 1, b'\\0' * 120)",
    "userfaultfd": "raw({userfault}, 1)",
    "kexec": "raw({kexec}, 0, 0, 0, 0)",
    "reboot": "raw({reboot}, 0, 0, 0, 0)",
    "fork by clone": "raw({clone}, 17, 0, 0, 0, 0)",
    "fork with a new user namespace": "raw({clone}, 0x10000011, 0, 0, 0, 0)",
    "exec by descriptor": "raw({execveat}, -100, b'/bin/sh', 0, 0, 0)",
    "a signal to the parent": "raw({kill}, os.getppid(), 9)",
    "a signal to everybody": "raw({kill}, -1, 9)",
    "a signal to itself": "raw({kill}, os.getpid(), 9)",
    "a kernel module": "raw({init_module}, 0, 0, b'')",
    "another personality": "raw({personality}, 0x0040000)",
    "a pidfd of the parent": "raw({pidfd_open}, os.getppid(), 0)",
    "becoming dumpable": "raw({prctl}, 4, 1, 0, 0, 0)",
    "outliving the parent": "raw({prctl}, 1, 0, 0, 0, 0)",
    "one more filter": "raw({seccomp}, 1, 0, 0)",
    "a weaker ruleset": "raw({landlock}, 3, 0)",
    "higher limits": "raw({setrlimit}, 9, b'\\xff' * 16)",
    "the clock": "raw({adjtimex}, b'\\0' * 208)",
    "swap": "raw({swapon}, b'/dev/sda', 0)",
    "quota": "raw({quotactl}, 0, 0, 0, 0)",
    "the kernel's log": "raw({syslog}, 3, b' ' * 100, 100)",
    "accounting": "raw({acct}, 0)",
    "watching files": "raw({fanotify}, 0, 0)",
    "watching folders": "raw({inotify}, 0)",
    "timers": "raw({timer_create}, 0, 0, b'\\0' * 8)",
    "a higher priority": "raw({setpriority}, 0, 0, -20)",
    "all processors": "raw({sched_setaffinity}, 0, 8, b'\\xff' * 8)",
}


PYTHON = {
    "socket module": "import socket; told = socket.create_connection(('127.0.0.1', 80))",
    "name service": "import socket; told = socket.getaddrinfo('localhost', 80)",
    "fork": "told = os.fork()",
    "exec": "told = os.execv('/bin/sh', ['sh'])",
    "subprocess": "import subprocess; told = subprocess.run(['true'])",
    "spawn": "told = os.posix_spawn('/bin/true', ['true'], {})",
    "pseudo terminal": "import pty; told = pty.openpty()",
    "signal to the parent": "told = os.kill(os.getppid(), 9)",
    "priority": "told = os.setpriority(os.PRIO_PROCESS, 0, -5)",
    "user": "told = os.setuid(0)",
    "groups": "told = os.setgroups([0])",
    "host name": "import socket; told = socket.sethostname('x')",
    "prlimit of the parent": "import resource; told = resource.prlimit(os.getppid(), resource.RLIMIT_AS)",
    "numpy": "import numpy; told = 1",
    "the host's configs": "import sim.bench.compose; told = 1",
    "the site folder": "import pydantic_monty; told = 1",
    "a path to the environment": "sys.path.insert(0, {site!r}); import numpy; told = 1",
    "files of the environment": "told = os.listdir({site!r})",
    "pip": "import pip; told = 1",
    "zip archive": "sys.path.insert(0, '/tmp/evil.zip'); import evil_module; told = 1",
    "own folder": "sys.path.insert(0, ''); import evil_module; told = 1",
}
