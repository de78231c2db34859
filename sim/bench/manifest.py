"""What a result says of itself: resolved configs, seeds, versions, engine, validity, the command that makes it again.

Nothing here names a machine's folders: a path that is not below the working folder stands as its file's name, with the
digest of the file's content beside it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim.bench.identity import as_dict, file_digest, input_files
from sim.bench.plan import Asked, Plan
from sim.bench.schema import Config
from sim.measure.summary import StudySummary

PLACES = (  # no part of a design point
    "name", "command", "experiment", "paths", "launcher", "study", "baseline", "capacity", "server", "node",
)  # fmt: skip


def portable(config: Config) -> dict[str, Any]:
    """The config of a design point, without what names or places a study."""
    tree = as_dict(config)
    for name in PLACES:
        del tree[name]
    for group in ("arrivals", "service"):
        tree[group]["path"] = portable_path(tree[group]["path"])
    tree["extensions"] = [portable_path(path) for path in tree["extensions"]]
    return tree


def portable_path(path: str | None) -> str | None:
    """Relative to the working folder when below it, else the file's name alone."""
    if path is None or not Path(path).is_absolute():
        return path
    here = Path.cwd()
    return Path(path).relative_to(here).as_posix() if Path(path).is_relative_to(here) else Path(path).name


def command_line(asked: Asked) -> str:
    """The command that makes a study again; folders of this machine are not part of it."""
    words = ["--multirun"] if asked.multirun else []
    if asked.config_dir is not None:
        words += ["--config-dir", str(portable_path(str(asked.config_dir)))]
    return shlex.join(["victor-sim", "run", *words, *portable_words(asked.overrides)])


def portable_words(overrides: Sequence[str]) -> list[str]:
    """Overrides without folders of this machine: `paths.*` are left out, a file stands as its name."""
    kept = []
    for word in overrides:
        key, _, value = word.partition("=")
        if not Path(value).is_absolute():
            kept.append(word)
        elif not key.startswith("paths."):
            kept.append(f"{key}={portable_path(value)}")
    return kept


def manifest(plan: Plan, summary: StudySummary) -> dict[str, Any]:
    """What was run, by what, and whether its numbers may be used."""
    measured = {point.point: point for point in summary.points}
    points = []
    for point in plan.points:
        found = measured.get(point.label)
        points.append(
            {
                "point": point.label,
                "keys": point.keys,
                "key": point.key,
                "engine": found.engine if found else None,
                "validity": "not run" if found is None else "VALID" if found.valid else "INVALID",
                "problems": found.problems if found else [],
                "warmup_cut_s": found.cut_s if found else None,
                "seed": point.config.seed,
                "replications": point.config.stats.replications,
                "inputs": {key: file_digest(Path(path)) for key, path in input_files(point.config).items()},
                "config": portable(point.config),
            }
        )
    return {
        "name": plan.name,
        "question": summary.question,
        "command": summary.command,
        "overrides": portable_words(plan.asked.overrides),
        "multirun": plan.asked.multirun,
        "config_dir": portable_path(str(plan.asked.config_dir)) if plan.asked.config_dir else None,
        "validity": "VALID" if summary.valid else "INVALID",
        "seed": plan.base.seed,
        "objective": summary.objective,
        "compared_key": plan.compared_key,
        "baseline": plan.baseline,
        "verdicts": [verdict.text for verdict in summary.verdicts],
        "versions": summary.versions,
        "notes": summary.notes,
        "points": points,
    }
