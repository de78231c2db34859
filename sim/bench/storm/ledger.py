"""The cumulative ledger of storms: one JSON line a finished chunk of seeds, each with its checksum.

`checksum json`: blake2b of the text, 16 hex digits. A kill can only harm the tail: a last line that is cut or does not
match is cut off and counted; one before a good line is damage that no kill explains, and is refused (`InputError`).
Chunks are known by (code, first seed, count), so that a storm asked again runs what is missing, and counts of an older
code stay told as such. One process at a time has it open (`sim.bench.appender`), workers never do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.bench.appender import appender
from sim.errors import InputError


@dataclass(slots=True)
class Chunk:
    """What came of `count` seeds from `first` on; `violations` are (seed, text), `cells` fault x invariant."""

    first: int
    count: int
    code: str
    digest: str = ""
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    requests_count: int = 0
    large_count: int = 0
    reruns_count: int = 0
    violations: list[tuple[int, str]] = field(default_factory=list)
    judged: Counter[str] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)
    cells: Counter[str] = field(default_factory=Counter)

    @property
    def key(self) -> tuple[str, int, int]:
        """What it is known by."""
        return self.code, self.first, self.count

    def as_text(self) -> str:
        """One line of JSON."""
        told = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return json.dumps(told, sort_keys=True, separators=(",", ":"))


def chunk_of(text: str) -> Chunk:
    """A chunk from its line; raises ValueError, KeyError or TypeError for what is none."""
    told: dict[str, Any] = json.loads(text)
    told["violations"] = [(int(seed), str(what)) for seed, what in told["violations"]]
    for name in ("judged", "probes", "cells"):
        told[name] = Counter(told[name])
    return Chunk(**told)


class StormLedger:
    """Finished chunks by key, in the order they were written; `path` None keeps them in memory.

    Raises `InputError` for damage, and while another process has it.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.chunks: dict[tuple[str, int, int], Chunk] = {}
        self.cut_lines = 0
        if path is not None:
            self._held = appender(path)
            self._read(path)

    def _read(self, path: Path) -> None:
        lines = path.read_bytes().split(b"\n")
        good_bytes, bad_at = 0, None
        for row, line in enumerate(lines[:-1]):
            chunk = _parsed(line)
            if chunk is None:
                bad_at = row if bad_at is None else bad_at
                continue
            if bad_at is not None:
                raise InputError(str(path), bad_at + 1, None, "a corrupt line in the middle of the ledger")
            self.chunks[chunk.key] = chunk
            good_bytes += len(line) + 1
        if good_bytes < path.stat().st_size:
            self.cut_lines = len(lines) - len(self.chunks) - (not lines[-1])
            os.truncate(path, good_bytes)

    def write(self, chunk: Chunk) -> None:
        """Keep a finished chunk: it is on the disk once this returns."""
        self.chunks[chunk.key] = chunk
        if self.path is None:
            return
        with self.path.open("ab") as file:
            file.write(line_of(chunk))
            file.flush()
            os.fsync(file.fileno())

    def has(self, code: str, first: int, count: int) -> bool:
        """Whether these seeds were run with this code."""
        return (code, first, count) in self.chunks


def line_of(chunk: Chunk) -> bytes:
    """`checksum json` and an end of line."""
    body = chunk.as_text().encode()
    return hashlib.blake2b(body, digest_size=8).hexdigest().encode() + b" " + body + b"\n"


def _parsed(line: bytes) -> Chunk | None:
    checksum, _, body = line.partition(b" ")
    if hashlib.blake2b(body, digest_size=8).hexdigest().encode() != checksum:
        return None
    return chunk_of(body.decode())
