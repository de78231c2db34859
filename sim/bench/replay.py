"""One stored replication again, bit for bit: the plan from the study's own command, the first run from the store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim.bench import assemble
from sim.bench.compose import compose_unchecked, parse
from sim.bench.extensions import load_extensions
from sim.bench.plan import Plan, Point, make_plan
from sim.bench.record_files import columns_of
from sim.bench.store import Store
from sim.bench.study import store_of
from sim.errors import ConfigError, InputError
from sim.types.records import RunRecord

SHOWN_MAX = 8  # results that are named
JOURNALED = "victor-sim run ... plugins.journal=true name=OTHER, then replay that"


def results_folder(name: str, overrides: Sequence[str]) -> Path:
    """The folder of results of this name, below the `paths.results` that the overrides say."""
    places = [one for one in parse(overrides) if one.key.startswith("paths.")]
    return Path(compose_unchecked(places).paths.results) / name


def _there(folder: Path) -> str:
    """Which results there are."""
    names = sorted(path.parent.name for path in folder.parent.glob("*/manifest.json"))
    if not names:
        return "victor-sim run experiment=NAME makes results"
    more = f" and {len(names) - SHOWN_MAX} more" if len(names) > SHOWN_MAX else ""
    return f"there are {', '.join(names[:SHOWN_MAX])}{more}"


def plan_of(folder: Path, overrides: Sequence[str], config_dir: Path | None = None) -> Plan:
    """The plan that made the results in `folder`, from its manifest; `overrides` come on top.

    Raises `InputError` for a folder without a manifest.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        words, multirun = list(map(str, manifest["overrides"])), bool(manifest["multirun"])
        own = Path(manifest["config_dir"]) if manifest["config_dir"] else None
    except FileNotFoundError:
        raise InputError(
            str(path), None, None, "no such file; accepted is the name of a folder of results", _there(folder)
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(str(path), None, None, "no manifest as `victor-sim run` writes it") from None
    return make_plan([*words, *overrides], config_dir or own, multirun)


def replay_run(plan: Plan, label: str, replication: int, from_journal: bool = False) -> tuple[str, bool]:
    """What was found, and whether both runs are equal; raises `ConfigError` for a point or replication not there.

    `from_journal`: the plugins' code does not run, their calls are answered as the stored run noted them.
    """
    point, store, stored = stored_run(plan, label, replication)
    load_extensions(point.config.extensions)
    played = [_journal(store, point, replication)] if from_journal else []
    again = assemble.run_replication(point.config, replication, *played)
    difference = first_difference(stored, again)
    if difference is None:
        return f"equal: {_size(again)}, digest {again.digest}", True
    return f"different: {difference}", False


def stored_run(plan: Plan, label: str, replication: int) -> tuple[Point, Store, RunRecord]:
    """A point, the store, and a replication of it there; raises `ConfigError` for a point or replication not there."""
    points = {point.label: point for point in plan.points}
    if label not in points:
        raise ConfigError(
            "POINT", label, "one of " + ", ".join(points), "the column `point` of results/NAME/points.csv has them"
        )
    point, store = points[label], store_of(plan)
    try:
        return point, store, store.load(point.key, replication)
    except FileNotFoundError:
        known = [str(n) for n in range(point.config.stats.replications) if store.has(point.key, n)]
        accepted = f"a stored replication of {label}: {', '.join(known) or 'none is (the code or a file changed?)'}"
        raise ConfigError("REPLICATION", replication, accepted, "victor-sim run again runs what is missing") from None


def _journal(store: Store, point: Point, replication: int) -> Any:
    from sim.integration.plugins.journal import Journal

    try:
        return Journal.of_lines(store.journal(point.key, replication), f"the journal of replication {replication}")
    except FileNotFoundError:
        kept = point.config.plugins.journal
        raise ConfigError(
            "plugins.journal", kept, "true in the run that is replayed from its journal", JOURNALED
        ) from None


def _size(record: RunRecord) -> str:
    if record.stream is not None:
        return f"{record.arrivals_count:,} requests, counted"
    return f"{len(record.attempts):,} attempts"


def first_difference(stored: RunRecord, again: RunRecord) -> str | None:
    """Column, row and values of the first bit that differs, None when all are equal."""
    (ours, our_texts), (theirs, their_texts) = columns_of(stored), columns_of(again)
    if list(ours) != list(theirs):
        return f"columns {', '.join(ours)} stored, {', '.join(theirs)} now"
    for name, column in ours.items():
        difference = _first_row(name, column, theirs[name])
        if difference is not None:
            return difference
    if our_texts != their_texts:
        return f"{our_texts} stored, {their_texts} now"
    scalars = ("horizon_s", "ended_at", "arrivals_count", "central_area_s", "events_count", "counts", "engine")
    for name in (*scalars, "digest"):
        if getattr(stored, name) != getattr(again, name):
            return f"{name} {getattr(stored, name)} stored, {getattr(again, name)} now"
    return None


def _first_row(name: str, stored: np.ndarray[Any, Any], again: np.ndarray[Any, Any]) -> str | None:
    if stored.dtype != again.dtype:
        return f"{name} is {stored.dtype} stored and {again.dtype} now"
    if len(stored) != len(again):
        return f"{name} has {len(stored)} rows stored and {len(again)} now"
    rows = np.flatnonzero(_bits(stored) != _bits(again))
    if not len(rows):
        return None
    return f"{name}, row {rows[0]}: {stored[rows[0]]!r} stored, {again[rows[0]]!r} now"


def _bits(column: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As whole numbers of the same size, so that NaN equals NaN and 0.0 differs from -0.0."""
    return np.ascontiguousarray(column).view(f"u{column.dtype.itemsize}")
