"""victor-sim replay run NAME POINT REPLICATION [--from-journal] [--config-dir DIR] [hydra overrides]
victor-sim replay page NAME POINT REPLICATION [--out FILE] [--config-dir DIR] [hydra overrides]
victor-sim replay storm SEED [size=small|large] [--no-shrink]

Runs one stored replication of a study again and compares it bit for bit; names the first difference if there is one.
NAME is a folder below results/ (its manifest holds the command that made it), POINT a label as in points.csv.
--from-journal: in the run the code of its plugins does not run, their calls are answered from its journal
(plugins.journal=true), and so are the strategies, signals and laws that they bring (whose names are checked before it).
`page` writes that run as one HTML file to play in a browser (results/NAME/replay-POINT-rREPLICATION.html unless FILE
is given): nodes, load, latency, scaling, faults, plugins and optimizer decisions under a time slider.
`storm` runs the schedule of a seed twice and compares; where an invariant breaks the schedule is made small, and an
incident report with its timeline stands in results/storm-SEED.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.errors import ConfigError
from sim.experiments.words import CONFIG_DIR, parse

STEP = "victor-sim replay --help shows what each is for; results/NAME/points.csv names the points"


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when the two differ, or an invariant breaks."""
    if arguments[:1] == ["storm"]:
        return _storm(arguments[1:])
    verb = arguments[0] if arguments else ""
    if verb not in ("run", "page"):
        raise ConfigError("replay", verb, "run or page NAME POINT REPLICATION, or storm SEED", STEP)
    label = arguments[2:3]  # a label holds `=`: it is no override
    flags, values = (("--from-journal",), (CONFIG_DIR,)) if verb == "run" else ((), (CONFIG_DIR, "--out"))
    words = parse([*arguments[:2], *arguments[3:]], flags, values, (verb, "NAME", "REPLICATION"))
    _, name, replication = words.words
    if not replication.isdecimal():
        raise ConfigError("REPLICATION", replication, "a whole number, at least 0")
    from sim.bench.replay import plan_of, replay_run, results_folder

    folder = results_folder(name, words.overrides)
    plan = plan_of(folder, words.overrides, words.config_dir)
    if verb == "page":
        from sim.bench.replay_page import write_replay_page

        out = words.values.get("--out")
        text, same = write_replay_page(plan, folder, label[0], int(replication), None if out is None else Path(out))
    else:
        text, same = replay_run(plan, label[0], int(replication), "--from-journal" in words.flags)
    print(text)
    return 0 if same else 1


def _storm(arguments: Sequence[str]) -> int:
    words = parse(arguments, ("--no-shrink",), (), ("SEED",))
    sizes = [text.removeprefix("size=") for text in words.overrides]
    from sim.bench.compose import compose
    from sim.bench.storm.again import replay_storm
    from sim.bench.storm.scenario import SIZES

    if not words.words[0].isdecimal():
        raise ConfigError("SEED", words.words[0], "a whole number, at least 0")
    if len(sizes) > 1 or any(size not in SIZES for size in sizes):
        raise ConfigError("size", " ".join(words.overrides), "one of " + ", ".join(SIZES))
    seed = int(words.words[0])
    text, report, is_well = replay_storm(seed, sizes[0] if sizes else None, "--no-shrink" not in words.flags)
    print(text)
    if report:
        path = Path(compose([]).paths.results) / f"storm-{seed}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(report, encoding="utf-8")
        print(f"incident report: {path}")
    return 0 if is_well else 1
