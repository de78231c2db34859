"""One replication again, bit for bit: the config from a study's manifest, the first run from the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sim.bench.assemble import run_replication
from sim.bench.compose import compose, mapping_overrides
from sim.bench.extensions import load_extensions
from sim.bench.store import Store, columns_of
from sim.errors import ConfigError, InputError
from sim.types.records import RunRecord


def replay_run(name: str, point: str, replication: int, overrides: Sequence[str]) -> tuple[str, bool]:
    """What was found, and whether the two runs are equal; raises `InputError` for what is not stored."""
    base = compose(overrides)
    manifest = Path(base.paths.results) / name / "manifest.json"
    if not manifest.is_file():
        raise InputError(str(manifest), None, None, "no such file; accepted is the name of a folder below results")
    points = {entry["point"]: entry for entry in json.loads(manifest.read_text())["points"]}
    if point not in points:
        raise ConfigError("point", point, "one of " + ", ".join(points))
    entry = points[point]
    config = compose([*mapping_overrides(entry["config"]), *overrides])
    load_extensions(config.extensions)
    store = Store(Path(base.paths.store))
    if not store.has(entry["key"], replication):
        raise InputError(str(store.folder(entry["key"])), None, None, f"replication {replication} is not stored")
    stored, again = store.load(entry["key"], replication), run_replication(config, replication)
    difference = first_difference(stored, again)
    if difference is None:
        return f"equal: {len(again.attempts)} attempts, digest {again.digest}", True
    return f"different: {difference}", False


def first_difference(one: RunRecord, other: RunRecord) -> str | None:
    """Column and row of the first value that differs, None when all are equal."""
    ours, theirs = columns_of(one), columns_of(other)
    for name, column in ours.items():
        values = theirs[name]
        if len(column) != len(values):
            return f"{name} has {len(column)} rows stored and {len(values)} now"
        unequal = np.flatnonzero(column.view(np.uint8).reshape(len(column), -1).__ne__(
            values.view(np.uint8).reshape(len(values), -1)).any(axis=1)) if len(column) else []  # fmt: skip
        if len(unequal):
            row = int(unequal[0])
            return f"{name}, row {row}: {column[row]!r} stored, {values[row]!r} now"
    return None if one.digest == other.digest else f"event log digest {one.digest} stored, {other.digest} now"


