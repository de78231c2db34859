"""The result store: a folder a design point, a pair of files a replication, whole or not there.

`<root>/ab/<key>/config.yaml`, `rep-0000.npz` (the numeric columns), `rep-0000.calls.jsonl` where plugins are journaled,
and then the record `rep-0000.json` (scalars, and the digest of the columns), each whole or not there
(`sim.bench.durable`). A replication counts when its record is there and the digest holds; anything else is done again.
Whoever runs one claims it first (`sim.bench.claims`), so that no two do. Content depends on config and code alone: two
results that disagree are a bug, and told as one.
"""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sim.bench.claims import claim
from sim.bench.durable import write_whole
from sim.bench.record_files import decode, digest_of, encode
from sim.errors import ConfigError, InvalidRun
from sim.types.records import RunRecord

CALLS = "calls.jsonl"  # the journal of a run's plugins


class Store:
    """Replications of design points below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, key: str) -> Path:
        """Where a design point's files are."""
        return self.root / key[:2] / key

    def check_writable(self) -> None:
        """Raises `ConfigError` when nothing can be written, or claimed."""
        check_folder("paths.store", self.root)
        with self.claim("", 0):
            pass

    def claim(self, key: str, replication: int, *, waiting: bool = False) -> AbstractContextManager[bool]:
        """Inside, whether this process alone may run the replication; `waiting` for who does until it may."""
        return claim(self.root, cell_name(key, replication), waiting=waiting)

    def has_config(self, key: str) -> bool:
        """Whether the design point's config stands beside its replications."""
        return (self.folder(key) / "config.yaml").exists()

    def write_config(self, key: str, text: str) -> None:
        """Beside the replications, for people."""
        path = self.folder(key) / "config.yaml"
        if not path.exists():
            write_whole(path, text.encode())

    def save(self, key: str, replication: int, record: RunRecord) -> None:
        """Columns first, then the JSON that makes them count.

        Raises `InvalidRun` when the replication is there already with other columns: the run is not deterministic.
        """
        data, text = encode(record)
        there = self.facts(key, replication)
        if there is not None and there["columns"] != digest_of(data):
            told = f"it gave other columns before ({there['columns']}, now {digest_of(data)}): a bug of determinism"
            raise InvalidRun(f"{key[:10]} replication {replication}", told)
        write_whole(self._file(key, replication, "npz"), data)
        if record.journal:
            write_whole(self._file(key, replication, CALLS), record.journal)
        write_whole(self._file(key, replication, "json"), text)
        self.failure_file(key, replication).unlink(missing_ok=True)

    def load(self, key: str, replication: int) -> RunRecord:
        """Raises FileNotFoundError when it is not there or not whole."""
        found = self._read(key, replication)
        if found is None:
            raise FileNotFoundError(f"replication {replication} of {key} is not stored, or not whole")
        data, facts = found
        return decode(data, facts)

    def journal(self, key: str, replication: int) -> bytes:
        """The calls of plugins in that replication; raises FileNotFoundError when they were not kept."""
        return self._file(key, replication, CALLS).read_bytes()

    def has(self, key: str, replication: int) -> bool:
        """True when the replication is there and whole."""
        return self._read(key, replication) is not None

    def has_all(self, key: str, replications: int) -> bool:
        """True when replications 0 to `replications` - 1 are all there and whole."""
        return all(self.has(key, number) for number in range(replications))

    def facts(self, key: str, replication: int) -> dict[str, Any] | None:
        """Scalars of a whole replication: `wall_s`, `digest`, `events_count`, ...; None when it is not there."""
        found = self._read(key, replication)
        return None if found is None else found[1]

    def write_failure(self, key: str, replication: int, text: str) -> Path:
        """Keep what a failed replication said; a later success removes it."""
        path = self.failure_file(key, replication)
        write_whole(path, text.encode())
        return path

    def failure_file(self, key: str, replication: int) -> Path:
        """Where a failed replication's traceback stands."""
        return self._file(key, replication, "failed.txt")

    def _file(self, key: str, replication: int, ending: str) -> Path:
        return self.folder(key) / f"rep-{replication:04d}.{ending}"

    def _read(self, key: str, replication: int) -> tuple[bytes, dict[str, Any]] | None:
        return whole(self._file(key, replication, "json"))


def whole(path: Path) -> tuple[bytes, dict[str, Any]] | None:
    """The columns and facts of a replication by its JSON's path; None unless both are there and agree."""
    try:
        facts = json.loads(path.read_bytes())
        data = path.with_suffix(".npz").read_bytes()
    except (OSError, ValueError):
        return None
    agree = isinstance(facts, dict) and facts.get("columns") == digest_of(data)
    return (data, facts) if agree else None


def cell_name(key: str, replication: int) -> str:
    """What a claim of a replication is for."""
    return f"{key}/{replication}"


def check_folder(key: str, path: Path) -> None:
    """Raises `ConfigError` naming the key when `path` cannot be made or written into."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        writable = os.access(path, os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if not writable:
        raise ConfigError(key, path, "a folder that can be made and written into")
