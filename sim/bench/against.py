"""Two results side by side: the same design by the same code must give the same bits, else how far they are apart.

Where config, seed, inputs, engine, code and numeric libraries are the same, a number that differs is a broken promise.
Where one of them changed, a number that differs is shown with its paired difference (second minus first, by
replication; Holm over all that differ in one metric) if both folders hold their replications, else by whether the
intervals meet. Speed is told by rank: Mann and Whitney's U on the wall times of the replications, Holm over points.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

from scipy import stats

from sim.bench.against_files import SAME_BITS, Key, Results, results_in
from sim.measure.compare import Difference, holm, paired_values
from sim.measure.metrics import QUANTILE_METRICS

ALPHA = 0.05
TIMES_MIN = 4  # replications of each below which ranks cannot tell anything at 5 %


def against(one: Path, other: Path) -> tuple[str, bool]:
    """A text, and whether all shared numbers are equal; raises `InputError` for a folder without results."""
    ours, theirs = results_in(one), results_in(other)
    shared = [key for key in ours.values if key in theirs.values]
    differing = [key for key in shared if not ours.values[key].same(theirs.values[key])]
    head = f"{len(shared)} numbers in both, {len(differing)} differ; only in {one}: {len(ours.values) - len(shared)}, "
    head += f"only in {other}: {len(theirs.values) - len(shared)}"
    changed = {point: changes(ours, theirs, point) for point in dict.fromkeys(point for point, _ in shared)}
    broken = [key for key in differing if changed[key[0]] == []]
    lines = [head, *_what_changed(ours, theirs, changed)]
    if broken:
        lines.append(
            f"NOT REPRODUCED: {len(broken)} numbers differ although code, config, seed and libraries are the same"
        )
    lines += [f"{point}  {metric}: {text}" for (point, metric), text in _told(ours, theirs, differing)]
    return "\n".join([*lines, *speed(ours, theirs)]), not differing


def changes(ours: Results, theirs: Results, point: str) -> list[str] | None:
    """What differs in how a point was made, [] where nothing does; None where a folder does not say."""
    if point not in ours.designs or point not in theirs.designs or not (ours.versions and theirs.versions):
        return None
    named = [name for name in SAME_BITS if ours.versions.get(name) != theirs.versions.get(name)]
    one, other = ours.designs[point], theirs.designs[point]
    return [*named, *(name for name in one if one[name] != other[name])]


def _what_changed(ours: Results, theirs: Results, changed: dict[str, list[str] | None]) -> Iterator[str]:
    """Code and libraries once, designs by how many points."""
    for name in SAME_BITS:
        before, after = ours.versions.get(name), theirs.versions.get(name)
        if before != after and before and after:
            yield f"{name} changed: {before} -> {after}"
    found = [set(names) - set(SAME_BITS) for names in changed.values() if names]
    for name in ("config", "seed", "engine", "inputs"):
        count = sum(name in names for names in found)
        if count:
            yield f"{name} changed at {count} of {len(changed)} points"
    silent = sum(names is None for names in changed.values())
    if silent:
        yield f"{silent} of {len(changed)} points: a folder has no manifest that says how they were made"


def _told(ours: Results, theirs: Results, differing: list[Key]) -> Iterator[tuple[Key, str]]:
    """Every number that differs, with its paired difference where there is one."""
    pairs = {key: found for key in differing if (found := _paired(ours, theirs, key)) is not None}
    adjusted: dict[Key, float] = {}
    for metric in dict.fromkeys(metric for _, metric in pairs):
        family = [key for key in pairs if key[1] == metric]
        adjusted |= dict(zip(family, holm([pairs[key].p_value for key in family]), strict=True))
    for key in differing:
        one, other = ours.values[key], theirs.values[key]
        text = f"{one.mean:.6g} -> {other.mean:.6g} "
        text += f"({(other.mean / one.mean - 1.0) * 100.0:+.2f} %" if one.mean else "(from 0"
        if key in pairs:
            half, center = pairs[key].half_width(1.0 - ALPHA), pairs[key].center
            apart = "" if adjusted[key] <= ALPHA else ", not separable"
            text += f"; {center:+.4g}, {center - half:+.4g} to {center + half:+.4g}"
            text += f" paired, Holm p {adjusted[key]:.3g}{apart})"
        else:
            text += ", intervals apart)" if one.apart(other) else ")"
        yield key, text


def _paired(ours: Results, theirs: Results, key: Key) -> Difference | None:
    """Second minus first, by replication; the center of a quantile is that of the pooled samples."""
    one, other = ours.replications.get(key), theirs.replications.get(key)
    if one is None or other is None or min(len(one), len(other)) < 2:
        return None
    pooled = key[1] in QUANTILE_METRICS and len(one) == len(other)
    center = theirs.values[key].mean - ours.values[key].mean if pooled else None
    return paired_values(other, one, center)


def speed(ours: Results, theirs: Results) -> list[str]:
    """What each point's replications took, where the ranks of the two differ; one line on the rest."""
    points = [point for point in ours.wall_s if len(theirs.wall_s.get(point, [])) >= TIMES_MIN]
    points = [point for point in points if len(ours.wall_s[point]) >= TIMES_MIN]
    if not points:
        return []
    found = [stats.mannwhitneyu(ours.wall_s[point], theirs.wall_s[point]).pvalue for point in points]
    adjusted = holm([float(p) for p in found])
    lines = [
        f"{point}  took {median(ours.wall_s[point]):.3g} s -> {median(theirs.wall_s[point]):.3g} s a replication "
        f"({median(theirs.wall_s[point]) / median(ours.wall_s[point]):.2f} times, rank test, Holm p {p:.3g})"
        for point, p in zip(points, adjusted, strict=True)
        if p <= ALPHA
    ]
    return [f"speed: {len(lines)} of {len(points)} points differ by the ranks of their wall times", *lines]
