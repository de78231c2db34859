"""victor-sim serve [--config-dir DIR] [config=FILE] [hydra overrides] | --selftest [kills=N] [seed=S] [--out FILE]

The real control plane and gateway, live, from the same config groups as `run`; on loopback unless told. Where nothing
else is chosen: health=aggressive, failover=default, retry=default. fleet.nodes local processes are started
(server.provider=ray: actors of the Ray cluster at server.ray_address; none: none); what their agents do stands in
node.agents.TYPE=module:function (or an http address).

  victor-sim keys create me --scope operate       a key for clients, shown once
  victor-sim serve fleet.nodes=3 balancer=power_of_d node.agents.agent=my_agents:answer
  curl -H "X-API-Key: $KEY" -H 'content-type: application/json' -d '{"wait_s": 10}' http://127.0.0.1:8000/v1/tasks

plugins=shipped and optimizer=default work as in a run. What was accepted and where agents run is journaled in
paths.state (default .victor-sim): kill -9 and the same command again go on. SIGTERM and Ctrl-C drain.
--selftest kills a node, the control plane or both N times (20) under load, over a state of its own, and checks after
each that every accepted task has one answer or a stated failure; exit 1 if not. FILE gets a row a kill.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.experiments.words import CONFIG_DIR, parse, settings


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """0 once it was told to end; what is wrong raises."""
    words = parse(arguments, ("--selftest",), (CONFIG_DIR, "--out"))

    def say(line: str) -> None:
        print(line, flush=True)

    if "--selftest" in words.flags:
        from sim.live.selftest.command import selftest

        asked = settings(words, {"kills": 20, "seed": 1})
        out = words.values.get("--out")
        return selftest(asked["kills"], asked["seed"], None if out is None else Path(out), say)
    from sim.bench.compose import compose
    from sim.live.serve.asked import asked_for
    from sim.live.serve.server import serve

    return serve(compose(asked_for(words.overrides), words.config_dir), say)
