"""victor-sim demo [--live] [--quiet] [--config-dir DIR] [hydra overrides]

The source's integrated demo on the real objects: three nodes and five agents deployed through the gateway, four
plugins whose hooks are called, every request an HTTP call through gateway and balancer, a burst that the autoscaler
answers, a node that dies and comes back, fifty samples an agent and then as many as the optimizer needs, and an
improvement that is proposed, proved pair by pair and applied. Told as it happens, with a table on a terminal; a report
at the end says of each part whether it happened. Every figure is read from the objects.

On virtual time an hour of the fleet's life; the same seed says the same.
  victor-sim demo                 what the whole system does, in about half a minute
  victor-sim demo seed=7          the same with other chance
  victor-sim demo --live          the same with real processes on loopback, its intervals shortened, under two minutes
  victor-sim demo --quiet         the report alone

Exit codes: 0 every part happened; 1 one did not (its line says NO); 2 a setting that the demo cannot have.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sim.experiments.words import CONFIG_DIR, parse


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when a part did not happen."""
    words = parse(arguments, ("--live", "--quiet"), (CONFIG_DIR,))
    if "--live" in words.flags:
        from sim.live.demo.command import live_demo

        return live_demo(words.overrides, words.config_dir, sys.stdout, "--quiet" in words.flags)
    from sim.bench.demo.command import demo

    return demo(words.overrides, words.config_dir, sys.stdout, "--quiet" in words.flags)
