"""A ledger of finished parts of a long question, so that asking again goes on where it stopped: one JSON line a part.

`<store>/ledgers/<what>-<key>.jsonl`; the key is a digest of what is asked (settings, engines) and of the code, so that
an answer is never mixed from two versions. A line that was cut off by a kill, or is no part, is not read.
One process at a time has it open (`appender`); parts are at most as many as are asked for.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sim.bench.appender import appender
from sim.bench.identity import code_identity

FOLDER = "ledgers"


class Ledger:
    """Finished parts by name; `path` None keeps them in memory only.

    Raises `InputError` while another process has it.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.parts: dict[str, Any] = {}
        if path is not None:
            self._held = appender(path)
            self._read(path)

    def _read(self, path: Path) -> None:
        data = path.read_bytes()
        for line in data.split(b"\n"):
            try:
                name, value = json.loads(line)
            except (ValueError, TypeError, RecursionError):  # cut off, or no pair, or no text
                continue
            if isinstance(name, str):
                self.parts[name] = value
        if data and not data.endswith(b"\n"):
            with path.open("a", encoding="utf-8") as file:
                file.write("\n")

    def write(self, name: str, value: Any) -> None:
        """Keep a finished part; `value` is plain data."""
        self.parts[name] = value
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([name, value]) + "\n")


def ledger_of(store: Path, what: str, parts: tuple[str, ...] = (), **asked: Any) -> Ledger:
    """The ledger of a question in a store; `asked` is plain data, `parts` the code that its parts depend on (all)."""
    text = json.dumps({**asked, "code": code_identity(parts)}, sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Ledger(store / FOLDER / f"{what}-{key}.jsonl")
