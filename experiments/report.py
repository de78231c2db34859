"""victor-sim report [NAME] [--against FOLDER] [--agrees-with SEED] [--index] [--config-dir DIR] [hydra overrides]

Builds the report of results/NAME again from what is stored, without running anything; without NAME the overrides say
which study, as for `run`. Overrides such as objective=sojourn_s_mean or slo.max=2 change what is asked of the same
runs.

  --against FOLDER     hold the numbers of results/NAME against those of another results folder: the same bits where
                       code, config, seed and libraries are the same; paired differences with intervals where one of
                       them changed; speed by a rank test on what the replications took (exit 1 when a number differs)
  --agrees-with SEED   read the same study back under another seed, which was run before: exit 1 when a pair is
                       significantly reversed or the best is no longer among the best
  --index              write index.html over all results below paths.results
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sim.experiments.words import CONFIG_DIR, Words, parse

if TYPE_CHECKING:
    from sim.bench.plan import Plan


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when the result is INVALID, or the two results differ."""
    words = parse(arguments, ("--multirun", "--index"), ("--against", "--agrees-with", CONFIG_DIR), ("[NAME]",))
    from sim.bench.against import against
    from sim.bench.outcome import agreement_of, folder_of, report
    from sim.bench.replay import results_folder

    if "--index" in words.flags:
        from sim.report.index import write_index

        print(f"index: {write_index(results_folder('', words.overrides))}")
        return 0
    if "--against" in words.values:
        ours = results_folder(words.words[0], words.overrides) if words.words else folder_of(_plan(words))
        text, same = against(ours, Path(words.values["--against"]))
        print(text)
        return 0 if same else 1
    plan = _plan(words)
    if "--agrees-with" in words.values:
        found = agreement_of(plan, _plan(words, f"seed={words.values['--agrees-with']}"))
        print(found.as_text())
        return 0 if found.holds else 1
    from sim.bench.brought import bringing
    from sim.report.catalogue import check_figures
    from sim.report.page import write_report

    with bringing(plan.base):
        check_figures(plan.base.study.figures)
        return report(plan, write_report)


def _plan(words: Words, *more: str) -> Plan:
    """The plan of a folder of results, or of the overrides alone; `more` of them come on top."""
    from sim.bench.plan import make_plan
    from sim.bench.replay import plan_of, results_folder

    overrides = [*words.overrides, *more]
    if words.words:
        return plan_of(results_folder(words.words[0], words.overrides), overrides, words.config_dir)
    return make_plan(overrides, words.config_dir, "--multirun" in words.flags)
