"""What a race or a budget says: the verdict of a group, with the probability that the selection is right.

Two probabilities stand beside each other: what the procedure guarantees before it has seen anything (KN: the best is
kept, unless another is within the zone), and what the data say afterwards (Bonferroni over paired t).
"""

from __future__ import annotations

from collections.abc import Iterator

from sim.bench.plan import Plan
from sim.bench.sequential import Asking, GroupRace, excess_of, is_sequential, races
from sim.measure.compare import group_of
from sim.measure.metrics import MAXIMIZED
from sim.measure.selection import correct_selection_prob
from sim.measure.summary import Estimate, PointSummary, Verdict, unit_of
from sim.measure.twins import told, twins


def selected(
    plan: Plan, asking: Asking, points: list[PointSummary], verdicts: list[Verdict]
) -> tuple[list[Verdict], list[str]]:
    """The verdicts with the groups' races in the place of their own, and notes; `plan` as it was settled."""
    notes = list(_precision_notes(plan, points)) if is_sequential(plan) else []
    if plan.base.stats.select == "none":
        return verdicts, notes
    by_label = {point.point: point for point in points}
    verdict_of = {}
    for found in races(plan, asking):
        group = _group_of(plan, found)
        there = [by_label[label] for label in found.members if label in by_label]
        reported = all(point.valid and plan.base.objective in point.estimates for point in there)
        if reported and len(there) == len(found.members):  # else their own verdict says what is missing
            verdict_of[group] = _verdict(plan, found, group, by_label)
            notes += _fallen(found, group)
    return [verdict_of.get(verdict.group, verdict) for verdict in verdicts], notes


def _group_of(plan: Plan, found: GroupRace) -> str:
    """As verdicts name it: the swept keys other than the compared one."""
    point = next(point for point in plan.points if point.label == found.members[0])
    return ", ".join(f"{key}={value}" for key, value in group_of(point, plan.compared_key))


def _verdict(plan: Plan, found: GroupRace, group: str, points: dict[str, PointSummary]) -> Verdict:
    objective, stats = plan.base.objective, plan.base.stats
    sign = -1.0 if objective in MAXIMIZED else 1.0
    names = {label: points[label].keys.get(plan.compared_key, label) for label in (*found.members, *found.excluded)}
    total = sum(point.config.stats.replications for point in plan.points if point.label in names)
    unit = "" if unit_of(objective) == "1" else f" {unit_of(objective)}"
    zone = f"{found.rules.delta:.3g}{unit}"
    best = found.race.best
    if stats.select == "budget":
        best = min(range(len(found.members)), key=lambda n: sign * points[found.members[n]].estimates[objective].mean)
    if best is None:
        left = ", ".join(names[found.members[system]] for system in found.race.alive)
        text = f"no best yet after {found.race.seen} replications: still in the race for {objective} are {left}"
        chosen, close = "", []
    else:
        chosen = found.members[best]
        close = [found.members[n] for n in found.race.alive if n != best] if stats.select == "best" else []
        word = "highest" if objective in MAXIMIZED else "lowest"
        text = f"{names[chosen]} has the {word} {objective} ({_value(points[chosen].estimates[objective], unit)}); "
        if stats.select == "best":
            text += (
                f"selected as the best with probability {stats.confidence_ratio:g} where none is within {zone} of it"
            )
            text += f" (KN, {total} replications in all)"
        else:
            text += f"{total} replications split by OCBA"
        if close:
            text += f"; equal to it: {', '.join(names[label] for label in close)}"
        text += f"; by the data none is better with probability {_likely(correct_selection_prob(found.values, best))}"
    members = [points[label] for label in names if points[label].valid]
    text += "".join(f"; {told([names[label] for label in labels])}" for labels in twins(members))
    if found.excluded:
        text += "; left out (success_ratio separably below the highest): " + ", ".join(
            names[label] for label in found.excluded
        )
    return Verdict(
        group=group, best=chosen, not_separable=close, excluded=found.excluded, invalid=[], metric=objective,
        confidence_ratio=stats.confidence_ratio, text=f"{group}: {text}" if group else text,
    )  # fmt: skip


def _likely(probability: float) -> str:
    return "above .999" if probability > 0.999 else f"{probability:.3f} at least"


def _value(estimate: Estimate, unit: str) -> str:
    return f"{estimate.mean:.4g}{unit}, CI {estimate.ci_low:.4g} to {estimate.ci_high:.4g}"


def _fallen(found: GroupRace, group: str) -> Iterator[str]:
    """How the race went, one line."""
    at: dict[int, list[str]] = {}
    for system, seen in found.race.fallen_at.items():
        at.setdefault(seen, []).append(found.members[system])
    if at:
        words = "; ".join(f"after {seen} replications {', '.join(labels)}" for seen, labels in at.items())
        yield f"race{f' of {group}' if group else ''}: out {words}"


def _precision_notes(plan: Plan, points: list[PointSummary]) -> Iterator[str]:
    """Where the precision that was asked for is not reached."""
    asked = plan.base.stats.precision_ratio
    if asked is None:
        return
    for point in points:
        excess = excess_of(point, asked)
        if excess > 1.0:
            count = max((estimate.replications for estimate in point.estimates.values()), default=0)
            allowed = asked / (1.0 + asked)
            yield (
                f"{point.point}: after {count} replications mean and p99 are known within {excess * allowed:.2g} of"
                f" their values, not within {allowed:.2g} as stats.precision_ratio={asked:g} asks"
            )
