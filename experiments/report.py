"""victor-sim report NAME|overrides [--against FOLDER]

Builds the report again from what is stored (the same overrides as `run`; nothing runs). With --against FOLDER the
points of results/NAME are compared with those of another results folder, metric by metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.experiments.words import asks_help, command, parse


def main(arguments: Sequence[str]) -> int:
    """1 when the result is INVALID or the two results differ."""
    if asks_help(arguments):
        print(__doc__)
        return 0
    words = parse(arguments, values=("--against",))
    if "--against" in words.values:
        from sim.bench.against import against

        name = words.words[0] if words.words else "results"
        text, same = against(Path(name), Path(words.values["--against"]))
        print(text)
        return 0 if same else 1
    from sim.bench.outcome import report
    from sim.bench.plan import make_plan

    overrides = [*(f"experiment={name}" for name in words.words), *words.overrides]
    return report(make_plan(overrides, command("run", overrides), words.config_dir))
