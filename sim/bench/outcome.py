"""The end of a study: run, report, and the last lines that people read."""

from __future__ import annotations

import sys
from dataclasses import replace

from sim.bench.plan import Plan
from sim.bench.study import run_missing, store_of, summarize, write_results
from sim.errors import ConfigError
from sim.measure.summary import StudySummary


def finish(plan: Plan) -> int:
    """Run what is missing, write the report, print the verdict and where it lies; gives the exit code."""
    failures = run_missing(plan)
    for failure in failures:
        print(f"victor-sim: {failure.point}, replication {failure.replication}: {failure.error}", file=sys.stderr)
    if failures and all(failure.refused for failure in failures):
        return 2
    return report(plan) or (1 if failures else 0)


def report(plan: Plan) -> int:
    """Write the report from what is stored; 1 when it is INVALID."""
    summary = summarize(plan)
    folder = write_results(plan, summary)
    for line in last_lines(plan, summary):
        print(line)
    print(f"report: {folder / 'report.html'}")
    return 0 if summary.valid else 1


def last_lines(plan: Plan, summary: StudySummary) -> list[str]:
    """The verdicts of a sweep, or the objective of a single point."""
    lines = []
    if not summary.valid:
        broken = [f"{point.point}: {point.problems[0]}" for point in summary.points if point.problems]
        lines.append("INVALID: " + "; ".join(broken[:3]) + (f"; and {len(broken) - 3} more" if len(broken) > 3 else ""))
    for verdict in summary.verdicts:
        prefix = f"[{verdict.group}] " if verdict.group else ""
        lines.append(prefix + verdict.text)
    if not summary.verdicts:
        for point in summary.points:
            estimate = point.estimates.get(plan.base.objective)
            if estimate is not None:
                interval = f"{estimate.ci_low:.4g} to {estimate.ci_high:.4g}"
                lines.append(f"{point.point}: {plan.base.objective} {estimate.mean:.4g} {estimate.unit} ({interval})")
            losses = ", ".join(f"{count} {status}" for status, count in point.losses.items() if count)
            lines.append(f"{point.point}: {point.requests_count} requests, lost: {losses or 'none'}")
    return lines


def leave_out_stored(plan: Plan) -> Plan:
    """The plan without the points whose replications are all stored."""
    store = store_of(plan)
    left = [
        point
        for point in plan.points
        if not all(store.has(point.key, number) for number in range(point.config.stats.replications))
    ]
    if not left:
        raise ConfigError("--missing", plan.name, "a sweep with something missing (all points are stored)")
    return replace(plan, points=left)
