"""What a fixed rate of requests waits for: p50, p99 and p99.9 of the gateway beside what it is held against.

Latencies count from when a request was due (sim/live/pacer.py). A quantile is taken within each round; the median over
the rounds is told, with the lowest and highest. Milliseconds.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

QUANTILES = (0.5, 0.99, 0.999)
COLUMNS = (
    "what",
    "rate_per_s",
    "requests",
    *(f"p{1e2 * q:g}_ms{end}" for q in QUANTILES for end in ("", "_low", "_high")),
)


@dataclass(frozen=True, slots=True)
class Paced:
    """One contestant: latencies in seconds, a row a round."""

    what: str
    rate_per_s: float
    rounds: tuple[tuple[float, ...], ...]

    def quantiles_ms(self) -> list[tuple[float, float, float]]:
        """Median, lowest and highest round of each of `QUANTILES`."""
        found = []
        for q in QUANTILES:
            each = [1e3 * float(np.quantile(latencies, q)) for latencies in self.rounds]
            found.append((statistics.median(each), min(each), max(each)))
        return found


def write_csv(folder: Path, paced: Sequence[Paced]) -> None:
    """`latency.csv`."""
    with (folder / "latency.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for one in paced:
            cells = [f"{number:.3f}" for quantile in one.quantiles_ms() for number in quantile]
            writer.writerow([one.what, f"{one.rate_per_s:g}", sum(map(len, one.rounds)), *cells])


def page_lines(paced: Sequence[Paced]) -> list[str]:
    """The table of a page; nothing where nothing was paced."""
    if not paced:
        return []
    lines = [
        f"At {paced[0].rate_per_s:g} requests a second, each due at its instant and counted from it, whoever waits:",
        "",
        "| what | requests | " + " | ".join(f"p{1e2 * q:g}, ms (lowest, highest round)" for q in QUANTILES) + " |",
        "| --- | ---: |" + " ---: |" * len(QUANTILES),
    ]
    for one in paced:
        cells = [f"{median:.2f} ({low:.2f}, {high:.2f})" for median, low, high in one.quantiles_ms()]
        lines.append(f"| {one.what} | {sum(map(len, one.rounds)):,} | " + " | ".join(cells) + " |")
    return lines
