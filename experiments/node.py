"""victor-sim node server.url=URL [node.agents.TYPE=module:function] [hydra overrides]

A live agent host that joins a served control plane (`victor-sim serve` prints the URL, tcp://HOST:PORT). Its credential
comes from VICTOR_SIM_KEY or server.key_file=FILE (the served one's .victor-sim/live/node.key), never from the command
line. Both sides prove that they hold it. What agents of a type do is said here alone: a Python callable that takes and
gives a dict, or an http(s) address that gets the input by POST. SIGTERM drains.

  victor-sim node server.url=tcp://127.0.0.1:8001 server.key_file=.victor-sim/live/node.key \\
      node.agents.agent=my_agents:answer node.capacity=4
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from sim.errors import ConfigError
from sim.experiments.words import CONFIG_DIR, parse


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """0 once it was let go, 1 when its server was gone for node.rejoin_s."""
    words = parse(arguments, (), (CONFIG_DIR,))
    from sim.bench.compose import compose
    from sim.live.link.credential import credential
    from sim.live.node.node import run_node
    from sim.live.node.params import NodeParams, place_of

    config = compose(words.overrides, words.config_dir)
    node, server = config.node, config.server
    place_of(server.url)
    if not node.agents:
        raise ConfigError("node.agents", "{}", "at least one node.agents.TYPE=module:function or http address")
    sys.path.insert(0, str(Path.cwd()))  # a callable may stand beside the user
    params = NodeParams(
        node.node_id or f"{socket.gethostname()}-{os.getpid()}", server.url, dict(node.agents), node.capacity,
        node.queue_max, node.heartbeat_s, node.rejoin_s, node.drain_s, node.upstream_timeout_s, node.tls_ca,
        {"zone": node.zone, "region": node.zone, "speed": node.speed},
    )  # fmt: skip

    def say(line: str) -> None:
        print(line, flush=True)

    return run_node(params, credential(server.key_file), say)
