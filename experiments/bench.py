"""victor-sim bench [requests=N] [seed=S] [rounds=R] [--out FILE]

Speed of the SimPy engine with manager, balancer, records and audits on the yardstick, as a ratio to idiomatic SimPy
bare, run in turn in this process. Prints the ratio and writes it to FILE (default results/bench/bench.csv).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.experiments.words import parse, settings

DEFAULTS = {"requests": 100_000, "seed": 1, "rounds": 5}
OUT = "results/bench/bench.csv"


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when the engine is slower than its baseline."""
    words = parse(arguments, (), ("--out",))
    asked = settings(words, DEFAULTS)
    from sim.bench.yardstick import write_rows, yardstick

    row, line = yardstick(asked["requests"], asked["seed"], asked["rounds"])
    print(line)
    write_rows([row], Path(words.values.get("--out", OUT)))
    return 0 if row.ratio >= 1.0 else 1
