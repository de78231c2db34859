"""What pytest-benchmark measured, held against the last that was kept, and kept: medians only, no name of a host.

The file has `tests` (name -> median seconds and rounds) and `machine`; a ratio above 1 is slower than last time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sim.bench.machine import facts
from sim.errors import InputError


def compare(raw: Path, kept: Path) -> list[str]:
    """Lines to print; `kept` is written anew from pytest-benchmark's `raw`. Raises `InputError`."""
    found = medians(_read(raw), raw)
    last = _kept_medians(kept) if kept.is_file() else {}
    width = max((len(name) for name in found), default=0)
    lines = []
    for name, test in found.items():
        before = last.get(name)
        told = "new" if before is None else f"{test['median_s'] / before:.2f} times the last"
        lines.append(f"{name:{width}}  {test['median_s'] * 1e3:12.4f} ms  {told}")
    lines += [f"{name:{width}}  gone" for name in last if name not in found]
    kept.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"machine": facts(), "tests": found}, indent=1, sort_keys=True)
    kept.write_text(f"{text}\n", encoding="utf-8")
    return lines


def medians(tree: Mapping[str, Any], path: Path) -> dict[str, dict[str, float]]:
    """Test -> median seconds and rounds, by name; raises `InputError`."""
    try:
        tests = {
            f"{Path(test['fullname'].split('::')[0]).stem}::{test['name']}": {
                "median_s": float(test["stats"]["median"]),
                "rounds": int(test["stats"]["rounds"]),
            }
            for test in tree["benchmarks"]
        }
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(str(path), None, None, f"pytest-benchmark's JSON was expected: {error}") from error
    return dict(sorted(tests.items()))


def _kept_medians(path: Path) -> dict[str, float]:
    """Test -> median seconds as `compare` kept them; raises `InputError`."""
    try:
        found = {str(name): float(test["median_s"]) for name, test in _read(path)["tests"].items()}
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(str(path), None, None, f"kept medians were expected: {error}") from error
    if not all(median_s > 0.0 for median_s in found.values()):
        raise InputError(str(path), None, None, "kept medians were expected: one is not above 0")
    return found


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(str(path), None, None, "no such file")
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(str(path), None, None, str(error)) from error
    if not isinstance(tree, dict):
        raise InputError(str(path), None, None, "a JSON object was expected")
    return tree
