"""The host's hand on the process that workers are forked from: started once, with an empty environment.

A worker must not be forked from the host, whose heap holds keys; a fresh interpreter for each takes 100 ms. So one
small interpreter is exec'd, puts up the shared walls, and forks a worker in milliseconds (Android's zygote). It is
trusted, since no plugin runs in it, and answers at once: asking for a worker waits without giving up the loop.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from sim.contracts import Runtime
from sim.integration.plugins.runners.base import PluginRefused
from sim.integration.plugins.runners.guest import spec
from sim.integration.plugins.sandbox import layers, paths
from sim.integration.plugins.sandbox.rlimits import ProcessLimits

FORK_MAX_S = 5.0
STARTS_MAX = 10  # of the process, over the life of the host
BOOT = Path(__file__).with_name("guest") / "boot.py"
PACKAGES = Path(__file__).parents[4]  # the folder that holds `sim`
SITE = Path(msgspec.__file__).parents[1]
MESSAGE_MAX_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class WorkerEnds:
    """The host's ends of one worker; whoever holds them closes them."""

    wire: socket.socket
    log_fd: int
    pidfd: int
    pid: int


@dataclass(frozen=True, slots=True)
class _Ordered:
    """The host's ends of a worker whose pidfd has not come yet."""

    limits: ProcessLimits
    wire: socket.socket
    log_fd: int


class Nursery:
    """Starts workers behind `layers_wanted`, or as many of them as the machine gives: see `reached` and `report`."""

    def __init__(self, layers_wanted: tuple[str, ...] = layers.LAYERS) -> None:
        self.layers_wanted = layers_wanted
        self.report: dict[str, str] = {}  # layer -> why it does not go up here, "" when it does
        self.starts_count = 0
        self._readable = paths.interpreter()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ahead: list[_Ordered] = []  # one at most
        self._finalizer: Any = None

    @property
    def reached(self) -> tuple[str, ...]:
        """The layers that every worker gets."""
        return tuple(name for name in self.layers_wanted if self.report.get(name, "unknown") == "")

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return None if self._process is None else self._process.pid

    async def start(self, runtime: Runtime, within_s: float) -> None:
        """Start the process unless it runs; raises PluginRefused when it does not come up."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        if not hasattr(os, "pidfd_open"):
            raise PluginRefused("*", "start", "worker runner", "it needs Linux")
        if self.starts_count >= STARTS_MAX:
            raise PluginRefused("*", "start", "worker runner", f"its process ended {STARTS_MAX} times")
        self.starts_count += 1
        control = self._launch()
        walls = layers.Walls(self.layers_wanted, self._readable)
        control.send(spec.ENCODER.encode(spec.Start(walls)))
        if await runtime.ready(control.fileno(), within_s) < 0.0:
            self.close()
            raise PluginRefused("*", "start", "worker runner", f"its process said nothing within {within_s} s")
        body = control.recv(MESSAGE_MAX_BYTES)
        hello = spec.HELLO_DECODER.decode(body) if body else spec.Hello({}, "its process ended")
        if hello.error:
            self.close()
            raise PluginRefused("*", "start", "worker runner", hello.error)
        self.report = hello.report

    def _launch(self) -> socket.socket:
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        fd = theirs.fileno()
        command = [sys.executable, "-s", "-S", "-P", "-B", "-X", "utf8", str(BOOT), str(fd), str(PACKAGES), str(SITE)]
        with theirs:
            process = subprocess.Popen(
                command,
                env={"PYTHONHASHSEED": "0"},
                pass_fds=[fd],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
            )
        self._process, self._control = process, control
        self._finalizer = weakref.finalize(self, _end, process, control, self._ahead)
        return control

    def fork(self, limits: ProcessLimits) -> WorkerEnds:
        """One worker behind all that was reached; raises PluginRefused when the process does not answer.

        The next one is ordered at once, so that it is up when it is asked for: a load waits for its plugin alone.
        """
        try:
            if self._ahead and self._ahead[0].limits != limits:
                end_worker(self._collect())
            if not self._ahead:
                self._order(limits)
            ends = self._collect()
            self._order(limits)
        except OSError as error:
            self.close()
            raise PluginRefused("*", "start", "worker runner", f"no worker could be forked: {error}") from error
        return ends

    def _order(self, limits: ProcessLimits) -> None:
        assert self._control is not None, "start comes first"
        ours, theirs = socket.socketpair()
        log_reader, log_writer = os.pipe()
        ours.setblocking(False)
        os.set_blocking(log_reader, False)
        self._ahead.append(_Ordered(limits, ours, log_reader))
        try:
            message = spec.ENCODER.encode(spec.Order(layers.Walls(self.reached, self._readable, limits)))
            self._control.settimeout(FORK_MAX_S)
            socket.send_fds(self._control, [message], [theirs.fileno(), log_writer])
        finally:
            theirs.close()
            os.close(log_writer)

    def _collect(self) -> WorkerEnds:
        assert self._control is not None
        body, descriptors, _, _ = socket.recv_fds(self._control, MESSAGE_MAX_BYTES, 1)
        if not body:
            raise ConnectionError("it ended")
        ordered = self._ahead.pop()
        return WorkerEnds(ordered.wire, ordered.log_fd, descriptors[0], int(body))

    def close(self) -> None:
        """End the process, and with it every worker."""
        if self._finalizer is not None:
            self._finalizer()
        self._process = self._control = None


def _end(process: subprocess.Popen[bytes], control: socket.socket, ahead: list[_Ordered]) -> None:
    control.close()
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(FORK_MAX_S)
    while ahead:
        ordered = ahead.pop()
        ordered.wire.close()
        os.close(ordered.log_fd)


def kill_worker(ends: WorkerEnds) -> None:
    """Kill a worker by its pidfd, whatever it does; its socket hangs up."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(ends.pidfd, signal.SIGKILL)


def end_worker(ends: WorkerEnds) -> None:
    """Kill a worker and close the host's ends."""
    kill_worker(ends)
    ends.wire.close()
    os.close(ends.log_fd)
    os.close(ends.pidfd)
