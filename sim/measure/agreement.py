"""Does another seed tell the same story: no pair significantly the other way round, the best still among the best.

Pairs are judged within each group by Holm over all of its pairs, once per seed; a pair is reversed when both seeds
separate it and with opposite signs. The first seed's best is kept when the second one names it or cannot separate it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from sim.measure.compare import groups_of, holm, paired
from sim.measure.summary import PointSummary, Verdict


@dataclass(frozen=True, slots=True)
class Agreement:
    """Pairs that both seeds have, how many each separates, the reversed ones, and groups whose best was not kept."""

    pairs_count: int
    separated_first: int
    separated_second: int
    reversed_pairs: list[tuple[str, str]]
    lost: list[str]

    @property
    def holds(self) -> bool:
        """True when nothing is reversed and every best is kept."""
        return not self.reversed_pairs and not self.lost

    def as_text(self) -> str:
        """One line, and one for each disagreement."""
        separated = f"{self.separated_first} and {self.separated_second} separated"
        best = "kept" if not self.lost else "lost"
        lines = [f"{self.pairs_count} pairs, {separated}, {len(self.reversed_pairs)} reversed; the best is {best}"]
        lines += [f"reversed: {one} and {other}" for one, other in self.reversed_pairs]
        lines += [f"no longer among the best: {best}" for best in self.lost]
        return "\n".join(lines)


def agreement(
    first: tuple[Sequence[PointSummary], Sequence[Verdict]],
    second: tuple[Sequence[PointSummary], Sequence[Verdict]],
    metric: str,
    compared_key: str,
    confidence_ratio: float = 0.95,
) -> Agreement:
    """Points and verdicts of the same study under two seeds."""
    ours, theirs = (_signs(points, metric, compared_key, confidence_ratio) for points, _ in (first, second))
    shared = [pair for pair in ours if pair in theirs]
    best_of = {verdict.group: {verdict.best, *verdict.not_separable} for verdict in second[1]}
    return Agreement(
        pairs_count=len(shared),
        separated_first=sum(ours[pair] != 0 for pair in shared),
        separated_second=sum(theirs[pair] != 0 for pair in shared),
        reversed_pairs=[pair for pair in shared if ours[pair] * theirs[pair] < 0],
        lost=[v.best for v in first[1] if v.best and v.best not in best_of.get(v.group, set())],
    )


def _signs(
    points: Sequence[PointSummary], metric: str, compared_key: str, confidence_ratio: float
) -> dict[tuple[str, str], int]:
    """Pair of labels -> sign of the difference where it is separated, else 0."""
    signs: dict[tuple[str, str], int] = {}
    for members in groups_of(points, compared_key).values():
        having = [point for point in members if point.valid and metric in point.estimates]
        pairs = list(combinations(having, 2))
        differences = [paired(one, other, metric) for one, other in pairs]
        adjusted = holm([difference.p_value for difference in differences])
        for (one, other), difference, p in zip(pairs, differences, adjusted, strict=True):
            sign = (difference.center > 0) - (difference.center < 0)
            signs[one.point, other.point] = sign if p <= 1.0 - confidence_ratio else 0
    return signs
