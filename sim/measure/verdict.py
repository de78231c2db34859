"""Which point of a group is best, and what cannot be told apart from it.

Success first: a point whose success_ratio is separably below the highest of its group is never best, however fast its
few answers are. Among the rest the objective decides, the smaller the better save for `MAXIMIZED`. A pair is separable
when its paired p-value, Holm-adjusted over all pairs of the group, is at most 1 - confidence; taking all pairs keeps
the family level although the best is picked after looking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from sim.measure.compare import groups_of, holm, paired, paired_values
from sim.measure.metrics import MAXIMIZED
from sim.measure.summary import Floats, PointSummary, Verdict
from sim.measure.twins import told, twins

SUCCESS, BACK = "success_ratio", "recovered_ratio"


def judge(
    points: Sequence[PointSummary], objective: str, compared_key: str, confidence_ratio: float = 0.95
) -> list[Verdict]:
    """One verdict for each group of at least two points, in the order of the points."""
    verdicts = []
    for keys, members in groups_of(points, compared_key).items():
        if len(members) > 1:
            group = ", ".join(f"{key}={value}" for key, value in keys)
            verdicts.append(_judge(group, members, objective, compared_key, confidence_ratio))
    return verdicts


def separable(points: Sequence[PointSummary], metric: str, confidence_ratio: float) -> set[tuple[str, str]]:
    """Label pairs (both orders) that differ in `metric`, Holm over all pairs of `points`."""
    pairs = list(combinations(points, 2))
    adjusted = holm([paired(one, other, metric).p_value for one, other in pairs])
    found = [pair for pair, p in zip(pairs, adjusted, strict=True) if p <= 1.0 - confidence_ratio]
    labels = [(one.point, other.point) for one, other in found]
    return {*labels, *((other, one) for one, other in labels)}


def _judge(
    group: str, members: list[PointSummary], objective: str, compared_key: str, confidence_ratio: float
) -> Verdict:
    invalid = [point.point for point in members if not point.valid]
    valid = [point for point in members if point.valid]
    judged = [point for point in valid if objective in point.estimates]
    missing = [point.point for point in valid if objective not in point.estimates]
    excluded = unsuccessful(valid, confidence_ratio)
    running = [point for point in judged if point.point not in excluded]
    names = {point.point: point.keys.get(compared_key, point.point) for point in members}
    best: PointSummary | None = None
    close: list[str] = []
    if running:
        sign = -1.0 if objective in MAXIMIZED else 1.0
        best = min(running, key=lambda point: sign * point.estimates[objective].mean)
        apart = separable(running, objective, confidence_ratio)
        close = [p.point for p in running if p is not best and (best.point, p.point) not in apart]
    alone = len(running) == 1
    text = _sentence(best, close, names, objective, confidence_ratio, alone)
    text += _left_out(names, excluded, "success_ratio separably below the highest")
    text += _left_out(names, invalid, "INVALID, an audit failed")
    text += _left_out(names, missing, f"{objective} not reported{_too_few(valid, missing, objective)}")
    text += _back(valid, names)
    text += "".join(f"; {told([names[label] for label in labels])}" for labels in twins(valid))
    return Verdict(
        group=group, best="" if best is None else best.point, not_separable=close, excluded=excluded, invalid=invalid,
        metric=objective, confidence_ratio=confidence_ratio, text=f"{group}: {text}" if group else text,
    )  # fmt: skip


def _too_few(points: Sequence[PointSummary], missing: Sequence[str], objective: str) -> str:
    """What to do where it is a tail that so few requests do not have; the notes tell how many there were."""
    notes = [note for point in points if point.point in missing for note in point.notes]
    if not any(note.startswith(f"{objective} is not reported: of ") for note in notes):
        return ""
    return ": too few requests, a longer horizon_s or more stats.replications have them"


def unsuccessful(points: list[PointSummary], confidence_ratio: float) -> list[str]:
    """Labels of points that answer separably less than the one that answers most."""
    having = {point.point: point.per_replication[SUCCESS] for point in points if SUCCESS in point.estimates}
    return separably_lower(having, confidence_ratio)


def separably_lower(values: Mapping[str, Floats], confidence_ratio: float) -> list[str]:
    """Names whose values (replications,) are separably below those of the highest mean, by Holm over all pairs."""
    if len(values) < 2:
        return []
    highest = max(values, key=lambda name: float(values[name].mean()))
    pairs = list(combinations(values, 2))
    adjusted = holm([paired_values(values[one], values[other]).p_value for one, other in pairs])
    apart = {pair for pair, p in zip(pairs, adjusted, strict=True) if p <= 1.0 - confidence_ratio}
    return [name for name in values if (highest, name) in apart or (name, highest) in apart]


def _sentence(
    best: PointSummary | None,
    close: list[str],
    names: dict[str, str],
    objective: str,
    confidence_ratio: float,
    alone: bool,
) -> str:
    if best is None:
        return f"no point can be named best in {objective}"
    estimate = best.estimates[objective]
    word = "highest" if objective in MAXIMIZED else "lowest"
    unit = "" if estimate.unit == "1" else f" {estimate.unit}"
    value = f"{estimate.mean:.4g}{unit}"
    percent = f"{100.0 * confidence_ratio:g} %"
    if estimate.replications > 1:
        value += f", {percent} CI {estimate.ci_low:.4g} to {estimate.ci_high:.4g}"
    text = f"{names[best.point]} has the {word} {objective} ({value})"
    if close:
        return f"{text}; not separable from it: {', '.join(names[label] for label in close)}"
    if alone:
        return f"{text}; no other point is left to be named"
    return f"{text}; it is the best with {percent} family confidence"


def _back(points: Sequence[PointSummary], names: dict[str, str]) -> str:
    """In how many runs goodput was back at 95 % for good after the faults, where it was not in all of them."""
    counts = {name: values for name, values in ((point.point, point.per_replication.get(BACK)) for point in points)
              if values is not None}  # fmt: skip
    if all(float(values.min()) >= 1.0 for values in counts.values()):
        return ""
    told_of = (f"{names[name]} in {int(values.sum())} of {len(values)} runs" for name, values in counts.items())
    return f"; back by itself after the faults: {', '.join(told_of)}"


def _left_out(names: dict[str, str], labels: list[str], reason: str) -> str:
    return f"; left out ({reason}): {', '.join(names[label] for label in labels)}" if labels else ""
