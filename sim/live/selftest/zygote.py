"""A process that is ready to become others: every control plane and node of the self-test is forked from it.

What takes seconds of a start is to import; a fork has it already, so that a kill costs a fraction of a second. Orders
are lines of JSON on standard input, `{"serve": [overrides]}` or `{"node": {settings}, "secret": ..., "log": ...}`; the
answer is a line `pid N`, then what a control plane says. Children are killed by their numbers, reaped by the kernel.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from sim.bench.compose import Composed, compose
from sim.live.link.credential import parsed
from sim.live.node.node import run_node
from sim.live.node.params import NodeParams
from sim.live.selftest.agent import LOG
from sim.live.serve.server import serve

LIVE = ("health=aggressive", "failover=default", "retry=default")


def main() -> None:
    """Until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    composed: Composed = {}
    compose(LIVE, composed=composed)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(_become(order, composed))
        _say(f"pid {pid}")


def _become(order: dict[str, Any], composed: Composed) -> int:
    """What was ordered, to its end."""
    try:
        if "serve" in order:
            return serve(compose([*LIVE, *order["serve"]], composed=composed), _say)
        os.environ[LOG] = order["log"]
        secret = parsed(order["secret"])
        assert secret is not None
        silent: Callable[[str], None] = len  # type: ignore[assignment] # a node's words are not asked for
        return run_node(NodeParams(**order["node"]), secret, silent)
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")  # at once: a child says things on the same pipe
    sys.stdout.flush()


if __name__ == "__main__":
    main()
