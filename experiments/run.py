"""victor-sim run [--multirun] [--dry-run] [--missing] [--replace] [--config-dir DIR] [config=FILE]
               [hydra overrides]

One design point, a sweep (--multirun balancer=random,power_of_d fleet.nodes=10,100), or a whole study with
experiment=NAME. What is stored is not run again; the report lies in results/NAME/ afterwards.

  --multirun, -m   sweep over comma lists and range(); an experiment sweeps without it
  --dry-run        print points, replications, store hits and the expected time; run nothing
  --missing        leave points that are wholly stored out of the sweep (the report has them all)
  --replace        results of this name that another config made give way; what is stored stays
  --config-dir DIR add your own YAML groups (DIR/fleet/mine.yaml, then fleet=mine)
  config=FILE      start from a saved config such as results/NAME/best.yaml
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sim.experiments.words import CONFIG_DIR, parse

ALONE = re.compile(r"launcher(\.workers=1$|=(?!local$))")  # no worker is forked here
FLAGS = ("--multirun", "--dry-run", "--missing", "--replace")


def help_text() -> str:
    """What stands above, the config groups with their choices, and every key with its default."""
    from sim.bench.keys import overview

    return f"{__doc__}\n{overview()}"


def main(arguments: Sequence[str]) -> int:
    """Plan, run what is missing, report; 1 when a replication failed or the result is INVALID."""
    words = parse(arguments, FLAGS, (CONFIG_DIR,))
    if "--dry-run" not in words.flags and not any(ALONE.match(word) for word in words.overrides):
        from sim.bench.forking import prepare

        # Another core imports for the workers while this one composes.
        prepare("sim.bench.assemble", "sim.bench.runner", "sim.bench.study")
    from sim.bench.brought import bringing
    from sim.bench.outcome import finish, leave_out_stored
    from sim.bench.plan import make_plan
    from sim.report.catalogue import check_figures
    from sim.report.page import write_report

    plan = make_plan(words.overrides, words.config_dir, "--multirun" in words.flags)
    with bringing(plan.base):
        check_figures(plan.base.study.figures)
    missing = leave_out_stored(plan) if "--missing" in words.flags else plan
    if "--dry-run" in words.flags:
        from sim.bench.dry_run import dry_run

        print(dry_run(missing))
        return 0
    if not missing.points:
        print(f"{plan.name}: nothing is missing, every point is stored")
        return 0
    with bringing(plan.base):  # figures that plugins bring
        return finish(plan, write_report, "--replace" in words.flags)
