"""An incident report in Markdown: what broke, the scenario that does it, and the timeline that led there."""

from __future__ import annotations

from typing import Any

from sim.bench.storm.findings import INVARIANTS
from sim.bench.storm.run import Outcome
from sim.runtime.events import Row

BEFORE_MAX, AFTER_MAX = 40, 5


def incident(outcome: Outcome, first: Outcome | None = None, runs_count: int = 0) -> str:
    """`outcome`: of the smallest scenario; `first`: of the one it came from."""
    scenario = outcome.scenario
    lines = [f"# Storm {scenario.seed}", ""]
    if not outcome.violations:
        return "\n".join([*lines, "Nothing broke.", "", "```", scenario.as_text(), "```", ""])
    broken = dict.fromkeys(one.invariant for one in outcome.violations)
    lines += [f"- **{name}**: {INVARIANTS[name]}" for name in broken]
    lines += ["", "| invariant | at (s) | where | what the checker's books say |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {one.invariant} | {one.at:.9g} | {cell(one.subject)} | {cell(one.told)} |" for one in outcome.violations
    ]
    lines += ["", f"Replay: `victor-sim replay storm {scenario.seed}`", ""]
    if first is not None:
        struck, left = (len(one.scenario.strikes) + len(one.scenario.deeds) for one in (first, outcome))
        settings = f"{len(first.scenario.overrides)} settings to {len(scenario.overrides)}"
        lines += [f"Shrunk in {runs_count} runs: {struck} faults and deeds to {left}, {settings}.", ""]
    lines += ["## The smallest scenario", "", "```", scenario.as_text(), "```", "", "## Timeline", ""]
    lines += ["| at (s) | event | subject | told |", "| --- | --- | --- | --- |"]
    worst = outcome.violations[0]
    at = worst.at
    before = [row for row in outcome.rows if row.at <= at][-BEFORE_MAX:]
    after = [row for row in outcome.rows if row.at > at][:AFTER_MAX]
    lines += [_line(row) for row in before]
    lines += [
        f"| **{at:.9g}** | **{outcome.violations[0].invariant} breaks** | {cell(outcome.violations[0].subject)} | |"
    ]
    lines += [_line(row) for row in after]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    told = ", ".join(f"{name} {_short(value)}" for name, value in row.fields)
    return f"| {row.at:.9g} | {cell(row.kind)} | {cell(row.subject)} | {cell(told)} |"


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def cell(text: str) -> str:
    """A text in a cell of a table."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
