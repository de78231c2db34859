"""What a storm tells: counts for people, and the published ledger, matrix and probes in results/storm.

The published ledger has one line for each code and unbroken range of seeds (sums of the store's chunks); publishing
again replaces the lines of ranges that have grown and keeps those of older codes, so that it is cumulative.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from sim.bench.storm.campaign import Total
from sim.bench.storm.findings import INVARIANTS
from sim.bench.storm.ledger import Chunk, StormLedger, line_of
from sim.bench.storm.probes import PROBES, missing

CELL_MIN = 30  # schedules in which a fault and an invariant should have met
TOLD_MAX = 20


def as_text(total: Total) -> str:
    """Judgments by invariant, probes never hit, thin cells of the matrix, violations with their replay."""
    summed = total.summed()
    lines = [f"{name:4} {summed.judged[name]:12,} judgments  {text}" for name, text in INVARIANTS.items()]
    left = missing(summed.probes)
    never = f"; never: {', '.join(left)}" if left else ""
    lines.append(f"probes: {len(PROBES) - len(left)} of {len(PROBES)} hit{never}")
    thin = [cell for cell, count in sorted(summed.cells.items()) if count < CELL_MIN]
    lines.append(f"matrix: {len(summed.cells)} cells of fault x invariant, {len(thin)} below {CELL_MIN} schedules")
    lines.append(f"{summed.large_count} large, {summed.reruns_count} run twice, {summed.requests_count:,} requests, "
                 f"{summed.cpu_s:.0f} CPU seconds")  # fmt: skip
    if not total.whole:
        lines.append("the time was over before all seeds were run; the same command goes on")
    for seed, text in summed.violations[:TOLD_MAX]:
        lines += [f"seed {seed}: {text}", f"  victor-sim replay storm {seed}"]
    return "\n".join(lines)


def ranges(chunks: list[Chunk]) -> list[Chunk]:
    """One chunk for each code and unbroken range of seeds."""
    found: list[list[Chunk]] = []
    for chunk in sorted(chunks, key=lambda one: (one.code, one.first)):
        last = found[-1][-1] if found else None
        if last is not None and last.code == chunk.code and last.first + last.count == chunk.first:
            found[-1].append(chunk)
        else:
            found.append([chunk])
    return [Total(each).summed() for each in found]


def publish(ledger: StormLedger, folder: Path) -> Path:
    """Write ledger.jsonl, matrix.csv, probes.csv and README.md; gives the folder."""
    path = folder / "ledger.jsonl"
    fresh = ranges(list(ledger.chunks.values()))
    there = StormLedger(path)  # nobody else publishes until it is written
    kept = [old for old in there.chunks.values() if not any(_within(old, new) for new in fresh)]
    lines = sorted([*kept, *fresh], key=lambda one: (one.code, one.first))
    path.write_bytes(b"".join(line_of(line) for line in lines))
    total = Total(lines).summed()
    (folder / "matrix.csv").write_text(matrix(total), encoding="utf-8")
    rows = "".join(f"{name},{total.probes[name]}\n" for name in PROBES)
    (folder / "probes.csv").write_text("probe,schedules\n" + rows, encoding="utf-8")
    (folder / "README.md").write_text(readme(lines, total), encoding="utf-8")
    return folder


def _within(old: Chunk, new: Chunk) -> bool:
    inside = new.first <= old.first and old.first + old.count <= new.first + new.count
    return old.code == new.code and inside


def matrix(total: Chunk) -> str:
    """Fault x invariant: in how many schedules that fault struck and that invariant was judged."""
    faults = sorted({cell.partition(" x ")[0] for cell in total.cells})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["fault", *INVARIANTS])
    for fault in faults:
        writer.writerow([fault, *(total.cells[f"{fault} x {name}"] for name in INVARIANTS)])
    return out.getvalue()


def readme(lines: list[Chunk], total: Chunk) -> str:
    """The page."""
    hours, left = total.virtual_s / 3600.0, missing(total.probes)
    thin = sum(count < CELL_MIN for count in total.cells.values())
    never = f" (never: {', '.join(left)})" if left else ""
    asked = "`victor-sim storm seeds=N seed=S --publish`; one of them again: `victor-sim replay storm SEED`"
    counts = f"**{total.count:,} schedules, {len(total.violations)} violations, {hours:,.0f} virtual fleet hours**"
    shares = f"{total.large_count:,} of them large, {total.reruns_count:,} run twice, {total.requests_count:,} requests"
    probes = f"{len(PROBES) - len(left)} of {len(PROBES)} [probes](probes.csv) hit{never}"
    cells = f"{len(total.cells)} cells of the [matrix](matrix.csv), {thin} of them below {CELL_MIN} schedules"
    text = ["# Storms", "", f"Seeded fault schedules against the whole control plane: {asked}.", ""]
    text += [f"{counts}, {shares}. {probes}; {cells}.", ""]
    text += [
        "| code | seeds | schedules | violations | virtual hours | digest |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for line in lines:
        seeds, line_hours = f"{line.first} to {line.first + line.count - 1}", line.virtual_s / 3600.0
        figures = [f"{line.count:,}", str(len(line.violations)), f"{line_hours:,.0f}", line.digest]
        text.append("| " + " | ".join([line.code, seeds, *figures]) + " |")
    text += ["", "| id | invariant | judgments |", "| --- | --- | --- |"]
    text += [f"| {name} | {told} | {total.judged[name]:,} |" for name, told in INVARIANTS.items()]
    broken = [(line.code, seed, what) for line in lines for seed, what in line.violations]
    if broken:
        text += ["", "Violations (of the code named; a later code may have repaired them):", ""]
        text += [f"- {code}, seed {seed}: {what}" for code, seed, what in broken[:TOLD_MAX]]
    return "\n".join(text) + "\n"
