"""victor-sim report NAME [--against FOLDER] [--agrees-with SEED] [--config-dir DIR] [hydra overrides]

Builds the report of results/NAME again from what is stored, without running anything; overrides such as
objective=sojourn_s_mean or slo.max=2 change what is asked of the same runs. With --against FOLDER the numbers of
results/NAME are compared with those of another results folder, metric by metric (exit 1 when some differ). With
--agrees-with SEED the same study is read back under another seed, which was run before: exit 1 when a pair is
significantly reversed or the best is no longer among the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.experiments.words import CONFIG_DIR, parse


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when the result is INVALID, or the two results differ."""
    words = parse(arguments, ("--multirun",), ("--against", "--agrees-with", CONFIG_DIR), ("NAME",))
    from sim.bench.against import against
    from sim.bench.outcome import report
    from sim.bench.replay import plan_of, results_folder

    folder = results_folder(words.words[0], words.overrides)
    if "--against" in words.values:
        text, same = against(folder, Path(words.values["--against"]))
        print(text)
        return 0 if same else 1
    if "--agrees-with" in words.values:
        from sim.bench.outcome import agreement_of

        other = plan_of(folder, [*words.overrides, f"seed={words.values['--agrees-with']}"], words.config_dir)
        found = agreement_of(plan_of(folder, words.overrides, words.config_dir), other)
        print(found.as_text())
        return 0 if found.holds else 1
    from sim.report.catalogue import check_figures
    from sim.report.page import write_report

    plan = plan_of(folder, words.overrides, words.config_dir)
    check_figures(plan.base.study.figures)
    return report(plan, write_report)
