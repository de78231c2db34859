"""Nodes as processes of this machine (`server.provider=local`).

The processes outlive a control plane that is killed, and join the next one; whoever of them does not is started by it.
Credentials go through the environment, never the command line.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from sim.live.link.credential import VARIABLE
from sim.live.serve.keeper import NodeKeeper


class LocalProvider(NodeKeeper[asyncio.subprocess.Process]):
    """Starts processes in sessions of their own."""

    async def _spawn(self, node_id: str) -> asyncio.subprocess.Process:
        environment = {**os.environ, VARIABLE: self._secret}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sim.live.node.child", json.dumps(self._settings(node_id)), env=environment,
            stdin=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        return self._begun(node_id, process, pid=process.pid)
