"""What a report says of the files that a run read: source and licence, burstiness kept, what the interval covers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sim.bench.own_data import left_out_note, trace_path
from sim.bench.schema import Config
from sim.measure.summary import Floats
from sim.types.records import RunRecord
from sim.world.params import ColumnParams
from sim.world.traces.reader import TraceReader
from sim.world.traces.sources import SOURCES

SIMULATED_CHANCE = (
    "arrivals.resample=none: every replication meets the trace as it was, so that the intervals cover simulated chance "
    "only (sizes and strategies that are drawn), not another hour of the service"
)


def file_notes(label: str, config: Config, record: RunRecord) -> list[str]:
    """Notes on the files of a point; `record` is its first replication."""
    notes = left_out_note(config)
    for path in (config.arrivals.path, config.service.path):
        source = SOURCES.get(Path(path).name) if path is not None else None
        if path is not None and source is not None:
            notes.append(f"{Path(path).name}: {source.title}, licence {source.licence}, {source.size}")
    if config.arrivals.kind == "trace" and config.arrivals.path is not None:
        recorded = interarrival_cv(trace_instants(config))
        fresh = record.attempts.attempt == 0
        simulated = interarrival_cv(record.attempts.arrived_at[fresh])
        notes.append(
            f"inter-arrival CV {simulated:.1f} as simulated ({label}, replication 0), {recorded:.1f} in the trace"
        )
        if config.arrivals.resample == "none":
            notes.append(SIMULATED_CHANCE)
    return notes


def trace_instants(config: Config) -> Floats:
    """Seconds of the trace's rows since its first, shape (rows,)."""
    arrivals, path = config.arrivals, trace_path(config)
    assert path is not None
    columns = ColumnParams(time=arrivals.columns.time)
    return np.array([row.at for row in TraceReader(path, columns, arrivals.time_unit).rows()])


def recorded_count(config: Config) -> int | None:
    """Requests of the trace that the replications meet or resample; None without a trace."""
    return len(trace_instants(config)) if config.arrivals.kind == "trace" else None


def interarrival_cv(instants: Floats) -> float:
    """Standard deviation over mean of the gaps between instants (sorted here); NaN below two gaps."""
    gaps = np.diff(np.sort(instants))
    return float(np.std(gaps) / np.mean(gaps)) if len(gaps) > 1 else float("nan")
