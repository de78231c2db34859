"""Samples on disk: one line each, `checksum number json`, synced before `append` returns; at most `samples_max`.

The checksum is blake2b (16 hex digits) over the line's number and text, so that no line passes for another. A torn
tail, all a crash can leave, is cut off and counted; a bad line before a good one is damage and is refused
(`InputError`). Once the file holds twice `samples_max` lines it is written anew with the last of them, by rename.
Without a path all of it is kept in memory only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

from sim.errors import InputError, SimError
from sim.types.metrics import AgentMetrics

SAMPLES_MAX = 100_000
LINE_BYTES_MAX = 65_536
FIELDS = tuple(field.name for field in fields(AgentMetrics))


class MetricsStore:
    """Append-only; `cut_bytes` of a torn tail were lost when it was opened. Raises `InputError` for a corrupt file."""

    def __init__(self, path: Path | None = None, samples_max: int = SAMPLES_MAX) -> None:
        self.path, self.samples_max, self.cut_bytes = path, samples_max, 0
        self._samples: deque[AgentMetrics] = deque(maxlen=samples_max)
        self._lines, self._file = 0, -1
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                self._recover(path)
            except BaseException:
                self.close()
                raise

    def __len__(self) -> int:
        return len(self._samples)

    def samples(self) -> tuple[AgentMetrics, ...]:
        """All that are kept, oldest first."""
        return tuple(self._samples)

    def append(self, sample: AgentMetrics) -> None:
        """One more, on disk when this returns; raises OSError when the disk fails and ValueError for a huge one."""
        if self.path is not None:
            if self._file < 0:
                raise SimError("the metrics store is closed")
            if self._lines >= 2 * self.samples_max:
                self._rewrite(self.path)
            _write(self._file, [_line(self._lines, sample)])
            self._lines += 1
        self._samples.append(sample)

    def digest(self) -> str:
        """Digest of what is kept."""
        seen = hashlib.blake2b(digest_size=16)
        for sample in self._samples:
            seen.update(_text(sample).encode() + b"\n")
        return seen.hexdigest()

    def close(self) -> None:
        """Nothing can be appended any more."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _recover(self, path: Path) -> None:
        good_bytes, bad_row = 0, 0
        data = path.read_bytes()
        for row, line in enumerate(data.split(b"\n")[:-1], start=1):
            parsed = _parse(line)
            if parsed is None:
                bad_row = bad_row or row
                continue
            number, sample = parsed
            if bad_row or number != self._lines:
                raise InputError(str(path), bad_row or row, None, "a corrupt or missing sample before good ones")
            self._samples.append(sample)
            self._lines += 1
            good_bytes += len(line) + 1
        self.cut_bytes = len(data) - good_bytes
        if self.cut_bytes:
            os.ftruncate(self._file, good_bytes)
            os.fsync(self._file)

    def _rewrite(self, path: Path) -> None:
        fresh = path.with_name(path.name + ".new")
        file = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            _write(file, (_line(number, sample) for number, sample in enumerate(self._samples)))
            fresh.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except BaseException:
            os.close(file)
            raise
        os.close(self._file)
        self._file, self._lines = file, len(self._samples)


def _text(sample: AgentMetrics) -> str:
    plain = {name: getattr(sample, name) for name in FIELDS}
    for name in ("model_parameters", "context", "variances"):
        plain[name] = dict(plain[name])
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _line(number: int, sample: AgentMetrics) -> bytes:
    text = _text(sample)
    line = f"{_sum(number, text)} {number} {text}\n".encode()
    if len(line) > LINE_BYTES_MAX:
        raise ValueError(f"a sample of {len(line)} bytes: accepted is at most {LINE_BYTES_MAX}")
    return line


def _sum(number: int, text: str) -> str:
    return hashlib.blake2b(f"{number} {text}".encode(), digest_size=8).hexdigest()


def _parse(line: bytes) -> tuple[int, AgentMetrics] | None:
    try:
        checksum, number, text = line.decode().split(" ", 2)
        if checksum != _sum(int(number), text):
            return None
        plain: dict[str, Any] = json.loads(text)
        return int(number), AgentMetrics(**plain)
    except (ValueError, TypeError, RecursionError):
        return None


def _write(file: int, lines: Iterable[bytes]) -> None:
    for line in lines:
        data = line
        while data:
            data = data[os.write(file, data) :]
    os.fsync(file)
