"""victor-sim replay run NAME POINT REPLICATION

Runs one stored replication of a study again and compares it bit for bit; names the first difference if there is one.
NAME is a folder below results/ (its manifest says which configs were run), POINT a label as in points.csv.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sim.experiments.words import asks_help, parse


def main(arguments: Sequence[str]) -> int:
    """1 when the two differ."""
    if asks_help(arguments):
        print(__doc__)
        return 0
    if len(arguments) < 4 or arguments[0] != "run" or not arguments[3].isdecimal():
        print("victor-sim: replay takes: run NAME POINT REPLICATION", file=sys.stderr)
        return 2
    from sim.bench.replay import replay_run

    text, same = replay_run(arguments[1], arguments[2], int(arguments[3]), parse(arguments[4:]).overrides)
    print(text)
    return 0 if same else 1
