"""victor-sim doctor [--clean] [overrides]

The environment, what is there and what is not, and the health of the store. --clean removes leftovers of killed
writers and replications whose columns do not match (they run again when asked for).
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.experiments.words import asks_help, parse


def main(arguments: Sequence[str]) -> int:
    """1 when the store needs cleaning."""
    if asks_help(arguments):
        print(__doc__)
        return 0
    from sim.bench.doctor import doctor

    words = parse(arguments, flags=("--clean",))
    text, healthy = doctor(words.overrides, clean="--clean" in words.flags)
    print(text)
    return 0 if healthy else 1
