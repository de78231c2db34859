"""Which walls this machine gives, tried in a forked child each, never guessed from a version number.

A fork is only safe in the small process that workers are forked from, which is where this runs; it costs a few
milliseconds a layer. `namespaces` are tried by one more fork, before that process puts up its own.
"""

from __future__ import annotations

import os
import sys

from sim.integration.plugins.sandbox import layers, rlimits

REPLY_MAX_BYTES = 400


def trial(walls: layers.Walls) -> dict[str, str]:
    """Layer -> "" when it goes up here, else why not; only the layers of `walls`, each tried alone."""
    return {name: _try_alone(name, walls) for name in layers.LAYERS if name in walls.layers}


def _try_alone(name: str, walls: layers.Walls) -> str:
    alone = layers.Walls((name,) if name != "root_view" else layers.ONCE, walls.readable, walls.limits)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _child(alone, writer)
    os.close(writer)
    told = b""
    while part := os.read(reader, REPLY_MAX_BYTES):
        told += part
    os.close(reader)
    status = os.waitpid(child, 0)[1]
    if told:
        return told.decode(errors="replace")
    return "" if status == 0 else f"the trial ended with status {status}"


def _child(alone: layers.Walls, writer: int) -> None:
    try:
        mapped = rlimits.mapped_bytes()
        layers.apply_once(alone)
        layers.apply(alone, mapped)
    except OSError as error:
        os.write(writer, str(error).encode()[:REPLY_MAX_BYTES])
    except BaseException as error:  # the child must end here, whatever happens
        os.write(writer, repr(error).encode()[:REPLY_MAX_BYTES])
    finally:
        sys.stdout.flush()
        os._exit(0)
