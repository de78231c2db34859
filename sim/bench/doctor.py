"""Is everything there: versions, cores, the browser that tests use, and whether the store holds only whole things."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from sim.bench.compose import compose
from sim.bench.identity import versions
from sim.bench.store import Store

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def doctor(overrides: Sequence[str], *, clean: bool) -> tuple[str, bool]:
    """A text of findings, and whether nothing needs to be done."""
    config = compose(overrides)
    lines = [f"{name:12} {version}" for name, version in versions().items()]
    lines.append(f"{'cores':12} {os.cpu_count()}")
    browser = next((name for name in BROWSERS if shutil.which(name)), None)
    lines.append(f"{'browser':12} {browser or 'absent (browser tests skip)'}")
    store = Store(Path(config.paths.store))
    leftovers, broken = list(store.leftovers()), list(store.broken())
    whole = sum(1 for _ in store.root.glob("*/*/rep-*.json")) - len(broken)
    lines.append(f"{'store':12} {whole} replications, {len(leftovers)} leftovers, {len(broken)} broken")
    healthy = not leftovers and not broken
    if clean and not healthy:
        for path in [*leftovers, *broken, *(path.with_suffix(".npz") for path in broken)]:
            path.unlink(missing_ok=True)
        lines.append("cleaned")
        healthy = True
    elif not healthy:
        lines.append("victor-sim doctor --clean removes them; they run again when asked for")
    return "\n".join(lines), healthy
