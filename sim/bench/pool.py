"""Calls over worker processes: results as they come, and an end that is quick and quiet.

Every worker has a connection of its own and holds one call at a time: one that is killed costs its own call and
nothing else, and the wait for the others sees its end. (Pools with shared queues, concurrent.futures and loky alike,
give up all calls in flight when one worker dies, or hang where it died holding a lock.) A Ctrl-C of a terminal reaches
the workers too: one interrupts the call that it is in and nothing else; who ends early signals the workers until each
has let go of its call. Workers that are done wait for the next calls, at most `IDLE_MAX` of them. They are forked
(`forking`), which takes a moment where a process that starts anew imports for seconds.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeVar

from sim.bench.forking import close_server, environment, fork
from sim.bench.pool_worker import INTERRUPTED, RAISED
from sim.errors import WorkerLost

T = TypeVar("T")
AGAIN_S = 0.1  # between two signals to workers that still hold a call
IDLE_MAX = 64


class Worker:
    """A worker process and this end of its connection."""

    def __init__(self, modules: Sequence[str] = ()) -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self.process = fork(modules, theirs)
            self.connection = Connection(ours.detach())
        self.connection.send((sys.path, environment()))

    def give(self, call: bytes) -> None:
        """Hand a call over; raises `WorkerLost` when the process is gone."""
        try:
            self.connection.send_bytes(call)
        except OSError:
            raise self._lost() from None

    def take(self) -> tuple[str, Any]:
        """The answer, waited for; raises `WorkerLost` when the process ended instead."""
        try:
            found: tuple[str, Any] = pickle.loads(self.connection.recv_bytes())
        except (EOFError, OSError):
            raise self._lost() from None
        return found

    def _lost(self) -> WorkerLost:
        self.process.kill()  # where it closed its end and lives on; one that is dead keeps its own code
        self.connection.close()
        return WorkerLost(self.process.wait())

    def close(self) -> None:
        """Let it go, and wait for its end."""
        self.connection.close()
        self.process.wait()


_idle: list[Worker] = []


def _begun(call: bytes, modules: Sequence[str]) -> Worker:
    """A worker that holds the call: an idle one that still lives, or a new one that has imported the modules."""
    while _idle:
        worker = _idle.pop()
        with suppress(WorkerLost):
            worker.give(call)
            return worker
    worker = Worker(modules)
    worker.give(call)
    return worker


def _rest(worker: Worker) -> None:
    if len(_idle) < IDLE_MAX:
        _idle.append(worker)
    else:
        worker.close()


@atexit.register
def close_idle() -> None:
    """End the workers that wait for calls, and the server that forked them."""
    for worker in _idle:
        worker.connection.close()
    while _idle:
        _idle.pop().close()
    close_server()


def spread(
    function: Callable[..., T], calls: Sequence[tuple[Any, ...]], workers: int
) -> Generator[tuple[int, T | WorkerLost], None, None]:
    """Results of calls as they come, with their numbers; in this process when one worker or one call is enough.

    Raises what a call raised. A call whose worker was killed gives `WorkerLost`; a new worker takes its place. A call
    that was interrupted while this process was not (a script's Ctrl-C goes to its whole group, of which what it started
    in the background leaves the signal aside) is made again, once.
    """
    workers = min(workers, len(calls))
    if workers <= 1:
        for number, call in enumerate(calls):
            yield number, function(*call)
        return
    left, modules, interrupted = deque(enumerate(calls)), (function.__module__,), set[int]()
    running: dict[Connection, tuple[int, Worker]] = {}
    try:
        while left or running:
            while left and len(running) < workers:
                number, call = left.popleft()
                worker = _begun(pickle.dumps((Path.cwd(), function, call)), modules)
                running[worker.connection] = number, worker
            for connection in wait(list(running)):
                assert isinstance(connection, Connection)
                number, worker = running[connection]
                try:
                    kind, value = worker.take()
                except WorkerLost as lost:
                    kind, value = "", lost
                else:
                    _rest(worker)
                del running[connection]
                if kind == RAISED:
                    raise value
                if kind == INTERRUPTED:
                    if number in interrupted:
                        raise KeyboardInterrupt
                    interrupted.add(number)
                    left.append((number, calls[number]))
                    continue
                yield number, value
    finally:
        _end([worker for _, worker in running.values()])


def _end(workers: list[Worker]) -> None:
    """Interrupt what is running until each worker has let go of its call."""
    held = {worker.connection: worker for worker in workers}
    try:
        while held:
            for worker in held.values():
                with suppress(ProcessLookupError):
                    os.kill(worker.process.pid, signal.SIGINT)
            for connection in wait(list(held), timeout=AGAIN_S):
                assert isinstance(connection, Connection)
                with suppress(WorkerLost):
                    held[connection].take()
                    _rest(held[connection])
                del held[connection]
    finally:
        for worker in held.values():  # interrupted a second time
            worker.process.kill()
            worker.close()


def in_order(function: Callable[..., T], calls: Iterable[tuple[Any, ...]], workers: int) -> list[T]:
    """All results in the order of the calls; raises what a call raised, and `WorkerLost`."""
    listed = list(calls)
    results: dict[int, T] = {}
    with closing(spread(function, listed, workers)) as coming:
        for number, result in coming:
            if isinstance(result, WorkerLost):
                raise result
            results[number] = result
    return [results[number] for number in range(len(listed))]
