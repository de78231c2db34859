"""The processes of a pool's workers, forked by a server (`pool_server`) that has imported what they need.

One server serves a process, begun with the first worker, or with `prepare` before any call is known, so that it imports
while this process still plans. It is begun anew where it was killed, where this process is a fork of the one that began
it, and where settings changed that libraries read when they are imported.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import Any

from sim.bench.pool_server import CALL, FORK, IMPORT, WAIT, WELL
from sim.bench.threads import ONE_EACH

COMMAND = (sys.executable, "-m", "sim.bench.pool_server")
READ_ONCE = ("OPENBLAS_", "OMP_", "MKL_", "NUMBA_", "PYTHON")


def environment() -> dict[str, str]:
    """What a worker finds in its environment."""
    return ONE_EACH | dict(os.environ)


class Server:
    """The process that forks workers, and this end of its connection."""

    def __init__(self) -> None:
        self.owner, self.read_once = os.getpid(), _read_once()
        self.calls_count = 0  # that it was told (`also`)
        ours, theirs = socket.socketpair()
        with theirs:
            number = theirs.fileno()
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # inherited, until it can leave it aside
            try:
                self.process = subprocess.Popen(
                    [*COMMAND, str(number)], pass_fds=(number,), stdin=subprocess.DEVNULL, env=environment()
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self.connection = Connection(ours.detach())
        self.tell(sys.path)

    def serves(self) -> bool:
        """Does it live, is it this process's own, and was it begun with the settings of now?"""
        mine = self.owner == os.getpid() and not self.connection.closed
        return mine and self.process.poll() is None and self.read_once == _read_once()

    def tell(self, what: object, also: socket.socket | None = None) -> None:
        """Send it a message and a descriptor; raises OSError where it is gone, and ends it when that is cut short."""
        with self._whole():
            self.connection.send(what)
            if also is not None:
                send_handle(self.connection, also.fileno(), self.process.pid)

    def answer(self) -> int:
        """What it answers; raises OSError or EOFError where it is gone, and ends it when the wait is cut short."""
        with self._whole():
            number: int = self.connection.recv()
            return number

    def fork(self, modules: Sequence[str], theirs: socket.socket) -> Forked:
        """A new worker; raises OSError or EOFError where the server is gone."""
        self.tell((FORK, modules), theirs)
        return Forked(self, self.answer())

    @contextmanager
    def _whole(self) -> Generator[None, None, None]:
        try:
            yield
        except BaseException:  # half a message, or an answer that nobody took: the next would be misread
            self.close()
            raise

    def close(self) -> None:
        """End it, whatever it is importing; what a fork of this process holds is a copy of no use."""
        self.connection.close()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()


_servers: list[Server] = []  # none or one: that which forks the next worker


def _read_once() -> dict[str, str]:
    """Settings of the environment that libraries read when they are imported; all others a worker is given."""
    return {name: value for name, value in os.environ.items() if name.startswith(READ_ONCE)}


def _server() -> Server:
    if _servers and not _servers[0].serves():
        _servers.pop().close()
    if not _servers:
        _servers.append(Server())
    return _servers[0]


def prepare(*modules: str) -> None:
    """Begin the server that forks workers, and let it import what the calls will need while this process goes on."""
    with suppress(OSError):  # it was killed just now: the next call begins another
        _server().tell((IMPORT, modules))


def also(function: Callable[..., object], *arguments: Any) -> bool:
    """Let a server that was begun call this, whose workers find done what it leaves; False where none is."""
    if not (_servers and _servers[0].serves()):
        return False
    with suppress(OSError):
        _servers[0].tell((CALL, pickle.dumps((function, arguments))))
        _servers[0].calls_count += 1
        return True
    return False


def all_well() -> bool:
    """Is the server there still, and did every call that it was told raise nothing? Waits until they are done."""
    with suppress(OSError, EOFError):
        if _servers and _servers[0].serves():
            _servers[0].tell((WELL, None))
            return _servers[0].answer() == _servers[0].calls_count
    return False


class Forked:
    """A worker's process, a child of the server that forked it."""

    def __init__(self, server: Server, number: int) -> None:
        self.pid, self._server = number, server
        self._code: int | None = None
        self._ended = False

    def kill(self) -> None:
        """End it, if it has not ended: until it is waited for, its number is no other's, while its server lives."""
        if not self._ended and self._server.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int | None:
        """Its exit code, minus a signal's number; None where its server is gone, and with it what is known of it."""
        if not self._ended:
            self._ended = True
            with suppress(OSError, EOFError):
                self._server.tell((WAIT, self.pid))
                self._code = self._server.answer()
        return self._code


def fork(modules: Sequence[str], theirs: socket.socket) -> Forked:
    """A new worker, which has imported the modules, at the other end of `theirs`."""
    try:
        return _server().fork(modules, theirs)
    except (OSError, EOFError):  # it was killed just now: another, once
        return _server().fork(modules, theirs)


@atexit.register
def close_server() -> None:
    """End the server; its workers live on until they have let go of what they are at."""
    while _servers:
        _servers.pop().close()
