"""What `bench` leaves: ratios and speeds as CSV, both as a markdown table with the facts of the machine."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sim.bench.bench_turns import Speed, SpeedRow

RATIO_COLUMNS = ("what", "baseline", "ratio", "ratio_low", "ratio_high", "note")
SPEED_COLUMNS = (
    "engine", "requests_per_s", "requests_per_s_low", "requests_per_s_high", "requests", "rounds", "mean_sojourn_s",
    "expected_s", "version", "note",
)  # fmt: skip
ABSENT = "absent"


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table with its head."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def ratio_cells(rows: Iterable[SpeedRow]) -> list[list[str]]:
    """Cells of `RATIO_COLUMNS`; an absent ratio is empty."""
    return [
        [row.what, row.baseline, *(_number(v, ".3f") for v in (row.ratio, row.ratio_low, row.ratio_high)), row.note]
        for row in rows
    ]


def speed_cells(speeds: Iterable[Speed]) -> list[list[str]]:
    """Cells of `SPEED_COLUMNS`; an absent one has its reason as note."""
    cells = []
    for speed in speeds:
        contestant, runs = speed.contestant, speed.runs
        low_high = (
            [f"{value:.0f}" for value in (speed.median, min(speed.rates), max(speed.rates))] if runs else [""] * 3
        )
        served, answered, version = (
            (str(runs[-1].requests), f"{runs[-1].mean_sojourn_s:.4f}", runs[-1].version) if runs else ("", "", "")
        )
        note = f"{ABSENT}: {speed.absent}" if speed.absent else contestant.note
        count = str(len(runs)) if runs else ""
        cells.append([speed.name, *low_high, served, count, answered, f"{contestant.expected_s:.4f}", version, note])
    return cells


def lines_of(speeds: Sequence[Speed], rows: Sequence[SpeedRow]) -> list[str]:
    """What is printed: a speed a line, then a ratio a line."""
    width = max(len(speed.name) for speed in speeds)
    lines = []
    for speed in speeds:
        told = f"{ABSENT}: {speed.absent}"
        if not speed.absent:
            spread = f"{min(speed.rates):,.0f} to {max(speed.rates):,.0f}"
            told = f"{speed.median:>12,.0f} requests/s ({spread}), mean sojourn {speed.runs[-1].mean_sojourn_s:.3f} s"
            told += f"; {speed.contestant.note}" if speed.contestant.note else ""
        lines.append(f"{speed.name:{width}}  {told}")
    for row in rows:
        spread = f"{row.ratio:.3g} ({row.ratio_low:.3g} to {row.ratio_high:.3g})"
        lines.append(f"{row.what} / {row.baseline}: {row.note if math.isnan(row.ratio) else spread}")
    return lines


def markdown(
    speeds: Sequence[Speed], rows: Sequence[SpeedRow], facts: Mapping[str, str], command: str, figure: str
) -> str:
    """The page that shows both tables."""
    told = [
        "# Speed on the yardstick",
        "",
        f"Made by `{command}`. {scenario(speeds)}",
        "",
        f"![Requests a CPU second by engine, logarithmic]({figure})",
        "",
        "| engine | requests/s, median | smallest to largest | mean sojourn | version | note |",
        "| --- | ---: | ---: | ---: | --- | --- |",
    ]
    for speed in speeds:
        if speed.absent:
            told.append(f"| {speed.name} | {ABSENT} | | | | {_cell(speed.absent)} |")
            continue
        run = speed.runs[-1]
        spread = f"{min(speed.rates):,.0f} to {max(speed.rates):,.0f}"
        cells = f"{speed.median:,.0f} | {spread} | {run.mean_sojourn_s:.3f} s | {run.version}"
        told.append(f"| {speed.name} | {cells} | {_cell(speed.contestant.note)} |")
    told += ["", "| what | against | ratio | smallest to largest |", "| --- | --- | ---: | ---: |"]
    for row in rows:
        absent = math.isnan(row.ratio)
        cells = f"{ABSENT} |" if absent else f"{row.ratio:.3g} | {row.ratio_low:.3g} to {row.ratio_high:.3g}"
        told.append(f"| {row.what} | {row.baseline} | {cells} |")
    told += ["", "Machine: " + "; ".join(f"{name} {value}" for name, value in facts.items()) + ".", ""]
    return "\n".join(told)


def scenario(speeds: Sequence[Speed]) -> str:
    """What was run, in words."""
    rounds = max((len(speed.runs) for speed in speeds), default=0)
    return (
        "10 nodes of 12 agents, first come first served, Poisson arrivals at utilization .9, exponential service of "
        "mean 1 s, each request to the less loaded of two random nodes. All in turn, "
        f"{rounds} rounds, CPU seconds, set-up and imports left out; a ratio is that of the medians, its interval the "
        "smallest and largest within a round."
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _number(value: float, form: str) -> str:
    return "" if math.isnan(value) else format(value, form)
