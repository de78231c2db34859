"""A `RunRecord` as two blobs and back, bit for bit: numeric columns in an npz, the rest in a JSON that digests it.

The npz is a plain zip with fixed dates: whole numbers deflated (they compress 5 to 50 times), floats stored (they do
not compress). Nothing is pickled in either direction. Times of the wall clock stand in the JSON only, so that the
columns of a replication are the same bytes wherever it ran.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import fields
from typing import Any

import numpy as np

from sim.types.records import (
    AgentSteps,
    AttemptTable,
    EpisodeTable,
    NodeTable,
    OutageTable,
    RunRecord,
    ScaleSteps,
    SeriesTable,
    StreamTable,
)

# A table that a run does not have (None) leaves no column behind
TABLES: dict[str, type[Any]] = {
    "attempts": AttemptTable, "nodes": NodeTable, "episodes": EpisodeTable, "outages": OutageTable,
    "series": SeriesTable, "agent_steps": AgentSteps, "scale_steps": ScaleSteps,
    "stream": StreamTable,
}  # fmt: skip
JOURNAL = "journal"  # neither a table nor a scalar: `store` keeps it as it is
SCALARS = tuple(field.name for field in fields(RunRecord) if field.name not in (*TABLES, JOURNAL))
EPOCH = (1980, 1, 1, 0, 0, 0)
Columns = dict[str, np.ndarray[Any, Any]]


def encode(record: RunRecord) -> tuple[bytes, bytes]:
    """The npz and the JSON of a record."""
    columns, texts = columns_of(record)
    data = npz_bytes(columns)
    facts: dict[str, Any] = {name: getattr(record, name) for name in SCALARS}
    facts |= {"texts": texts, "columns": digest_of(data)}
    return data, (json.dumps(facts, sort_keys=True, indent=1) + "\n").encode()


def decode(data: bytes, facts: dict[str, Any]) -> RunRecord:
    """The record that `encode` was given; raises ValueError when the columns are not those of `facts`."""
    if facts.get("columns") != digest_of(data):
        raise ValueError("the columns are not those that the JSON speaks of")
    parts: dict[str, dict[str, Any]] = {}
    with np.load(io.BytesIO(data), allow_pickle=False) as columns:
        named = {**{name: columns[name] for name in columns.files}, **facts["texts"]}
    for name, values in named.items():
        table, _, column = name.partition(".")
        parts.setdefault(table, {})[column] = values
    tables = {name: TABLES[name](**values) for name, values in parts.items()}
    return RunRecord(**tables, **{name: facts[name] for name in SCALARS})


def columns_of(record: RunRecord) -> tuple[Columns, dict[str, list[str]]]:
    """Numeric columns, and lists of texts, named `table.column`."""
    columns: Columns = {}
    texts: dict[str, list[str]] = {}
    for name in TABLES:
        table = getattr(record, name)
        for field in fields(table) if table is not None else ():
            value = getattr(table, field.name)
            if isinstance(value, np.ndarray):
                columns[f"{name}.{field.name}"] = value
            elif value is not None:
                texts[f"{name}.{field.name}"] = list(value)
    return columns, texts


def npz_bytes(columns: Columns) -> bytes:
    """An npz that `numpy.load` reads, the same bytes for the same columns."""
    stream = io.BytesIO()
    archive = zipfile.ZipFile(stream, "w")
    try:
        for name, values in columns.items():
            blob = io.BytesIO()
            np.lib.format.write_array(blob, np.ascontiguousarray(values), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", EPOCH)
            entry.compress_type = zipfile.ZIP_STORED if values.dtype.kind == "f" else zipfile.ZIP_DEFLATED
            archive.writestr(entry, blob.getvalue(), compresslevel=1)
        archive.close()
    except BaseException:
        archive.fp = None  # thrown away: closed within an entry it raises ValueError, which would hide a Ctrl-C
        raise
    return stream.getvalue()


def digest_of(data: bytes) -> str:
    """blake2b of the columns' file."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
