"""Is a name's study still the one that was begun? Asked before anything runs, answered from the store.

`<store>/plans/<name>-<digest of the results' folder>.json` tells the points of the last plan under a name, with their
keys and the digests of their files; each key's config stands in the store. A point of the same label with another
config (or file), or a plan without a point in common, is another study: it is refused, with what differs, since its
report would stand in the place of the old one's. More points, more replications, another seed, engine or objective
are not: what is stored stays stored under any name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from sim.bench.compose import quoted
from sim.bench.durable import write_whole
from sim.bench.identity import NOT_SIMULATED, as_dict, file_digest, input_files
from sim.bench.keys import known_keys
from sim.bench.plan import Plan, Point
from sim.bench.store import Store
from sim.errors import ConfigError

FOLDER = "plans"
SHOWN_MAX = 5  # differences told one by one
SAME_STUDY = (*NOT_SIMULATED, "seed", "engine")


def remember(plan: Plan, store: Store, folder: Path, replacing: bool) -> None:
    """Note the plan as that of its name; raises `ConfigError` where another study has it and is not to be replaced."""
    path = _file(plan, store, folder)
    old = _read(path)
    if old and not replacing:
        _check(plan, store, folder, old)
    kept = {} if replacing else old
    now = {point.label: {"key": point.key, "files": _files(point)} for point in plan.points}
    if {**kept, **now} != old:
        write_whole(path, (json.dumps({**kept, **now}, indent=1) + "\n").encode())


def _check(plan: Plan, store: Store, folder: Path, old: Mapping[str, Any]) -> None:
    shared = [point for point in plan.points if point.label in old]
    told: dict[str, int] = {}
    for point in shared:
        if point.key != old[point.label]["key"]:
            for difference in _differences(point, store, old[point.label]):
                told[difference] = told.get(difference, 0) + 1
    if not shared:
        labels = ", ".join(list(old)[:SHOWN_MAX])
        raise ConfigError(
            "name", plan.name, f"another name, or --replace: {folder} holds other points ({labels})", _other(plan)
        )
    if told:
        shown = [
            f"{text}{f' in {count} points' if count > 1 else ''}" for text, count in list(told.items())[:SHOWN_MAX]
        ]
        more = f"; and {len(told) - SHOWN_MAX} more" if len(told) > SHOWN_MAX else ""
        raise ConfigError(
            "name",
            plan.name,
            f"another name, or --replace: {folder} was made with {'; '.join(shown)}{more}",
            _other(plan),
        )


def _other(plan: Plan) -> str:
    return f"name={plan.name}_2 keeps both; --replace gives the old results up (what is stored stays)"


def _differences(point: Point, store: Store, old: Mapping[str, Any]) -> Iterator[str]:
    """What a point's config says now and said then, leaf by leaf; a key that only one of two versions has is none."""
    try:
        then = dict(_leaves(yaml.safe_load((store.folder(old["key"]) / "config.yaml").read_text("utf-8")), ""))
    except (OSError, yaml.YAMLError):  # cleared away: then nothing of it is there to be mixed with
        then = {}
    now = dict(_leaves(as_dict(point.config), ""))
    for key, value in now.items():
        if key in then and then[key] != value and key.split(".")[0] not in SAME_STUDY:
            yield f"{key} {quoted(then[key])}, now {quoted(value)}"
    files = _files(point)
    for key in files:
        if key in old["files"] and old["files"][key] != files[key]:
            yield f"another file at {key}"


def _leaves(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping) and key not in known_keys():
            yield from _leaves(value, key + ".")
        else:
            yield key, value


def _files(point: Point) -> dict[str, str]:
    return {key: file_digest(Path(path)) for key, path in input_files(point.config).items()}


def _file(plan: Plan, store: Store, folder: Path) -> Path:
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]
    return store.root / FOLDER / f"{plan.name.replace('/', '_')}-{place}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
