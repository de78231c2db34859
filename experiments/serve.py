"""victor-sim serve [--config-dir DIR] [config=FILE] [hydra overrides]

The real control plane and gateway, live, from the same config groups as `run`; on loopback unless told. Where nothing
else is chosen: health=aggressive, failover=default, retry=default. fleet.nodes local processes are started
(server.provider=none: none); what their agents do stands in node.agents.TYPE=module:function (or an http address).

  victor-sim keys create me --scope operate       a key for clients, shown once
  victor-sim serve fleet.nodes=3 balancer=power_of_d node.agents.agent=my_agents:answer
  curl -H "X-API-Key: $KEY" -d '{"input": {}, "wait_s": 10}' -H 'content-type: application/json' \\
      http://127.0.0.1:8000/v1/tasks

What was accepted and where agents run is journaled in paths.state (default .victor-sim): kill -9 and the same command
again go on. SIGTERM and Ctrl-C drain.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.experiments.words import CONFIG_DIR, parse

LIVE = ("health=aggressive", "failover=default", "retry=default")


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """0 once it was told to end; what is wrong raises."""
    words = parse(arguments, (), (CONFIG_DIR,))
    from sim.bench.compose import compose
    from sim.live.serve.server import serve

    def say(line: str) -> None:
        print(line, flush=True)

    return serve(compose([*LIVE, *words.overrides], words.config_dir), say)
