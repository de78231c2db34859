"""victor-sim doctor [--clean] [hydra overrides]

The environment, optional parts present or missing, and the health of the store. --clean removes temporary files of
killed writers and replications that are not whole (they run again when asked for).
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.experiments.words import CONFIG_DIR, parse


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when the store needs cleaning."""
    words = parse(arguments, ("--clean",), (CONFIG_DIR,))
    from sim.bench.compose import compose
    from sim.bench.doctor import doctor

    text, sound = doctor(compose(words.overrides, words.config_dir), cleaning="--clean" in words.flags)
    print(text)
    return 0 if sound else 1
