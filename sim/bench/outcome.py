"""The end of a study: run, report, and the last lines that people read.

Who writes the report is handed in, since the report stands above this room.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sim.bench.against_files import TIMINGS
from sim.bench.compose import to_yaml
from sim.bench.durable import write_whole
from sim.bench.manifest import manifest, portable
from sim.bench.plan import Plan, Point
from sim.bench.progress import say
from sim.bench.record_files import npz_bytes
from sim.bench.resumed import remember
from sim.bench.runner import Failure
from sim.bench.store import check_folder
from sim.bench.study import as_stored, asking, is_any_stored, records, run_study, store_of, stored_count, summarize
from sim.measure.agreement import Agreement, agreement
from sim.measure.summary import StudySummary

WriteReport = Callable[[StudySummary, Path], None]
REQUEST_COLUMNS = ("request", "attempt", "arrived_at", "started_at", "finished_at", "node", "status")
SHOWN_MAX = 10  # failures and problems told one by one
DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


def finish(plan: Plan, write_report: WriteReport, replacing: bool = False) -> int:
    """Run what is missing, write the report, print the verdict and where it lies; gives the exit code.

    Raises `ConfigError` when the results of that name are another study's, unless they are to be replaced.
    """
    folder, store = folder_of(plan), store_of(plan)
    store.check_writable()
    remember(plan, store, folder, replacing)
    check_folder("paths.results", folder)
    try:
        plan, failures = run_study(plan)
    except KeyboardInterrupt:
        plan = as_stored(plan)
        total = sum(point.config.stats.replications for point in plan.points)
        kept = f"{stored_count(plan)} of {total} replications are stored"
        print(f"victor-sim: interrupted; {kept}, the same command goes on from there", file=sys.stderr)
        return INTERRUPTED
    _tell(failures)
    refused = [failure for failure in failures if failure.refused]
    if refused:
        return REFUSED
    if not stored_count(plan):
        return FAILED
    return report(plan, write_report) or (FAILED if failures else DONE)


def report(plan: Plan, write_report: WriteReport) -> int:
    """Write the results from what is stored; 1 when they are INVALID."""
    look, points = asking(), len(plan.points)
    if is_any_stored(plan):
        say(f"{plan.name}: measuring and comparing {points} point{'s' if points > 1 else ''}")
    plan = as_stored(plan, look)
    summary = summarize(plan, look)
    folder = folder_of(plan)
    say(f"{plan.name}: drawing the report")
    write_results(plan, summary, folder, write_report)
    print("\n".join(last_lines(summary)))
    print(f"report: {folder / 'report.html'}")
    broken = broken_replication(summary)
    if broken is not None:
        label, number = broken
        say(f"next: victor-sim replay run {plan.name} {shlex.quote(label)} {number} tells whether it is so again; such "
            "a thing is a bug of the simulator, please report it with manifest.json")  # fmt: skip
    return DONE if summary.valid else FAILED


def broken_replication(summary: StudySummary) -> tuple[str, int] | None:
    """Point and number of the first replication that broke an audit."""
    for point in summary.points:
        for problem in point.problems:
            found = re.match(r"replication (\d+): ", problem)
            if found is not None:
                return point.point, int(found[1])
    return None


def folder_of(plan: Plan) -> Path:
    """Where the results lie."""
    return Path(plan.base.paths.results) / plan.name


def write_results(plan: Plan, summary: StudySummary, folder: Path, write_report: WriteReport) -> None:
    """The report and its companions; what an earlier run of another shape left is removed first."""
    for pattern in ("best.yaml", "effects.csv", "pairs.csv", "figures/*.svg", "requests/*.npz"):
        for stale in folder.glob(pattern):
            stale.unlink(missing_ok=True)  # another runner of the same study may be here
    write_report(summary, folder)
    best = best_point(plan, summary)
    if best is not None:
        head = f"# {best.label} of {plan.name}; run it again with: victor-sim run config=FILE\n"
        write_whole(folder / "best.yaml", (head + to_yaml(portable(best.config))).encode())
    write_whole(folder / "manifest.json", (json.dumps(manifest(plan, summary), indent=1) + "\n").encode())
    timings = {point.point: point.wall_s for point in summary.points}
    write_whole(folder / TIMINGS, (json.dumps(timings, indent=1) + "\n").encode())
    if plan.base.stats.keep_requests:
        _write_requests(plan, folder / "requests")


def best_point(plan: Plan, summary: StudySummary) -> Point | None:
    """The named best of the first group that has one; the only point of a plain run."""
    labels = [verdict.best for verdict in summary.verdicts if verdict.best]
    if not labels and len(plan.points) == 1:
        labels = [plan.points[0].label]
    return next((point for point in plan.points if labels and point.label == labels[0]), None)


def _write_requests(plan: Plan, folder: Path) -> None:
    """One row an attempt, the same bytes whatever engine, launcher or number of workers made them."""
    for point in plan.points:
        for replication, record in enumerate(records(store_of(plan).root, point)):
            columns = {name: getattr(record.attempts, name) for name in REQUEST_COLUMNS}
            write_whole(folder / f"{point.file_name}-r{replication}.npz", npz_bytes(columns))


def last_lines(summary: StudySummary) -> list[str]:
    """The verdicts of a sweep, or the objective of a single point; first of all what makes the result INVALID."""
    lines = []
    if not summary.valid:
        broken = [f"{point.point}: {point.problems[0]}" for point in summary.points if point.problems]
        broken = broken or summary.notes
        more = f"; and {len(broken) - SHOWN_MAX} more" if len(broken) > SHOWN_MAX else ""
        lines.append("INVALID: " + "; ".join(broken[:SHOWN_MAX]) + more)
    lines += [verdict.text for verdict in summary.verdicts]
    if not summary.verdicts:
        for point in summary.points:
            estimate = point.estimates.get(summary.objective)
            if estimate is not None:
                interval = f" (CI {estimate.ci_low:.4g} to {estimate.ci_high:.4g})" if estimate.replications > 1 else ""
                unit = "" if estimate.unit == "1" else f" {estimate.unit}"
                lines.append(f"{point.point}: {summary.objective} {estimate.mean:.4g}{unit}{interval}")
            lines += [f"{point.point}: {note}" for note in point.notes if note.startswith(f"{summary.objective} ")]
            losses = ", ".join(f"{count:,} {status}" for status, count in point.losses.items() if count)
            lines.append(f"{point.point}: {point.requests_count:,} requests, lost: {losses or 'none'}")
    return lines


def leave_out_stored(plan: Plan) -> Plan:
    """The plan without the points whose replications are all stored; it may be left with none."""
    store = store_of(plan)
    left = [point for point in plan.points if not store.has_all(point.key, point.config.stats.replications)]
    return replace(plan, points=left)


def _tell(failures: list[Failure]) -> None:
    """One line for each kind of failure; where the traceback lies for those that no config or input explains."""
    kinds: dict[str, list[Failure]] = {}
    for failure in failures:
        kinds.setdefault(failure.error, []).append(failure)
    for error, alike in list(kinds.items())[:SHOWN_MAX]:
        if alike[0].refused:
            print(f"victor-sim: {error}", file=sys.stderr)
            continue
        where = f"; traceback in {alike[0].file}" if alike[0].file else ""
        more = f" (and {len(alike) - 1} more like it)" if len(alike) > 1 else ""
        print(f"victor-sim: {alike[0]}{more}{where}", file=sys.stderr)
    if len(kinds) > SHOWN_MAX:
        print(f"victor-sim: and {len(kinds) - SHOWN_MAX} more kinds of failure", file=sys.stderr)
    if failures and not any(failure.refused for failure in failures):
        count = f"{len(failures)} replication{'s' if len(failures) > 1 else ''}"
        print(f"victor-sim: {count} missing; the same command runs what is missing, and nothing else", file=sys.stderr)


def agreement_of(plan: Plan, other: Plan) -> Agreement:
    """What is stored of a study under two seeds, side by side; raises `InputError` when one is not stored."""
    first, second = summarize(plan), summarize(other)
    confidence = plan.base.stats.confidence_ratio
    told = [(summary.points, summary.verdicts) for summary in (first, second)]
    return agreement(told[0], told[1], plan.base.objective, plan.compared_key, confidence)
