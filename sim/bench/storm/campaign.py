"""A storm of many seeds: in chunks, over workers, within a budget of time, going on where it stopped.

A chunk of `CHUNK` seeds is the unit of work and of the ledger; what a chunk gives is a function of its seeds and the
code, whoever runs it and in whatever order. Every `RERUN_EVERY`th seed is run twice, and the two must be one (X2).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from sim.bench.collector import many_runs
from sim.bench.identity import code_identity
from sim.bench.pool import spread
from sim.bench.storm.draw import drawn
from sim.bench.storm.findings import INVARIANTS
from sim.bench.storm.ledger import Chunk, StormLedger
from sim.bench.storm.run import Outcome, run_storm
from sim.bench.storm.scenario import LARGE
from sim.errors import WorkerLost

CHUNK = 25
RERUN_EVERY = 15  # a second run judges X2 alone; so often that one `make storm` has each fault 30 times in it


@dataclass(slots=True)
class Total:
    """Chunks added up; `digest` over theirs in order of seed."""

    chunks: list[Chunk] = field(default_factory=list)
    whole: bool = True  # nothing was left out for want of time

    def summed(self) -> Chunk:
        """One chunk that holds the sums."""
        chunks = sorted(self.chunks, key=lambda chunk: chunk.first)
        total = Chunk(chunks[0].first if chunks else 0, 0, chunks[0].code if chunks else "")
        state = hashlib.blake2b(digest_size=8)
        for chunk in chunks:
            state.update(chunk.digest.encode())
            for name in ("count", "virtual_s", "cpu_s", "requests_count", "large_count", "reruns_count"):
                setattr(total, name, getattr(total, name) + getattr(chunk, name))
            total.violations += chunk.violations
            for name in ("judged", "probes", "cells"):
                getattr(total, name).update(getattr(chunk, name))
        total.digest = state.hexdigest()
        return total

    def last_line(self) -> str:
        """`N schedules, V violations, H virtual hours, digest D`."""
        total = self.summed()
        hours = total.virtual_s / 3600.0
        counts = f"{total.count} schedules, {len(total.violations)} violations"
        return f"{counts}, {hours:.1f} virtual hours, digest {total.digest}"


def run_chunk(first: int, count: int, code: str, size: str | None = None) -> Chunk:
    """Run the seeds first .. first + count - 1."""
    chunk, state, cpu_s = Chunk(first, count, code), hashlib.blake2b(digest_size=8), time.process_time()
    with many_runs():
        for seed in range(first, first + count):
            outcome = run_storm(*drawn(seed, size))
            if seed % RERUN_EVERY == 0:
                again = run_storm(*drawn(seed, size))
                chunk.reruns_count += 1
                same = f"digests {outcome.digest} and {again.digest}"
                outcome.findings.hold("X2", outcome.digest == again.digest, 0.0, f"seed {seed}", lambda s=same: s)  # type: ignore[misc]
            _add(chunk, outcome)
            state.update(outcome.digest.encode())
    chunk.digest, chunk.cpu_s = state.hexdigest(), round(time.process_time() - cpu_s, 3)
    return chunk


def _add(chunk: Chunk, outcome: Outcome) -> None:
    findings = outcome.findings
    chunk.virtual_s += outcome.virtual_s
    chunk.requests_count += outcome.requests_count
    chunk.large_count += outcome.scenario.size == LARGE
    chunk.violations += [(outcome.scenario.seed, one.as_text()) for one in findings.violations[:1]]  # the first tells
    chunk.judged.update(findings.judged)
    chunk.probes.update(findings.probes.keys())  # schedules in which it happened
    invariants = [name for name in INVARIANTS if findings.judged[name]]
    chunk.cells.update(
        f"{fault} x {name}" for fault in dict.fromkeys(outcome.struck or ["nothing"]) for name in invariants
    )


def run_campaign(
    seed: int, seeds: int, workers: int, ledger: StormLedger, budget_s: float | None = None,
    said: Callable[[int, int], None] | None = None, size: str | None = None,
) -> Total:  # fmt: skip
    """Run what of the seeds is not in the ledger yet; stops asking for more once `budget_s` wall seconds are over."""
    code = code_identity() + ("" if size is None else f"-{size}")
    calls = [(first, min(CHUNK, seed + seeds - first)) for first in range(seed, seed + seeds, CHUNK)]
    total = Total([ledger.chunks[code, *call] for call in calls if ledger.has(code, *call)])
    left = [(first, count, code, size) for first, count in calls if not ledger.has(code, first, count)]
    started = time.perf_counter()
    while left:
        if budget_s is not None and time.perf_counter() - started > budget_s:
            total.whole = False
            break
        batch, left = left[: 4 * max(workers, 1)], left[4 * max(workers, 1) :]
        with closing(spread(run_chunk, batch, workers)) as coming:
            for _, chunk in coming:
                if isinstance(chunk, WorkerLost):
                    raise chunk
                ledger.write(chunk)
                total.chunks.append(chunk)
                if said is not None:
                    said(sum(one.count for one in total.chunks), seeds)
    return total
