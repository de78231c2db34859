"""The result store: a folder a design point, a pair of files a replication, whole or not there.

`<root>/ab/<key>/config.yaml`, `rep-0000.npz` (the numeric columns) and `rep-0000.json` (scalars, and the digest of the
columns), `rep-0000.calls.jsonl` where plugins are journaled; each is written to a temporary name, synced and renamed:
atomic on POSIX, without locks, safe for many writers.
A replication counts when its JSON is there and the digest holds; anything else is done again. Content depends on
config and code alone, so that two writers of the same replication must agree.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.bench.record_files import decode, digest_of, encode
from sim.errors import ConfigError, InvalidRun
from sim.types.records import RunRecord

CALLS = "calls.jsonl"  # the journal of a run's plugins
PART = ".part"  # the end of a temporary name


class Store:
    """Replications of design points below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, key: str) -> Path:
        """Where a design point's files are."""
        return self.root / key[:2] / key

    def check_writable(self) -> None:
        """Raises `ConfigError` when nothing can be written."""
        check_folder("paths.store", self.root)

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
            raise InvalidRun(f"{key[:10]} replication {replication}", "it gave other columns before: not deterministic")
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


@dataclass(frozen=True, slots=True)
class Health:
    """What `doctor` says of a store: whole replications, their bytes, and what is neither."""

    replications: int
    size_bytes: int
    leftovers: list[Path]  # temporary files of writers that were killed
    broken: list[Path]  # one file of a pair missing, or columns that differ from what the JSON says


def health(root: Path) -> Health:
    """Look at every file of a store; also one that is not there is healthy."""
    replications, size_bytes, broken = 0, 0, []
    for path in sorted(root.glob("*/*/rep-*.json")):
        found = whole(path)
        if found is None:
            broken.append(path)
        else:
            replications, size_bytes = replications + 1, size_bytes + len(found[0])
    broken += [path for path in sorted(root.glob("*/*/rep-*.npz")) if not path.with_suffix(".json").is_file()]
    return Health(replications, size_bytes, sorted(root.glob(f"*/*/*{PART}")), broken)


def clean(found: Health) -> int:
    """Remove leftovers and broken replications (both files); gives how many files went."""
    partners = {path.with_suffix(ending) for path in found.broken for ending in (".json", ".npz")}
    doomed = [path for path in (*found.leftovers, *sorted(partners)) if path.exists()]
    for path in doomed:
        path.unlink()
    return len(doomed)


def whole(path: Path) -> tuple[bytes, dict[str, Any]] | None:
    """The columns and facts of a replication by its JSON's path; None unless both are there and agree."""
    try:
        facts = json.loads(path.read_bytes())
        data = path.with_suffix(".npz").read_bytes()
    except (OSError, ValueError):
        return None
    agree = isinstance(facts, dict) and facts.get("columns") == digest_of(data)
    return (data, facts) if agree else None


def write_whole(path: Path, data: bytes) -> None:
    """Write under a temporary name, sync, rename: a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)  # after an interrupt; one that is killed leaves it for `doctor`


def check_folder(key: str, path: Path) -> None:
    """Raises `ConfigError` naming the key when `path` cannot be made or written into."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        writable = os.access(path, os.W_OK | os.X_OK)
    except OSError:
        writable = False
    if not writable:
        raise ConfigError(key, path, "a folder that can be made and written into")
