"""What a proof's pairs teach: the windows of each arm and context as one, which is all a surrogate needs of them.

Windows under one setting in one context are replicates; their mean and number are sufficient for a normal law (Binois,
Gramacy and Ludkovski 2018), so that a proof of sixty pairs takes no more of the memory than a few windows. Means and
variances are weighed by tasks; the spread between the windows' means is part of the variance. A snapshot keeps what
was taught with the number of samples that came after, since the samples do not hold it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from math import fsum
from statistics import median_low
from typing import Any

from sim.intelligence.protocol import Window

PROOF = "proof"  # the arm of what a proof taught
Key = tuple[tuple[tuple[str, float], ...], tuple[tuple[str, float], ...]]


def key_of(window: Window) -> Key:
    """Its setting and context."""
    return tuple(sorted(window.params.items())), tuple(sorted(window.context.items()))


def pooled(windows: Sequence[Window]) -> list[Window]:
    """One window of arm `proof` for each setting and context, in the order in which they came first."""
    groups: dict[Key, list[Window]] = {}
    for window in windows:
        groups.setdefault(key_of(window), []).append(window)
    return [_one(group) for group in groups.values()]


def faded(windows: Sequence[Window]) -> list[Window]:
    """Windows of a world that is gone: what a proof taught is worth no more than one of the others.

    A power prior (Ibrahim and Chen 2000): what is sure of before must not outweigh what is seen since.
    """
    usual = median_low([window.n for window in windows if window.arm != PROOF] or [1])
    return [replace(each, n=min(each.n, usual)) if each.arm == PROOF else each for each in windows]


def remembered(windows: Sequence[Window]) -> list[list[Any]]:
    """What proofs taught, as plain data: (samples that came after it, the window), oldest first."""
    after = sum(window.arm != PROOF for window in windows)
    found: list[list[Any]] = []
    for window in windows:
        after -= window.arm != PROOF
        if window.arm == PROOF:
            found.append([after, asdict(window)])
    return found


def restored(windows: Sequence[Window], kept: Sequence[tuple[int, Mapping[str, Any]]]) -> list[Window]:
    """Samples' windows with what `remembered` gave among them again; what they hold of proofs is replaced by it."""
    samples = [window for window in windows if window.arm != PROOF]
    by_place = {after: [Window(**each) for _, each in group] for after, group in groupby(kept, key=lambda one: one[0])}
    found: list[Window] = []
    for place, sample in enumerate(samples):
        found += by_place.get(len(samples) - place, [])
        found.append(sample)
    return found + by_place.get(0, [])


def _one(group: Sequence[Window]) -> Window:
    total = sum(window.n for window in group)
    means, variances = {}, {}
    for name in group[0].means:
        if not all(name in window.means for window in group):
            continue
        means[name] = fsum(window.n * window.means[name] for window in group) / total
        if all(name in window.variances for window in group):
            inside = fsum(window.n * window.variances[name] for window in group)
            between = fsum(window.n * (window.means[name] - means[name]) ** 2 for window in group)
            variances[name] = (inside + between) / total
    return replace(group[-1], n=total, means=means, variances=variances, arm=PROOF)
