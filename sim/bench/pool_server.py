"""`python -m sim.bench.pool_server FD`: forks worker processes for another that asks over a connection.

A worker that starts anew imports for seconds; one that is forked from here finds everything imported. The process that
asks cannot fork itself: it may hold threads, locks and open files. This one holds none. (The fork server of
`multiprocessing` keeps the environment it was started in, and runs the caller's main module once more in every child.)

`("import", modules)` and `("call", pickled)` prepare it and are not answered; `("well", None)` answers how many calls
raised nothing so far; `("fork", modules)`, which a descriptor follows, the new worker's number; `("wait", number)` the
exit code of one that has ended or is about to. It ends when the other end of the connection does; a SIGINT, which a
terminal sends to all, it leaves to the workers.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

from sim.bench import pool_worker

CALL, IMPORT, FORK, WAIT, WELL = "call", "import", "fork", "wait", "well"


def main(descriptor: int) -> None:
    """Answer until the other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    connection, well_count = Connection(descriptor), 0
    with suppress(EOFError, OSError):  # whoever asked has ended, or was killed
        sys.path[:] = connection.recv()
        while True:
            kind, of = connection.recv()
            if kind == WAIT:
                connection.send(os.waitstatus_to_exitcode(os.waitpid(of, 0)[1]))
            elif kind == CALL:
                well_count += _call(of)
            elif kind == WELL:
                connection.send(well_count)
            else:
                _import(of)
                if kind == FORK:
                    connection.send(_forked(connection))


def _import(modules: Iterable[str]) -> None:
    """What the calls will need; what cannot be imported is told by the call that needs it."""
    for name in modules:
        with suppress(Exception):
            import_module(name)


def _call(pickled: bytes) -> bool:
    """For what it leaves loaded, and whether it raised nothing; what it raises, whoever asked finds out for himself."""
    with suppress(Exception):
        function, arguments = pickle.loads(pickled)
        function(*arguments)
        return True
    return False


def _forked(connection: Connection) -> int:
    """The number of a new worker, whose end of its own connection follows on this one."""
    theirs = recv_handle(connection)
    number = os.fork()
    if number:
        os.close(theirs)
        return number
    code = 1
    try:
        connection.close()
        pool_worker.main(theirs)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)  # never back into the loop above, and past what it left to do at its end


if __name__ == "__main__":
    main(int(sys.argv[1]))
