"""How many seeds it takes to find a planted defect: `python -m tests.storm.hunt` writes results/storm/defects.csv.

Seeds are counted from 1 in order, all small; those whose settings do not reach the defect at all are counted but not
run. A run is a minute or more of one core.
"""

from __future__ import annotations

import csv
import statistics
import sys
from pathlib import Path

import pytest

from sim.bench.storm.draw import draw_scenario
from sim.bench.storm.run import run_storm
from sim.bench.storm.scenario import SMALL
from tests.storm.defects import DEFECTS, Defect

PUBLISHED = Path(__file__).parents[2] / "results" / "storm" / "defects.csv"
SEEDS_MAX = 400


def breaks(defect: Defect, seed: int) -> list[str]:
    """What a planted defect breaks of what it should, with a seed."""
    scenario = draw_scenario(seed, SMALL)
    if not defect.may_show(scenario.overrides):
        return []
    with pytest.MonkeyPatch.context() as patch:
        defect.plant(patch)
        found = run_storm(scenario).findings.broken
    return [name for name in defect.invariants if found[name]]


def hunt(defect: Defect, seeds_max: int = SEEDS_MAX) -> int | None:
    """The first seed that finds it."""
    return next((seed for seed in range(1, seeds_max + 1) if breaks(defect, seed)), None)


def known() -> dict[str, int]:
    """Seed by defect, as published."""
    if not PUBLISHED.is_file():
        return {}
    with PUBLISHED.open(encoding="utf-8") as file:
        return {row["defect"]: int(row["seed"]) for row in csv.DictReader(file) if row["seed"]}


def main() -> int:
    """Hunt for all, write the table."""
    rows = []
    for defect in DEFECTS:
        seed = hunt(defect)
        rows.append([defect.name, " ".join(defect.invariants), "" if seed is None else seed])
        print(f"{defect.name}: {seed}", flush=True)
    PUBLISHED.parent.mkdir(parents=True, exist_ok=True)
    with PUBLISHED.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["defect", "invariants", "seed"], *rows])
    found = [row[2] for row in rows if row[2] != ""]
    print(f"{len(found)} of {len(rows)} found, median seed {statistics.median(found):g}")
    return 0 if len(found) == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
