"""The sweep as a whole, for the page and Markdown: what its factors do, and what stays apart under one family level."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from sim.measure.summary import Comparison, Effect, Share, StudySummary, Sweep
from sim.report.groups import Group, groups, label_of
from sim.report.names import key_label, metric_name, scale_of
from sim.report.numbers import decimals, fixed, p_text, percent, signed
from sim.report.tables import Cell, Column, Row, Table

JOINT = " x "  # between the factors of an interaction
SHOWN_MAX = 200  # rows of the table of effects; effects.csv has all


@dataclass(frozen=True, slots=True)
class Whole:
    """Text and tables; a table is None where there is nothing to show."""

    text: tuple[str, ...]
    effects: Table | None
    apart: Table | None


def whole(summary: StudySummary) -> Whole | None:
    """None where the study is no sweep, or has neither effects nor several groups."""
    sweep = summary.sweep
    if sweep is None or not (sweep.effects or sweep.pairs):
        return None
    found = groups(summary)
    confidence = _confidence(summary)
    apart = _apart_table(summary, sweep, found, confidence) if sweep.pairs and len(found) > 1 else None
    text = [*_shares_text(sweep), *([_pairs_text(sweep, confidence)] if sweep.pairs else []), *map(_said, sweep.notes)]
    return Whole(tuple(text), effects_table(sweep) if sweep.effects else None, apart)


def _confidence(summary: StudySummary) -> float:
    return float(summary.config.get("stats", {}).get("confidence_ratio", 0.95))


def _said(note: str) -> str:
    return f"{note[0].upper()}{note[1:]}."


def _shares_text(sweep: Sweep) -> list[str]:
    """What the points' variation comes from, the largest part first, a sentence a metric."""
    lines = []
    for metric in sweep.metrics:
        shares = sorted((share for share in sweep.shares if share.metric == metric), key=lambda share: -share.ratio)
        if shares:
            told = ", ".join(f"{_term(share)} {percent(share.ratio)}" for share in shares)
            lines.append(f"Of the variation of {metric_name(metric).label} between the points: {told}.")
    return lines


def _term(share: Share) -> str:
    return JOINT.join(key_label(key) for key in share.keys) or "three and more together"


def _pairs_text(sweep: Sweep, confidence: float) -> str:
    separated, level = sum(_apart(pair, confidence) for pair in sweep.pairs), percent(confidence, 4)
    metrics = ", ".join(metric_name(metric).label for metric in sweep.metrics)
    return (
        f"Of all {len(sweep.pairs):,} pairs of points in {metrics}, {separated:,} stay apart with {level} confidence "
        "in all of them at once (Holm over the whole sweep); pairs.csv lists them."
    )


def _apart(pair: Comparison, confidence: float) -> bool:
    return pair.p_adjusted <= 1.0 - confidence


def effects_table(sweep: Sweep) -> Table:
    """One row an effect: main effects in the order of the sweep, then interactions, the largest first."""
    columns = (
        Column("factor", numeric=False), Column("level", numeric=False), Column("metric", numeric=False),
        Column("effect"), Column("Holm p"),
    )  # fmt: skip
    main = [effect for effect in sweep.effects if len(effect.levels) == 1]
    joint = sorted((e for e in sweep.effects if len(e.levels) > 1), key=lambda e: (e.p_adjusted, -abs(e.effect)))
    return Table(columns, tuple(_effect_row(effect) for effect in [*main, *joint][:SHOWN_MAX]))


def _effect_row(effect: Effect) -> Row:
    scale = scale_of(effect.metric, effect.unit, [effect.effect])
    center = effect.effect * scale.factor
    half = (effect.ci_high - effect.ci_low) / 2 * scale.factor
    places = min(decimals(half), 9) if math.isfinite(half) and half > 1e-9 * abs(center) else 4
    width = f"{fixed(half, places)} {scale.unit}".rstrip() if math.isfinite(half) and half > 0.0 else ""
    return Row(
        (
            Cell(JOINT.join(key_label(key) for key, _ in effect.levels)),
            Cell(", ".join(value for _, value in effect.levels)),
            Cell(metric_name(effect.metric).label),
            Cell(signed(center, places), width, effect.effect),
            Cell(p_text(effect.p_adjusted), sort=effect.p_adjusted),
        )
    )


def _apart_table(summary: StudySummary, sweep: Sweep, found: list[Group], confidence: float) -> Table | None:
    """One row a group with a best: what is not apart from it, whatever else of the sweep was looked at."""
    if summary.objective not in sweep.metrics:
        return None
    columns = (
        Column("group", numeric=False), Column(f"best in {metric_name(summary.objective).label}", numeric=False),
        Column("not apart from it over the whole sweep", numeric=False), Column("pairs apart"), Column("of"),
    )  # fmt: skip
    pairs = [pair for pair in sweep.pairs if pair.metric == summary.objective]
    rows = (_apart_row(summary, group, _inside(pairs, group), confidence) for group in found)
    return Table(columns, tuple(row for row in rows if row is not None))


def _inside(pairs: Iterable[Comparison], group: Group) -> list[Comparison]:
    labels = {point.point for point in group.points}
    return [pair for pair in pairs if pair.point in labels and pair.baseline in labels]


def _apart_row(summary: StudySummary, group: Group, pairs: list[Comparison], confidence: float) -> Row | None:
    if group.verdict is None or not group.verdict.best:
        return None
    best = group.verdict.best
    near = [pair.baseline if pair.point == best else pair.point for pair in pairs
            if best in (pair.point, pair.baseline) and not _apart(pair, confidence)]  # fmt: skip
    near = [label for label in near if label not in group.verdict.excluded]
    apart = sum(_apart(pair, confidence) for pair in pairs)
    return Row(
        (
            Cell(group.label),
            Cell(label_of(summary, best)),
            Cell(", ".join(label_of(summary, label) for label in near) or "none: it is the best"),
            Cell(str(apart), sort=float(apart)),
            Cell(str(len(pairs)), sort=float(len(pairs))),
        )
    )
