"""victor-sim bench [requests=N] [seed=S] [rounds=R] [out=FILE]

Speed of the SimPy engine with manager, balancer, records and audits on the yardstick, as a ratio to idiomatic SimPy
bare, run in turn in this process. Prints the line and writes bench.csv when out= names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.experiments.words import asks_help, parse


def main(arguments: Sequence[str]) -> int:
    """1 when the engine is slower than the baseline."""
    if asks_help(arguments):
        print(__doc__)
        return 0
    from sim.bench.yardstick import write_rows, yardstick

    named = dict(text.split("=", 1) for text in parse(arguments).overrides)
    row, line = yardstick(int(named.get("requests", 100_000)), int(named.get("seed", 1)), int(named.get("rounds", 5)))
    print(line)
    if "out" in named:
        write_rows([row], Path(named["out"]))
    return 0 if row.ratio >= 1.0 else 1
