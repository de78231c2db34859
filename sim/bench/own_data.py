"""The user's own load in whatever it is written: access logs, Parquet and gzip become plain CSVs below `paths.state`.

Rooms read plain CSVs; this is where the config's path becomes one. What was left out is told by `inspect`, and in the
notes of every report over it. A copy is made once, and read again as long as the file's bytes are the same.
"""

from __future__ import annotations

import dataclasses
import shlex
from functools import cache
from pathlib import Path

from sim.bench.params import copy
from sim.bench.schema import Config
from sim.errors import ConfigError, InputError
from sim.world.params import ColumnParams
from sim.world.traces.facts import REJECTED_KEPT_MAX, TraceFacts
from sim.world.traces.inspect import AnyFacts, inspect_trace
from sim.world.traces.plain import CSV, LOG, Plain, plain_copy

FOLDER = "traces"  # below paths.state
LOG_UNITS = ("auto", "s")


def trace_path(config: Config) -> str | None:
    """The plain CSV of a trace, made where it is not there yet; any other path as it is. Raises as `plain_copy`."""
    return trace_copy(config).path if config.arrivals.kind == "trace" and config.arrivals.path else config.arrivals.path


def trace_copy(config: Config) -> Plain:
    """What the trace of a config was, and its plain CSV."""
    arrivals = config.arrivals
    assert arrivals.path is not None
    return read_as_csv(
        arrivals.path, Path(config.paths.state), copy(ColumnParams, arrivals.columns), arrivals.time_unit
    )


def read_as_csv(path: str, state: Path, columns: ColumnParams, time_unit: str = "auto") -> Plain:
    """Looks again only where the file has changed. Raises `ConfigError`, `InputError`."""
    file = Path(path)
    stamp = (file.stat().st_mtime_ns, file.stat().st_size) if file.is_file() else (0, 0)
    found = _copied(path, state, columns, stamp)
    if found.kind == LOG and time_unit not in LOG_UNITS:
        raise ConfigError("arrivals.time_unit", time_unit, "auto with an access log, whose instants have their format")
    return found


@cache
def _copied(path: str, state: Path, columns: ColumnParams, stamp: tuple[int, int]) -> Plain:
    return plain_copy(path, state / FOLDER, columns)


def inspect_file(path: str, state: Path, columns: ColumnParams, time_unit: str) -> AnyFacts:
    """As `inspect_trace`, of a file in any format that `run` accepts; raises as it."""
    found = read_as_csv(path, state, columns, time_unit)
    if found.path == path:
        return inspect_trace(path, columns, time_unit)
    try:
        facts = inspect_trace(found.path, columns, time_unit, shown=path)
    except InputError as error:
        raise InputError(path, error.row, error.column, error.problem) from None
    if not isinstance(facts, TraceFacts):
        raise InputError(path, None, None, "load in bins, or points of a distribution: unpack it first")
    return dataclasses.replace(
        facts, form=found.told, notes=tuple(found.notes), rejected_count=facts.rejected_count + found.rejected_count,
        rejected=(*found.rejected, *facts.rejected)[:REJECTED_KEPT_MAX],
    )  # fmt: skip


def left_out_note(config: Config) -> list[str]:
    """What a report says of a trace that is no plain CSV."""
    if config.arrivals.kind != "trace" or config.arrivals.path is None:
        return []
    found, name = trace_copy(config), Path(config.arrivals.path).name
    if found.kind == CSV:
        return []
    notes = [f"{name} ({found.told}): {note}" for note in found.notes]
    if found.rejected_count:
        first = found.rejected[0]
        total = found.rows + found.rejected_count
        told = f"{found.rejected_count:,} of {total:,} lines are left out, the first is {first.line} ({first.reason})"
        notes.append(f"{name} ({found.told}): {told}; all with victor-sim inspect {shlex.quote(config.arrivals.path)}")
    return notes
