"""The process that workers are forked from: started by exec with an empty environment, so that it never held a secret.

Run as a script: `boot.py CONTROL_FD PACKAGE_FOLDER SITE_FOLDER`. It imports what plugins use most, puts up the walls
that all workers share, says hello, and then forks one worker for each request of the host, which carries the worker's
socket and log by SCM_RIGHTS and is answered by a pidfd: the host can end a worker without ever meeting another process
of the same number. It ends when the host closes the control socket, and the workers with it (PDEATHSIG).
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import types

PRELOADED = """
    bisect base64 collections dataclasses datetime decimal enum fractions functools hashlib heapq hmac itertools json
    math operator random re statistics string textwrap types typing
"""
PACKAGES = ("sim", "sim.integration", "sim.integration.plugins", "sim.integration.plugins.runners")
MESSAGE_MAX_BYTES = 1 << 16


def _packages_without_their_inits(folder: str) -> None:
    """`sim.integration.plugins` as a bare package: what its __init__ imports is the host's, not a plugin's."""
    for name in PACKAGES:
        package = types.ModuleType(name)
        package.__path__ = ["/".join([folder, *name.split(".")])]
        sys.modules[name] = package


def serve(control: socket.socket) -> None:
    """Answer the host until it hangs up."""
    from sim.integration.plugins.runners.guest import child, spec
    from sim.integration.plugins.sandbox import detect, layers, rlimits, seccomp

    start = spec.START_DECODER.decode(control.recv(MESSAGE_MAX_BYTES))
    report = detect.trial(start.walls)
    mapped = rlimits.mapped_bytes()
    given = tuple(name for name in start.walls.layers if report[name] == "")
    try:
        layers.apply_once(layers.Walls(given, start.walls.readable))
    except OSError as error:
        control.send(spec.ENCODER.encode(spec.Hello(report, str(error))))
        return
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    control.send(spec.ENCODER.encode(spec.Hello(report)))
    if "seccomp" in given:
        seccomp.template(with_exec=False)
    parent = os.getpid()
    gc.collect()
    gc.freeze()  # what all workers share is looked at by no collector, so that its pages stay shared
    while True:
        body, descriptors, _, _ = socket.recv_fds(control, MESSAGE_MAX_BYTES, 2)
        if not body:
            return
        order = spec.ORDER_DECODER.decode(body)
        number = os.fork()
        if number == 0:
            control.close()
            child.run(descriptors[0], descriptors[1], order.walls, mapped, parent)
        for descriptor in descriptors:
            os.close(descriptor)
        pidfd = os.pidfd_open(number)
        socket.send_fds(control, [str(number).encode()], [pidfd])
        os.close(pidfd)


def main() -> None:
    """Import, then serve."""
    control_fd, package_folder, site_folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    os.environ.clear()
    sys.argv[:] = ["plugin"]
    for name in PRELOADED.split():
        __import__(name)
    _packages_without_their_inits(package_folder)
    sys.path.append(site_folder)
    import msgspec.msgpack  # noqa: F401

    from sim.integration.plugins.runners.guest import child  # noqa: F401

    sys.path.remove(site_folder)
    serve(socket.socket(fileno=control_fd))


if __name__ == "__main__":
    main()
