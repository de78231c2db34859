"""Is everything there: versions, cores, optional parts present or missing; does the store hold only whole things."""

from __future__ import annotations

import os
import shutil
from importlib import util
from pathlib import Path

from sim.bench.identity import versions
from sim.bench.leftovers import clean, health
from sim.bench.schema import Config

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONAL = {  # module -> what it is for
    "pytest": "the tests (extra dev)",
    "hypothesis": "the tests (extra dev)",
    "importlinter": "the tests (extra dev)",
    "pyarrow": "traces in Parquet (extra parquet)",
}
MEGABYTE = 1e6


def doctor(config: Config, *, cleaning: bool) -> tuple[str, bool]:
    """A text of findings, and whether the store is sound (afterwards, when `cleaning`)."""
    lines = [f"{name:12} {version}" for name, version in versions().items()]
    lines.append(f"{'cores':12} {os.cpu_count()}")
    for module, purpose in OPTIONAL.items():
        there = "present" if util.find_spec(module) else f"missing: for {purpose}"
        lines.append(f"{module:12} {there}")
    browser = next((name for name in BROWSERS if shutil.which(name)), None)
    lines.append(f"{'browser':12} {browser or 'missing: for the browser tests, which skip'}")
    store, sound = store_lines(Path(config.paths.store), Path(config.paths.results), cleaning=cleaning)
    return "\n".join(lines + store), sound


def store_lines(root: Path, results: Path, *, cleaning: bool) -> tuple[list[str], bool]:
    """What the store holds, and whether it is sound and nothing is left over beside the results."""
    found = health(root, results)
    size = f"{found.size_bytes / MEGABYTE:.1f} MB"
    counts = f"{len(found.leftovers)} leftover temporary files, {len(found.broken)} broken replications"
    lines = [f"{'store':12} {root}: {found.replications} whole replications ({size}), {counts}"]
    lines += [f"{'':12} {path}" for path in (*found.leftovers, *found.broken)]
    sound = not found.leftovers and not found.broken
    if sound:
        return lines, True
    if not cleaning:
        lines.append(f"{'':12} victor-sim doctor --clean removes them; the replications run again when asked for")
        return lines, False
    lines.append(f"{'':12} cleaned: {clean(found)} files removed")
    return lines, True
