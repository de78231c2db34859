"""victor-sim optimize [surface=NAME,...] [methods=NAME,...] [seeds=FIRST..LAST] [windows=N] [tasks=N] [workers=N]

The optimizer against random search, the source's naive recipe and Optuna TPE (an extra) on surfaces whose truth is
known, all on the same draws; claims held against truth. Leaves claims.csv, scores.csv, figures and a page in
paths.results=DIR (default results) under name=NAME (default optimize). Again goes on where it stopped: finished trials
stand in the store (paths.store=DIR) under the code's identity. Defaults: all surfaces, all methods, seeds=1..30,
windows=100 of tasks=200. Exit code 0 whatever the goals say: they are a table, not a gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.experiments.words import parse

TEXTS = {"surface": "all", "methods": "victor,random,naive,tpe", "seeds": "1..30", "name": "optimize"}
NUMBERS = {"windows": "100", "tasks": "200", "workers": "0"}
PLACES = ("paths.", "workers=")  # change nothing in the answer


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """Runs, scores, writes; prints the goals."""
    words = parse(arguments)
    from sim.bench.compose import compose
    from sim.bench.optimize.command import asked_of
    from sim.errors import ConfigError

    paths = compose([]).paths
    values = {**TEXTS, **NUMBERS, "paths.results": paths.results, "paths.store": paths.store}
    for text in words.overrides:
        key, _, value = text.partition("=")
        if key not in values:
            raise ConfigError(key, value, "one of " + ", ".join(f"{name}=" for name in values))
        values[key] = value
    asked, workers = asked_of(values)
    from sim.bench.optimize.command import run_command
    from sim.report.optimizer import write_optimizer

    found = run_command(asked, workers, Path(values["paths.store"]))
    said = [text for text in arguments if not text.startswith(PLACES)]
    command = " ".join(["victor-sim optimize", *said])
    folder = Path(values["paths.results"]) / values["name"]
    write_optimizer(folder, found, command)
    print(found.as_text())
    print(f"report: {folder / 'README.md'}")
    return 0
