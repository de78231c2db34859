"""What a search for capacity says: the edge with its bounds and cost, what lies beyond it, whether the order held."""

from __future__ import annotations

import math

from sim.bench.capacity_search import Found, found_of
from sim.bench.plan import Plan
from sim.measure.bisection import first_holding, holes, next_index
from sim.measure.compare import group_of
from sim.measure.slo import Slo, Standing, standing, worsened
from sim.measure.summary import PointSummary, Verdict, unit_of

NODES = "fleet.nodes"
WORDS = {"holds": "do", "fails": "do not", "open": "are not shown to"}
WORDS_ONE = {"holds": "does", "fails": "does not", "open": "is not shown to"}


def capacity_verdicts(plan: Plan, points: list[PointSummary], plain: list[Verdict]) -> tuple[list[Verdict], list[str]]:
    """One a group, the edge as its best; `plain` are the verdicts of the points as they are. And notes."""
    excluded = {verdict.group: verdict for verdict in plain}
    verdicts, notes = [], []
    for found in found_of(plan, {point.point: point for point in points}):
        member = next(iter(found.points.values()))
        group = ", ".join(f"{key}={value}" for key, value in group_of(member, plan.compared_key))
        edge = first_holding(found.holds())
        order = _order(found)
        text = _edge_text(found, edge, plan.base.capacity.neighbors) + ("" if order is None else f"; {order}")
        before = excluded.get(group)
        verdicts.append(
            Verdict(
                group=group, best="" if edge is None else found.points[edge].label, not_separable=[],
                excluded=before.excluded if before else [], invalid=before.invalid if before else [],
                metric=found.slo.metric, confidence_ratio=found.slo.confidence_ratio,
                text=f"{group}: {text}" if group else text,
            )
        )  # fmt: skip
        notes.append(_how(found, group, order))
    return verdicts, notes


def _edge_text(found: Found, edge: int | None, neighbors: int) -> str:
    slo, grid = found.slo, found.grid
    aim = f"{slo.metric} within {_quantity(slo.limit, slo)} with {100.0 * slo.confidence_ratio:g} % confidence"
    if edge is None:
        last = grid.count - 1
        if last not in found.summaries:
            return f"no answer: {_named(found, last)} was not measured"
        told = _measured(found, last)
        limit = "capacity.high" if grid.rising else "capacity.low"
        kind = "fleet" if grid.key == NODES else "value"
        return f"no {kind} up to {_named(found, last)} is shown to hold {aim} ({told}; {limit} bounds the search)"
    text = f"{_named(found, edge)} {'hold' if _several(found, edge) else 'holds'} {aim} ({_measured(found, edge)})"
    below = max((index for index in found.summaries if index < edge), default=None)
    if below is None:
        return f"{text}; nothing {'smaller' if grid.rising else 'larger'} was asked for"
    words = (WORDS if _several(found, below) else WORDS_ONE)[standing(found.summaries[below], slo).state]
    text += f"; {grid.text(below)} {words} ({_measured(found, below)})"
    asked = next_index(found.holds(), grid.count, neighbors)
    return text if asked is None else f"{text}; not finished, {grid.text(asked)} comes next"


def _named(found: Found, index: int) -> str:
    text = found.grid.text(index)
    if found.grid.key == NODES:
        return f"{text} nodes" if text != "1" else "1 node"
    return f"{found.grid.key}={text}"


def _several(found: Found, index: int) -> bool:
    return found.grid.key == NODES and found.grid.value(index) != 1


def _quantity(value: float, slo: Slo) -> str:
    unit = unit_of(slo.metric)
    return f"{value:.4g}" if unit == "1" else f"{value:.4g} {unit}"


def _measured(found: Found, index: int) -> str:
    """The value with the bound that decided, success where it decided, and the cost an hour."""
    point, slo = found.summaries[index], found.slo
    at = standing(point, slo)
    parts = [_bounded(at, slo)]
    if not at.success >= slo.success_min or (at.state == "open" and at.high <= slo.limit):
        parts.append(f"success_ratio {at.success:.4g}, asked for {slo.success_min:g}")
    cost = _cost_per_hour(point)
    if cost is not None:
        parts.append(f"cost {cost:.4g} an hour")
    return "; ".join(parts)


def _bounded(at: Standing, slo: Slo) -> str:
    if math.isnan(at.value):
        return f"no {slo.metric} could be measured"
    value = _quantity(at.value, slo)
    if math.isnan(at.high):
        return value
    return f"{value}, at least {at.low:.4g}" if at.low > slo.limit else f"{value}, at most {at.high:.4g}"


def _cost_per_hour(point: PointSummary) -> float | None:
    cost, hours = point.estimates.get("cost"), float(point.config["horizon_s"]) / 3600.0
    return None if cost is None else cost.mean / hours


def _order(found: Found) -> str | None:
    """What speaks against the order of the key; None where nothing does."""
    grid, holds = found.grid, found.holds()
    said = [f"{grid.text(high)} is not shown to hold though {grid.text(low)} is" for low, high in holes(holds)]
    points = [found.summaries[index] for index in sorted(found.summaries)]
    names = {point.point: point.keys[grid.key] for point in points}
    for one, other in worsened(points, found.slo.metric, found.slo.confidence_ratio):
        said.append(f"{found.slo.metric} is separably higher at {names[other]} than at {names[one]}")
    return f"NOT MONOTONE in {grid.key}: {', '.join(said)}" if said else None


def _how(found: Found, group: str, order: str | None) -> str:
    """The search in a line."""
    slo, ordered = found.slo, sorted(found.summaries, key=lambda index: float(found.grid.text(index)))
    run = ", ".join(found.grid.text(index) for index in ordered)
    each = 100.0 * (1.0 - (1.0 - slo.confidence_ratio) / slo.looks)
    text = f"search{f' of {group}' if group else ''}: {found.grid.key} {run} were run on common random numbers; "
    text += f"one-sided bounds at {each:.4g} % each "
    text += f"({100.0 * slo.confidence_ratio:g} % over {slo.looks} values, Bonferroni)"
    if order is None:
        text += f"; monotone as far as was run: no step is separably the other way ({slo.metric}, paired, Holm)"
    return text
