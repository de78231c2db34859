"""Attacks of a hostile plugin in a fully walled worker: each is denied by the kernel or contained by the host."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plugins.attacks import FILES, NUMBERS, PYTHON, SYSCALLS
from tests.integration.plugins.hostile import hostile
from tests.integration.plugins.stage import Worker


@pytest.fixture(scope="module")
def evil() -> Iterator[Worker]:
    """One worker for all attacks that end by being denied: it must survive them all."""
    stage = Worker(hostile(), required="sealed")
    first = stage.runner.pid
    yield stage
    assert stage.runner.pid == first, "an attack that should be denied ended the process"
    stage.close()


SITE = str(Path(pytest.__file__).parents[1])
DENIED_PATH = {"denied: ENOENT", "denied: EACCES", "denied: EPERM"}


@pytest.mark.parametrize("name", FILES)
def test_attack_on_files_is_denied(evil: Worker, name: str) -> None:
    code = FILES[name]
    told = evil.call(code.format(**NUMBERS) if "raw(" in code else code)
    assert told in DENIED_PATH | {"ENOENT", "EACCES", "EPERM"}, told


def test_isolation_leaves_nothing_but_the_interpreter_to_read(evil: Worker) -> None:
    walked = evil.call(
        "told = []\n"
        "for top in ('/etc', '/usr', '/dev', '/lib', '/var', '/run', '/opt', '/sys', '/srv', '/mnt'):\n"
        "    try: told += [top + '/' + name for name in os.listdir(top)]\n"
        "    except OSError: pass\n"
    )
    beyond = [path for path in walked if not path.startswith("/lib/")]
    assert beyond == [], "only the library folders can be listed"


@pytest.mark.parametrize("name", SYSCALLS)
def test_attack_by_a_system_call_is_denied(evil: Worker, name: str) -> None:
    assert evil.call("told = " + SYSCALLS[name].format(**NUMBERS)) == "EPERM"


@pytest.mark.parametrize("name", PYTHON)
def test_attack_by_the_standard_library_is_denied(evil: Worker, name: str) -> None:
    told = evil.call(PYTHON[name].replace("{site!r}", repr(SITE)))
    assert isinstance(told, str), told
    assert told.startswith("denied: "), told


def test_attack_by_os_system_starts_nothing(evil: Worker) -> None:
    assert evil.call("told = os.system('true')") != 0


def test_isolation_of_the_environment_and_the_heap(evil: Worker) -> None:
    assert evil.call("told = dict(os.environ)") == {}
    assert evil.call("told = sys.argv") == ["plugin"]
    LIBC_ENVIRONMENT = "told = ctypes.c_void_p.in_dll(LIBC, 'environ').value"  # noqa: N806
    pointer = evil.call(LIBC_ENVIRONMENT)
    first = evil.call(f"told = ctypes.c_void_p.from_address({pointer}).value") if pointer else None
    assert first is None, "C's environment holds something"


SCAN = """
import re
needle = re.compile(b"canaryvalue[1]234")  # which holds no such text itself
told = 0
for line in open("/proc/self/maps"):
    span, mode = line.split()[:2]
    low, high = (int(part, 16) for part in span.split("-"))
    if mode.startswith("rw"):
        with open("/proc/self/mem", "rb", 0) as memory:
            memory.seek(low)
            try:
                told += len(needle.findall(memory.read(high - low)))
            except OSError:
                continue
"""
BESIDE_A_SECRET = """
import os
from tests.integration.plugins.hostile import hostile
from tests.integration.plugins.stage import Worker, nursery
from tests.integration.plugins.test_attacks_on_worker import SCAN
secret = os.environ["CANARY"]
stage = Worker(hostile(), layers=("rlimits",), required="limited")
here = {}
exec(SCAN, here)
print("host", here["told"] > 0, "worker", stage.call(SCAN))
stage.close()
nursery(("rlimits",)).close()
"""


def test_escape_of_a_secret_in_the_host_is_impossible_by_inheritance() -> None:
    """A host has a secret in its environment and heap, where the scan finds it; in its worker's memory it does not."""
    environment = {**os.environ, "CANARY": "canaryvalue1234"}
    done = subprocess.run(
        [sys.executable, "-c", BESIDE_A_SECRET],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.split() == ["host", "True", "worker", "0"], done.stdout + done.stderr


def test_isolation_from_an_abstract_socket_of_the_host(evil: Worker) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0victor-sim-attack")
        server.listen(1)
        told = evil.call("import socket; told = socket.socket(socket.AF_UNIX).connect('\\0victor-sim-attack')")
    assert told == "denied: EPERM"


def test_isolation_of_descriptors(evil: Worker) -> None:
    open_ones = evil.call(
        "told = []\nfor fd in range(200):\n    try: os.fstat(fd); told.append(fd)\n    except OSError: pass\n"
    )
    assert open_ones == [0, 1, 2, 3], "null, its log twice, its wire"
    hoard = """
kept = []
try:
    while len(kept) < 1000: kept.append(os.dup(0))
except OSError as error:
    told = [len(kept), error.errno]
for fd in kept: os.close(fd)
"""
    assert evil.call(hoard) == [32 - 4, errno.EMFILE]


def test_attack_by_threads_is_bounded_and_threads_work(evil: Worker) -> None:
    code = """
import threading
told = []
one = threading.Thread(target=told.append, args=(1,))
one.start()
one.join()
"""
    assert evil.call(code) == [1]
    bomb = """
import threading
gate = threading.Event()
kept = []
try:
    for _ in range(5000):
        kept.append(threading.Thread(target=gate.wait, daemon=True))
        kept[-1].start()
except (RuntimeError, MemoryError):
    kept.pop()
told = len(kept)
gate.set()
for each in kept: each.join()
"""
    assert evil.call(bomb) < 600


def test_isolation_of_the_user_and_of_capabilities(worker: Any) -> None:
    stage = worker(hostile(), layers=("rlimits", "identity"), required="limited")
    status = stage.call("told = dict(line.split(':', 1) for line in open('/proc/self/status'))")
    held = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
    assert set(held.values()) == {0}, held
    if os.getuid() == 0:
        assert set(status["Uid"].split() + status["Gid"].split()) == {"65534"}
        assert status["Groups"].split() == []


def test_escape_by_rewriting_the_worker_gains_nothing(evil: Any) -> None:
    """It may rewrite every object of its own process; the kernel is asked by the process, not by the objects."""
    code = """
import builtins, io
from sim.integration.plugins.sandbox import landlock, layers, seccomp
seccomp.program = lambda *_: []
layers.LAYERS = ()
builtins.open = io.open
try:
    told = open("/etc/passwd").read()
finally:
    pass
"""
    assert evil.call(code) in DENIED_PATH
