"""What stands in a report, in its order, before any markup: the page and the Markdown file tell the same.

Order: verdicts, question, curves over load, then for each group its table and figures, the sweep as a whole, faults and
outages, losses, validity, differences in config, notes, how to make it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sim.measure.summary import StudySummary
from sim.report.catalogue import check_figures, figure_named
from sim.report.effects import analyze, effect_text
from sim.report.figure import Figure
from sim.report.groups import Group, groups, label_of, mean_of, panels, priced
from sim.report.happened import happened_table, happened_text
from sim.report.names import metric_name, scale_of
from sim.report.numbers import p_text, with_half_width
from sim.report.svg import render
from sim.report.tables import Table, further_table, key_table, losses_table
from sim.report.validity import differences, losses_text, validity_table, validity_text
from sim.report.whole import Whole, whole


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn figure and the words that go with it."""

    file: str  # below the report's folder
    anchor: str
    title: str
    caption: str
    alt: str
    svg: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A group; `effect` sets its best against the baseline."""

    label: str
    anchor: str
    valid: bool
    text: str
    effect: str
    table: Table
    further: Table | None
    figures: tuple[Drawn, ...]


@dataclass(frozen=True, slots=True)
class Content:
    """All of a report."""

    name: str
    question: str
    valid: bool
    objective: str
    confidence: str
    sections: tuple[Section, ...]
    curves: tuple[Drawn, ...]  # of groups joined over load, or over what costs
    curves_head: str
    whole: Whole | None
    happened: Table | None
    happened_text: str
    losses: Table
    losses_text: str
    lossless: bool
    validity: Table
    validity_text: str
    differences: Table | None
    notes: tuple[str, ...]
    command: str
    seed: int
    versions: tuple[tuple[str, str], ...]


def build(summary: StudySummary) -> Content:
    """Tables made and figures drawn. Raises `ConfigError` for a figure that does not exist."""
    check_figures(summary.figures)
    found = groups(summary)
    kinds = [(name, figure_named(name)) for name in dict.fromkeys(summary.figures)]
    joined = [group for group in priced(summary) if group not in found]
    curves = [*_over(summary, panels(summary), kinds, "panel"), *_over(summary, joined, kinds, "cost")]
    kinds = [kind for kind in kinds if kind[1].scope == "group" or (kind[1].scope == "cost" and not joined)]
    sections = tuple(_section(summary, group, at, len(found), kinds) for at, group in enumerate(found))
    ratio = next((v.confidence_ratio for v in summary.verdicts), None)
    ratio = ratio or float(summary.config.get("stats", {}).get("confidence_ratio", 0.95))
    return Content(
        name=summary.name,
        question=summary.question,
        valid=summary.valid,
        objective=metric_name(summary.objective).label,
        confidence=f"{100 * ratio:g} %",
        sections=sections,
        curves=tuple(curves),
        curves_head="Over load" if panels(summary) else "Over what costs",
        whole=whole(summary),
        happened=happened_table(summary),
        happened_text=happened_text(summary),
        losses=losses_table(summary),
        losses_text=losses_text(summary),
        lossless=not any(any(point.losses.values()) for point in summary.points),
        validity=validity_table(summary),
        validity_text=validity_text(summary),
        differences=differences(summary),
        notes=tuple(summary.notes),
        command=summary.command,
        seed=summary.seed,
        versions=tuple(summary.versions.items()),
    )


def _over(summary: StudySummary, joined: list[Group], kinds: list[tuple[str, Figure[Any]]], scope: str) -> list[Drawn]:
    """Figures of groups that are joined over a key."""
    kinds = [kind for kind in kinds if kind[1].scope == scope]
    return [drawn for at, group in enumerate(joined) for drawn in _draw(summary, group, kinds, at, len(joined))]


def _section(summary: StudySummary, group: Group, at: int, count: int, kinds: list[tuple[str, Figure[Any]]]) -> Section:
    drawn = _draw(summary, group, kinds, at, count)
    return Section(
        label=group.label,
        anchor=f"group-{at + 1}",
        valid=all(point.valid for point in group.points),
        text=group.verdict.text.removeprefix(f"{group.label}: ") if group.verdict else _plain_text(summary, group),
        effect=_effect(summary, group),
        table=key_table(summary, group),
        further=further_table(summary, group),
        figures=tuple(drawn),
    )


def _draw(
    summary: StudySummary, group: Group, kinds: list[tuple[str, Figure[Any]]], at: int, count: int
) -> list[Drawn]:
    """The figures that the group's data allow; a file is numbered where there are several groups."""
    drawn = []
    for name, figure in kinds:
        result = figure.analyze(summary, group)
        if result is None:
            continue
        stem = name if count == 1 else f"{name}-{at + 1}"
        title = f"{figure.title}: {group.label}" if group.label and figure.scope != "group" else figure.title
        alt = figure.describe(result)
        text = render(figure, result)
        caption = f"{figure.caption} {figure.note(result)}".rstrip()
        drawn.append(Drawn(f"figures/{stem}.svg", f"figure-{stem}", title, caption, alt, text, figure.wide))
    return drawn


def _effect(summary: StudySummary, group: Group) -> str:
    """The best against the baseline: effect, simultaneous interval, adjusted p-value; empty where they are the same."""
    result = analyze(summary, group)
    if result is None or group.verdict is None or not group.verdict.best:
        return ""
    best = label_of(summary, group.verdict.best)
    row = next((row for row in result.rows if row.name == best), None)
    if row is None:
        return f"{best} is the baseline itself." if best == result.baseline else ""
    return (
        f"{metric_name(summary.objective).label} of {best} against the baseline {result.baseline}: "
        f"{effect_text(row)}, Holm p {p_text(row.p_adjusted)}"
    )


def _plain_text(summary: StudySummary, group: Group) -> str:
    """Where nothing was compared: the objective as it is."""
    first = group.points[0]
    estimate = first.estimates.get(summary.objective)
    if len(group.points) > 1 or estimate is None:
        return "Nothing was judged here."
    scale = scale_of(summary.objective, estimate.unit, [mean_of(first, summary.objective)])
    ends = (estimate.mean * scale.factor, estimate.ci_low * scale.factor, estimate.ci_high * scale.factor)
    mean, half = with_half_width(*ends)
    interval = f" ± {half}" if half else ""
    label = metric_name(summary.objective).label
    return f"{label}: {mean}{interval} {scale.unit} over {estimate.replications} replications."
