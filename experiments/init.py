"""victor-sim init DIR

Leaves a starter folder: my own fleet, my own trace, my own strategy, a study that compares it with the known ones, and
a README with the commands. DIR must be empty or not there yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.experiments.words import parse


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """2 when DIR holds something already."""
    words = parse(arguments, (), (), ("DIR",))
    from sim.bench.starter import write_starter

    folder = Path(words.words[0])
    for path in write_starter(folder):
        print(f"  {path}")
    print(f"next: cd {folder} && victor-sim run --config-dir conf experiment=mine")
    return 0
