"""victor-sim run [--multirun] [--dry-run] [--missing] [--config-dir DIR] [config=FILE] [hydra overrides]

One design point, a sweep (balancer=random,power_of_d fleet.nodes=10,100), or a whole study with experiment=NAME. What
is stored is not run again. The report lies in results/NAME/ afterwards.

  --dry-run        print points, replications, store hits and the expected time; run nothing
  --missing        leave points that are wholly stored out of the sweep
  --multirun       Hydra's flag for sweeps; accepted, a sweep is seen from its commas
  --config-dir DIR add your own YAML groups (DIR/fleet/mine.yaml, then fleet=mine)
  config=FILE      start from a saved config such as results/NAME/best.yaml
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sim.experiments.words import asks_help, command, parse


def main(arguments: Sequence[str]) -> int:
    """Plan, run what is missing, report; 1 when a replication failed or the result is INVALID."""
    if asks_help(arguments):
        print(__doc__)
        return 0
    from sim.bench.dry_run import dry_run
    from sim.bench.outcome import finish, leave_out_stored
    from sim.bench.plan import make_plan

    words = parse(arguments, flags=("--multirun", "--dry-run", "--missing", "-m"))
    if words.words:
        print(f"victor-sim: word={words.words[0]}: accepted is key=value", file=sys.stderr)
        return 2
    plan = make_plan(words.overrides, command("run", arguments), words.config_dir)
    if "--missing" in words.flags:
        plan = leave_out_stored(plan)
    if "--dry-run" in words.flags:
        print(dry_run(plan))
        return 0
    return finish(plan)
