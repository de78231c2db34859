"""The worker: closes what it inherited, puts up its walls, loads one plugin from memory and answers calls.

Whatever a hook raises, BaseException too, becomes a `Failure` frame; a MemoryError (or the SystemError that an
interpreter without memory can end in) ends the process after it is told, since nothing that ran can be relied on. The
plugin may rewrite every object in here: the host believes frames only as far as they decode.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Any, NoReturn

from sim.integration.plugins.runners import frames
from sim.integration.plugins.runners.guest import place, plugin, streams
from sim.integration.plugins.sandbox import layers

SOCKET_FD = 3
FIRST_OTHER_FD = 4
READ_BYTES = 1 << 16

_KEPT = (ctypes.CDLL(None),)  # loaded before the walls are up


def run(socket_fd: int, log_fd: int, walls: layers.Walls, mapped_bytes: int, parent: int) -> NoReturn:
    """Never returns: the process ends with the host's socket, or by the host's hand."""
    status = 0
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _only_descriptors(socket_fd, log_fd)
        wire = Wire(SOCKET_FD)
        streams.to_log()
        try:
            layers.apply(walls, mapped_bytes)
        except OSError as error:
            wire.send(frames.Failure(0, "SandboxError", str(error)))
            os._exit(1)
        if os.getppid() not in (parent, 0):
            os._exit(1)
        serve(wire)
    except BaseException:
        status = 1
    finally:
        os._exit(status)


def _only_descriptors(socket_fd: int, log_fd: int) -> None:
    keep = os.dup2(socket_fd, 64)
    log = os.dup2(log_fd, 65)
    os.dup2(keep, SOCKET_FD)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(FIRST_OTHER_FD, 1 << 16)


class Wire:
    """Whole frames over one blocking descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._frames = frames.Assembler(frames.LOAD_MAX_BYTES)

    def send(self, frame: frames.ToHost) -> None:
        """Write a frame; one that is too long or holds what msgpack cannot is told as a failure instead."""
        data = memoryview(frames.pack(frame))
        while data:
            data = data[os.write(self._fd, data) :]

    def receive(self) -> frames.ToWorker:
        """Wait for the next frame; ends the process when the host has hung up."""
        while (body := self._frames.take()) is None:
            data = os.read(self._fd, READ_BYTES)
            if not data:
                os._exit(0)
            self._frames.add(data)
        return frames.of_host(body)

    def ask(self, name: str, arguments: dict[str, Any]) -> Any:
        """A host function's value; raises PermissionError with the host's reason."""
        self.send(frames.Ask(name, arguments))
        answer = self.receive()
        assert isinstance(answer, frames.Answer)
        if answer.error:
            raise PermissionError(answer.error)
        return answer.value


def serve(wire: Wire) -> None:
    """Load, then answer calls one by one."""
    load = wire.receive()
    assert isinstance(load, frames.Load)
    try:
        loaded = plugin.load(load, wire.ask)
        wire.send(frames.Ready(sorted(loaded.hooks)))
    except BaseException as error:  # SystemExit, KeyboardInterrupt: typed like all others
        wire.send(failure(0, error, place.place_of(error)))
        return
    while True:
        call = wire.receive()
        assert isinstance(call, frames.Call)
        try:
            value = loaded.call(call)
            wire.send(frames.Result(call.number, value))
        except (MemoryError, SystemError) as error:
            loaded.forget()
            wire.send(failure(call.number, error))
            return
        except BaseException as error:  # SystemExit, GeneratorExit, RecursionError: typed like all others
            wire.send(failure(call.number, error))


def failure(number: int, error: BaseException, where: str = "") -> frames.Failure:
    """A frame for what was raised, and where; its text may itself be hostile."""
    try:
        text = str(error)[: frames.TEXT_MAX]
    except BaseException as second:
        text = f"its text raises {type(second).__name__}"
    plain = (text + where).encode(errors="replace").decode()  # no lone surrogates
    return frames.Failure(number, type(error).__name__[:80], plain)


def no_prompt(*_: object) -> NoReturn:
    """In place of input(): there is nobody to answer."""
    raise EOFError("a plugin has no input")


sys.breakpointhook = no_prompt
