"""What killed writers leave in a store and beside results, told from what is being written right now.

A temporary file, or a pair with one half missing, is a leftover unless somebody is at it: a cell that is claimed, or a
writer that still runs on this machine.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from sim.bench.claims import is_held
from sim.bench.durable import PART
from sim.bench.store import cell_name, whole

TEMPORARY = re.compile(rf".*\.(\d+)(\{PART}|\.tmp)")
CELL = re.compile(r"rep-(\d+)\..*")


@dataclass(frozen=True, slots=True)
class Health:
    """What `doctor` says of a store: whole replications, their bytes, and what is neither."""

    replications: int
    size_bytes: int
    leftovers: list[Path]  # temporary files of writers that were killed
    broken: list[Path]  # one file of a pair missing, or columns that differ from what the JSON says


def health(root: Path, results: Path | None = None) -> Health:
    """Look at every file of a store, and of the results beside it; what is not there is healthy."""
    replications, size_bytes, broken = 0, 0, []
    for path in sorted(root.glob("*/*/rep-*.json")):
        found = whole(path)
        if found is None:
            broken.append(path)
        else:
            replications, size_bytes = replications + 1, size_bytes + len(found[0])
    broken += [path for path in sorted(root.glob("*/*/rep-*.npz")) if not path.with_suffix(".json").is_file()]
    parts = [*sorted(root.glob(f"**/*{PART}")), *(_temporary(results) if results else [])]
    left = [path for path in parts if not _in_use(root, path)]
    return Health(replications, size_bytes, left, [path for path in broken if not _in_use(root, path)])


def clean(found: Health) -> int:
    """Remove leftovers and broken replications (both files); gives how many files went."""
    partners = {path.with_suffix(ending) for path in found.broken for ending in (".json", ".npz")}
    doomed = [path for path in (*found.leftovers, *sorted(partners)) if path.exists()]
    for path in doomed:
        path.unlink(missing_ok=True)
    return len(doomed)


def _temporary(results: Path) -> list[Path]:
    return sorted(path for path in results.rglob("*") if TEMPORARY.fullmatch(path.name))


def _in_use(root: Path, path: Path) -> bool:
    cell = CELL.fullmatch(path.name)
    if cell is not None and path.is_relative_to(root):
        return is_held(root, cell_name(path.parent.name, int(cell[1])))
    writer = TEMPORARY.fullmatch(path.name)
    return writer is not None and _runs(int(writer[1]))


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return process != os.getpid()
