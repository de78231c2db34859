"""A node as an actor of a Ray cluster hosts it: the same node host, in the actor's own process.

The actor holds nothing else and is called once; who kills it kills the node.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from sim.errors import ConfigError
from sim.live.link.credential import parsed
from sim.live.node.node import Node
from sim.live.node.params import NodeParams
from sim.runtime.live import LiveRuntime


class NodeActor:
    """`run` is a node's life."""

    def run(self, folder: str, settings: dict[str, Any], secret: str) -> int:
        """Serve until the server lets the node go; gives the exit code. Raises `ConfigError`.

        `folder` is where agents' callables are looked for, if this machine has it.
        """
        if Path(folder).is_dir():
            os.chdir(folder)
            if folder not in sys.path:
                sys.path.insert(0, folder)
        key = parsed(secret)
        if key is None:
            raise ConfigError("secret", "no node credential", "the one of the served control plane")
        return asyncio.run(_served(NodeParams(**settings), key))


async def _served(params: NodeParams, key: bytes) -> int:
    """Without signals: those of an actor's process are Ray's."""
    runtime = LiveRuntime()
    try:
        node = Node(params, key, runtime, _say)
        await node.serve()
        return node.code
    finally:
        await runtime.close()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
