"""victor-sim validate [--quick] [seed=S] [workers=N]

The simulator against closed-form and published numbers, judged together at family level .001. A row whose interval is
too wide is not decided, and fails. --quick has wider bounds and says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.experiments.words import asks_help, parse


def main(arguments: Sequence[str]) -> int:
    """1 when the family of rows fails."""
    if asks_help(arguments):
        print(__doc__)
        return 0
    from sim.bench.validate import run_validation

    words = parse(arguments, flags=("--quick",))
    named = dict(text.split("=", 1) for text in words.overrides)
    table = run_validation(int(named.get("seed", 1)), "--quick" in words.flags, int(named.get("workers", 0)))
    print(table.as_text())
    return 0 if table.passed else 1
