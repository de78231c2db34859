"""A worker process: answers calls that come over a connection of its own.

A call is a pickled function with its arguments and the folder to be in; the answer says `done`, `raised` or
`interrupted`. The process holds one call at a time and shares nothing with its siblings, no lock and no queue, so that
its death is nobody else's. It ends when the other end of the connection does. A SIGINT interrupts the call that it is
in and nothing else.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from multiprocessing.connection import Connection
from typing import Any

DONE, RAISED, INTERRUPTED = "done", "raised", "interrupted"


class _Here:
    """Of this worker: is it inside a call that a signal may interrupt?"""

    inside = False


def main(descriptor: int) -> None:
    """Answer until the other end is gone."""
    signal.signal(signal.SIGINT, _interrupt)
    connection = Connection(descriptor)
    try:
        sys.path[:], environment = connection.recv()
        os.environ.clear()
        os.environ.update(environment)
        while True:
            connection.send_bytes(_answered(connection.recv_bytes()))
    except (EOFError, OSError):  # whoever asked has ended, or was killed
        return


def _answered(asked: bytes) -> bytes:
    """What a call gave, pickled."""
    try:
        _Here.inside = True
        folder, function, arguments = pickle.loads(asked)
        os.chdir(folder)
        answer: tuple[str, Any] = DONE, function(*arguments)
    except KeyboardInterrupt:
        answer = INTERRUPTED, None
    except BaseException as error:
        error.add_note("".join(traceback.format_exception(error)))  # frames stay behind
        answer = RAISED, error
    finally:
        _Here.inside = False
    return _pickled(answer)


def _pickled(answer: tuple[str, Any]) -> bytes:
    """The answer; one that cannot be pickled and read back is told as an error with its words."""
    try:
        blob: bytes = pickle.dumps(answer)
        if answer[0] == RAISED:
            pickle.loads(blob)  # an error is rebuilt from its arguments, which may not fit
    except Exception:
        value = answer[1]
        blob = pickle.dumps((RAISED, RuntimeError(f"{type(value).__qualname__}: {value}")))
    return blob


def _interrupt(number: int, frame: object) -> None:
    if _Here.inside:
        _Here.inside = False  # once: what follows is the way out
        raise KeyboardInterrupt
