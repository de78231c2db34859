"""What `optimize` leaves: claims.csv, goals.csv, regret.csv, four figures and a page that says what was reached."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sim.bench.optimize.command import StudyFound, told
from sim.bench.optimize.goals import EARLY, LATE, Goal
from sim.bench.optimize.regret import Regrets
from sim.bench.optimize.spread import over_seeds
from sim.bench.optimize.truths import Judged, reliability
from sim.measure.summary import Floats
from sim.report.optimizer_figures import Cloud, Curve, Panel, claims_svg, drift_svg, regret_svg, reliability_svg
from sim.report.optimizer_floors import floor_lines

CLAIM_COLUMNS = (
    "surface", "seed", "window", "target", "claimed", "ci_low", "ci_high", "confidence", "applied", "true",
    "stated", "verified",
)  # fmt: skip
WORDS = {True: "reached", False: "**not reached**", None: "not measured"}


def write_optimizer(folder: Path, found: StudyFound, command: str) -> None:
    """Everything into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for method in found.asked.methods:
        name = "claims.csv" if method == found.method else f"claims_{method}.csv"
        _write(folder / name, CLAIM_COLUMNS, map(_claim_row, found.scores.claims(method)))
    goals = {method: found.goals(method) for method in found.asked.methods}
    columns = ("method", "goal", "asked", "measured", "low", "high", "reached", "note")
    _write(folder / "goals.csv", columns, (_goal_row(method, goal) for method in goals for goal in goals[method]))
    for name, drawing in _drawings(found).items():
        (folder / name).write_text(drawing, encoding="utf-8")
    (folder / "README.md").write_text(_page(found, goals, command), encoding="utf-8")


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _number(value: float) -> str:
    return "" if not math.isfinite(value) else f"{value:.6g}"


def _claim_row(row: Judged) -> list[str]:
    numbers = [_number(value) for value in (row.claimed, row.ci_low, row.ci_high, row.confidence)]
    return [row.surface, str(row.seed), str(row.window), "utility", *numbers, str(row.applied).lower(),
            _number(row.true), str(row.stated).lower(), _number(row.verified)]  # fmt: skip


def _goal_row(method: str, goal: Goal) -> list[str]:
    found = goal.measured
    numbers = [_number(value) for value in (found.value, found.low, found.high)]
    return [method, goal.name, goal.asked, *numbers, WORDS[goal.reached].strip("*"), goal.note]


def _drawings(found: StudyFound) -> dict[str, str]:
    scores, method = found.scores, found.method
    drawings = {}
    sure = [row for row in scores.claims(method) if row.stated and math.isfinite(row.confidence)]
    if sure:
        drawings["reliability.svg"] = reliability_svg(reliability(sure))
    clouds = []
    for name in found.asked.methods:
        rows = [row for row in scores.claims(name) if row.stated]
        if rows:
            clouds.append(Cloud(name, tuple(row.claimed for row in rows), tuple(row.true for row in rows)))
    if clouds:
        drawings["claims.svg"] = claims_svg(clouds)
    regrets = scores.regrets
    panels = []
    for surface in regrets.surfaces:
        curves = []
        for name in regrets.by_method:
            each = [regrets.mean(name, window, surface) for window in regrets.windows]
            curves.append(Curve(name, tuple(regrets.windows), tuple(e.value for e in each),
                                tuple(e.low for e in each), tuple(e.high for e in each)))  # fmt: skip
        panels.append(Panel(surface, tuple(curves), _marks(found, surface)))
    if panels:
        drawings["regret.svg"] = regret_svg(panels)
    drifting = [name for name in found.asked.surfaces if scores.yardsticks[name].changes_at is not None]
    if drifting:
        drawings["drift.svg"] = drift_svg([_following(found, surface) for surface in drifting])
    return drawings


def _marks(found: StudyFound, surface: str) -> tuple[int, ...]:
    stick = found.scores.yardsticks[surface]
    return tuple(sorted({mark for mark in (stick.changes_at, stick.changed_by) if mark is not None}))


