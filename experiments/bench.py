"""victor-sim bench [requests=N] [seed=S] [rounds=R] [--out FILE]

Speed of the SimPy engine on the yardstick: with manager, balancer, records and audits as a ratio to idiomatic SimPy
bare, and with health, failover, retries, hedges, breakers, admission and scaling on as a ratio to itself without. Each
pair runs in turn in this process. Prints the ratios and writes them to FILE (default results/bench/bench.csv).
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
    """1 when a ratio is below what is claimed: 1 for the engine, .7 for everything on."""
    words = parse(arguments, (), ("--out",))
    asked = settings(words, DEFAULTS)
    from sim.bench.yardstick import armored, write_rows, yardstick

    rows, slow = [], False
    for measure, claimed in ((yardstick, 1.0), (armored, 0.7)):
        row, line = measure(asked["requests"], asked["seed"], asked["rounds"])
        print(line)
        rows.append(row)
        slow = slow or row.ratio < claimed
    write_rows(rows, Path(words.values.get("--out", OUT)))
    return int(slow)
