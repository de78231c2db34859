"""Plugins found in folders, in order of their ids, and what stands between them: duplicates, needs, cycles.

A scan never raises for a plugin: what is wrong with one is told in its `Found`, the others are there all the same. The
order of loading is topological over `requires` (graphlib), ties by id; who needs what is not there, has another
version, or stands in a cycle cannot be loaded, and says why.
"""

from __future__ import annotations

import dataclasses
import graphlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.specifiers import SpecifierSet

from sim.integration.plugins.folder import ARCHIVES, Found, read_folder
from sim.integration.plugins.manifest import Fault, Manifest

SCANNED_MAX = 1_000  # folders of one scan


def scan(roots: Iterable[Path]) -> dict[str, Found]:
    """Every plugin of the folders, by id, sorted; folders and files that start with `_` or `.` are passed over."""
    found: dict[str, Found] = {}
    for root in roots:
        if not root.is_dir():
            continue
        entries = sorted(path for path in root.iterdir() if path.name[0] not in "._")
        for path in entries[: max(0, SCANNED_MAX - len(found))]:
            if path.is_dir():
                one = read_folder(path, root)
            elif path.suffix.lower() in ARCHIVES:
                fault = Fault(path.name, "archives are not accepted")
                one = Found(path.name, str(path), None, {}, "", b"", (fault,))
            else:
                continue
            if one.plugin_id in found:
                twice = Fault("id", f"{one.plugin_id} stands in {found[one.plugin_id].folder} too")
                one = dataclasses.replace(one, plugin_id=path.as_posix(), faults=(*one.faults, twice))
            found[one.plugin_id] = one
    return dict(sorted(found.items()))


def load_order(found: Mapping[str, Found]) -> tuple[list[str], dict[str, str]]:
    """Ids in an order that loads needs first, and for each of the others why it cannot be loaded."""
    refused = {name: "; ".join(map(str, one.faults)) for name, one in found.items() if one.faults}
    changed = True
    while changed:  # a refusal takes along who needs it
        changed = False
        for name, one in found.items():
            if name in refused or one.manifest is None:
                continue
            why = missing(one.manifest, {n: o.manifest for n, o in found.items() if n not in refused and o.manifest})
            if why:
                refused[name] = why
                changed = True
    graph = {n: sorted(o.manifest.requires) for n, o in found.items() if n not in refused and o.manifest is not None}
    for name in _in_cycles(graph):
        refused[name] = "its requirements stand in a cycle"
        del graph[name]
    return _sorted(graph), refused


def missing(manifest: Manifest, there: Mapping[str, Manifest]) -> str:
    """What a plugin requires and does not find; empty: nothing."""
    problems = []
    for needed, versions in sorted(manifest.requires.items()):
        other = there.get(needed)
        if other is None:
            problems.append(f"requires {needed}, which is not there")
        elif not SpecifierSet(versions).contains(other.version, prereleases=True):
            problems.append(f"requires {needed} {versions}, there is {other.version}")
    return "; ".join(problems)


def _in_cycles(graph: Mapping[str, list[str]]) -> list[str]:
    """Who cannot be sorted: in a cycle, or in need of one that is."""
    left = dict(graph)
    progress = True
    while progress:
        ready = [name for name, needs in left.items() if not any(need in left for need in needs)]
        progress = bool(ready)
        for name in ready:
            del left[name]
    return sorted(left)


def _sorted(graph: Mapping[str, list[str]]) -> list[str]:
    sorter = graphlib.TopologicalSorter(graph)
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order
