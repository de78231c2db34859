"""The optimizer's loop in whole fleets and in short demos, against the truth that it never sees.

`python -m tests.bench.optimize.fleets FILE.csv` runs the fleet of `tests/bench/test_tuned_fleet.py` to 17,100 s with 21
seeds and the demo's half-life of `tests/bench/demo` with twelve; a row for each proposal: when it was made, what was
claimed, what became of it and when, and what it truly brings (nan in a demo, whose truth depends on the load).
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.bench.assemble import assemble
from sim.bench.compose import Composed, compose
from sim.bench.demo import account as account_module
from sim.bench.demo import command as command_module
from sim.bench.demo import story as story_module
from sim.bench.demo.virtual import VirtualStage
from sim.report.files import write_text
from sim.runtime.events import Row
from sim.world.surfaces.surface import Surface
from tests.bench.demo.test_demo import HALF_LIFE, SAMPLES_A_HALF
from tests.bench.test_tuned_fleet import FLEET, TUNED

FLEETS = (*range(1001, 1010), *range(2001, 2013))
DEMOS = tuple(range(1, 13))
ENDS = ("promoted", "rolled_back", "verification_timed_out")
COLUMNS = [
    "where",
    "seed",
    "agent",
    "proposed_at_s",
    "claimed_ratio",
    "verdict",
    "decided_at_s",
    "true_ratio",
    "reason",
]
SHARED: Composed = {}


def fleet_rows(seed: int) -> list[dict[str, Any]]:
    """Proposals of one fleet."""
    assembly = assemble(compose([*FLEET, *TUNED, "horizon_s=17000", f"seed={seed}"], composed=SHARED), 0)
    assembly.run()
    return _proposals("fleet", seed, assembly.log.rows, assembly.tuned.tuning.surface)


def demo_rows(seed: int) -> list[dict[str, Any]]:
    """Proposals of one demo's half-life."""
    stages: list[VirtualStage] = []

    class Kept(VirtualStage):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            stages.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command_module, "VirtualStage", Kept)
        for module in (story_module, account_module):
            patch.setattr(module, "SAMPLES_AN_AGENT", SAMPLES_A_HALF)
        command_module.demo((*HALF_LIFE, f"seed={seed}"), None, io.StringIO(), quiet=True)
    return _proposals("demo", seed, stages[0].log.rows, None)


def _proposals(where: str, seed: int, rows: Iterable[Row], surface: Surface | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for row in rows:
        told = dict(row.fields)
        if row.kind == "verification_started":
            one = dict.fromkeys(COLUMNS, "") | {"where": where, "seed": seed, "agent": row.subject}
            one |= {"proposed_at_s": round(row.at), "verdict": "still proving", "true_ratio": _truth(surface, told)}
            found.append(one)
        elif row.kind in ENDS and found and found[-1]["verdict"] == "still proving":
            claimed = f"{told['claimed_ratio']:.3f}"
            found[-1] |= {"verdict": row.kind, "decided_at_s": round(row.at), "claimed_ratio": claimed}
            found[-1]["reason"] = told["reason"]
    return found or [dict.fromkeys(COLUMNS, "") | {"where": where, "seed": seed, "verdict": "nothing proposed"}]


def _truth(surface: Surface | None, told: dict[str, Any]) -> str:
    if surface is None:
        return "nan"
    point = (*told["parameters"].values(), *surface.incumbent[len(told["parameters"]) :])
    values = surface.means(np.array([point, surface.incumbent]), (1e-6, 0.0))["user_satisfaction"]
    return f"{values[0] / values[1] - 1.0:.3f}"


def main(path: Path) -> None:
    """Run them all and write the table."""
    rows: list[dict[str, Any]] = []
    for make, seeds in ((fleet_rows, FLEETS), (demo_rows, DEMOS)):
        for seed in seeds:
            rows += make(seed)
            print(rows[-1]["where"], seed, rows[-1]["verdict"], file=sys.stderr, flush=True)
    stream = io.StringIO()
    table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(path, stream.getvalue())
    for where, seeds in (("fleet", FLEETS), ("demo", DEMOS)):
        mine = [row for row in rows if row["where"] == where]
        proved = {row["seed"] for row in mine if row["verdict"] == "promoted"}
        soon = {row["seed"] for row in mine if row["verdict"] == "promoted" and row["decided_at_s"] <= 12_000}
        back = sum(row["verdict"] == "rolled_back" for row in mine)
        print(f"{where}: proved in {len(proved)} of {len(seeds)} ({len(soon)} by 12,000 s), rolled back {back}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
