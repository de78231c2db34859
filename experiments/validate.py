"""victor-sim validate [--quick] [seed=S] [workers=N]

The simulator against closed-form and published numbers, judged together at family level .001. A row whose interval is
too wide is not decided, and fails. --quick has wider bounds and says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.experiments.words import parse, settings


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when the family of rows fails."""
    words = parse(arguments, ("--quick",))
    asked = settings(words, {"seed": 1, "workers": 0})
    from sim.bench.progress import Progress
    from sim.bench.validate import run_validation

    progress = Progress(0, "validate")
    table = run_validation(asked["seed"], "--quick" in words.flags, asked["workers"], progress.to)
    print(table.as_text())
    return table.exit_code