def _following(found: StudyFound, surface: str) -> Panel:
    stick, curves = found.scores.yardsticks[surface], []
    windows = tuple(found.scores.windows)
    for method in found.asked.methods:
        records = [record for record in found.scores.of(method) if record["surface"] == surface]
        table = np.array(
            [[claim["utility"] / stick.best[claim["window"]] for claim in record["claims"]] for record in records]
        )
        each = [over_seeds(len(records), partial(_mean_of, table[:, at]), 400) for at in range(len(windows))]
        curves.append(Curve(method, windows, tuple(e.value for e in each), tuple(e.low for e in each),
                            tuple(e.high for e in each)))  # fmt: skip
    return Panel(surface, tuple(curves), _marks(found, surface))


def _mean_of(column: Floats, chosen: Sequence[int]) -> float:
    return float(column[list(chosen)].mean())


def _page(found: StudyFound, goals: dict[str, list[Goal]], command: str) -> str:
    asked, method = found.asked, found.method
    first = goals[method]
    reached = sum(goal.reached is True for goal in first)
    opening = (
        f"{len(asked.surfaces)} surfaces of which the truth is exact, {len(asked.seeds)} seeds, {asked.windows} "
        f"windows of {asked.tasks} tasks, all methods on the same draws. "
        f"`{method}` reaches {reached} of {len(first)} goals. Intervals are 95 %, whole seeds drawn again. "
        f"Improvements are in % of the incumbent's true utility.{_proofs(found)}"
    )
    lines = [
        "# The optimizer's claims against the truth",
        "",
        f"`{command}`",
        "",
        opening,
        "",
        f"## Goals of `{method}`",
        "",
        "| goal | asked | measured | |",
        "| --- | --- | --- | --- |",
        *(f"| {goal.name}{_in_brackets(goal.note)} | {goal.asked} | {told(goal)} | {WORDS[goal.reached]} |"
          for goal in first),
        "",
        "## All methods",
        "",
        "| | " + " | ".join(goals) + " |",
        "| --- |" + " --- |" * len(goals),
        *(f"| {goal.name} | " + " | ".join(told(each[at]) for each in goals.values()) + " |"
          for at, goal in enumerate(first)),
        "",
    ]  # fmt: skip
    lines += _by_surface(found)
    lines += floor_lines(asked)
    for name, title in (
        ("regret.svg", "Regret of what stands: 0 is the best there is, 1 the incumbent; dashed upright: drift"),
        ("claims.svg", "Claimed against true improvement, all recommendations of a change"),
        ("reliability.svg", f"Reliability of the confidence of `{method}`"),
        ("drift.svg", "Through a drift: utility of what stands over that of the best"),
    ):
        lines += [f"## {title}", "", f"![{title}]({name})", ""]
    return "\n".join(lines)


def _proofs(found: StudyFound) -> str:
    """How many windows proofs took besides, and what is left of the regret once they count."""
    regrets, method = found.scores.regrets, found.method
    taken = regrets.proof_windows(method) if method in regrets.taken else 0.0
    if not taken or LATE not in regrets.windows:
        return ""
    each = regrets.counted(method, LATE)
    return (
        f" Proofs took {taken:.0f} windows a trial besides, and teach the search: with these counted the regret at "
        f"{LATE} windows in all is {each.value:.3g} [{each.low:.3g}, {each.high:.3g}]."
    )


def _in_brackets(note: str) -> str:
    return f" ({note})" if note else ""


def _by_surface(found: StudyFound) -> list[str]:
    regrets = found.scores.regrets
    lines: list[str] = []
    for at in (EARLY, LATE):
        if at in regrets.windows and regrets.surfaces:
            lines += _table_at(regrets, at)
    return lines


def _table_at(regrets: Regrets, at: int) -> list[str]:
    methods = list(regrets.by_method)
    lines = [f"## Normalized regret at {at} windows by surface", "", "| surface | " + " | ".join(methods) + " |",
             "| --- |" + " --- |" * len(methods)]  # fmt: skip
    for surface in regrets.surfaces:
        cells = []
        for method in methods:
            each = regrets.mean(method, at, surface)
            interval = f" [{each.low:.2f}, {each.high:.2f}]" if math.isfinite(each.low) else ""
            cells.append(f"{each.value:.2f}{interval}")
        lines.append(f"| {surface} | " + " | ".join(cells) + " |")
    return [*lines, ""]
