"""victor-sim replay run NAME POINT REPLICATION [--from-journal] [--config-dir DIR] [hydra overrides]

Runs one stored replication of a study again and compares it bit for bit; names the first difference if there is one.
NAME is a folder below results/ (its manifest holds the command that made it), POINT a label as in points.csv.
--from-journal: the code of its plugins does not run, their calls are answered from its journal (plugins.journal=true).
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.errors import ConfigError
from sim.experiments.words import CONFIG_DIR, parse


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when the two differ."""
    if arguments[:1] != ["run"]:
        raise ConfigError("replay", " ".join(arguments[:1]), "run NAME POINT REPLICATION")
    label = arguments[2:3]  # a label holds `=`: it is no override
    words = parse([*arguments[:2], *arguments[3:]], ("--from-journal",), (CONFIG_DIR,), ("run", "NAME", "REPLICATION"))
    _, name, replication = words.words
    if not replication.isdecimal():
        raise ConfigError("REPLICATION", replication, "a whole number, at least 0")
    from sim.bench.replay import plan_of, replay_run, results_folder

    plan = plan_of(results_folder(name, words.overrides), words.overrides, words.config_dir)
    text, same = replay_run(plan, label[0], int(replication), "--from-journal" in words.flags)
    print(text)
    return 0 if same else 1
