"""Are the claims true whatever the surrogate? The source's models and ours on windows as an agent of a fleet has them.

`python -m tests.bench.optimize.kinds FILE.csv` draws windows of the fitted agent as `sim.bench.tuned_agents` does (the
setting that stands and one around it, side by side), asks each surrogate for a recommendation, and holds the claim
against the exact truth: twenty seeds, three sizes of what was seen, calm and with a fifth of the windows in a burst of
twenty seconds more in both arms. A row for each surrogate, target and size.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sim.bench.optimize.problem import window_of
from sim.bench.tuned_samples import TUNED, moved, spread_around
from sim.intelligence import transforms
from sim.intelligence.engine import Recommender
from sim.intelligence.protocol import Parameter, Recommendation, Window
from sim.intelligence.settings import SearchSettings
from sim.intelligence.space import Space
from sim.intelligence.surrogates.choice import KINDS
from sim.report.files import write_text
from sim.runtime.draws import CounterDraws
from sim.world.surfaces.outcomes import run_window
from sim.world.surfaces.space import CONCURRENCY, LOGARITHMIC_FROM
from sim.world.surfaces.surface import Surface

SEEDS = range(5001, 5021)
SIZES = ((5, 40), (5, 100), (50, 100))  # tasks an arm, samples
TARGETS = ("response_time", "success_rate")
MET = (1e-6, 0.0)  # an agent alone, tasks of the usual hardness
WAIT_S, BURST = 20.0, (0.4, 0.6)  # of the windows
COLUMNS = ["load", "tasks", "samples", "target", "surrogate", "stated", "claimed", "true", "covered", "confidence",
           "better"]  # fmt: skip


def agent() -> Surface:
    """Four at a time, as the demo's."""
    surface = Surface("fleet")
    return surface.changed(incumbent=(*surface.incumbent[:CONCURRENCY], 4.0))


def seen(surface: Surface, seed: int, tasks: int, samples: int, wait_s: float) -> list[Window]:
    """Both arms of so many windows."""
    draws, found = CounterDraws(seed, 0), []
    standing = dict(zip(TUNED, surface.incumbent, strict=False))
    count = samples // 2
    for number in range(count):
        waits = wait_s if BURST[0] * count <= number < BURST[1] * count else 0.0
        tried = spread_around(surface.space, draws, surface.incumbent, 0, number)
        for arm, (name, params) in enumerate((("incumbent", standing), ("explore", tried))):
            outcomes = run_window(surface, draws, number, moved(surface.incumbent, params), tasks, MET, arm)
            told = window_of(outcomes, 1.0, name, 60.0 * number)
            means = {**told.means, "response_time": told.means["response_time"] + waits}
            found.append(Window(params, {}, tasks, means, told.variances, 1.0, told.at, name))
    return found


def said(surface: Surface, windows: Sequence[Window], seed: int, target: str, kind: str) -> Recommendation:
    """What a surrogate recommends after them."""
    space = Space(
        tuple(
            Parameter(
                name, surface.space.low[at], surface.space.high[at], at >= LOGARITHMIC_FROM, at >= LOGARITHMIC_FROM
            )
            for at, name in enumerate(TUNED)
        )
    )
    settings = SearchSettings(surrogate=kind, windows_min=len(windows))
    engine = Recommender(space, windows[0].params, CounterDraws(seed, 0), target, (), settings)
    for window in windows:
        engine.note(window)
    engine.train()
    return engine.recommend()


def rows_of(load: str, tasks: int, samples: int, wait_s: float, targets: Sequence[str]) -> list[dict[str, Any]]:
    """Every target and surrogate."""
    surface, rows = agent(), []
    logs = {seed: seen(surface, seed, tasks, samples, wait_s) for seed in SEEDS}
    for target in targets:
        for kind in KINDS:
            judged = []
            for seed, windows in logs.items():
                one = said(surface, windows, seed, target, kind)
                points = np.array([moved(surface.incumbent, one.params), surface.incumbent])
                new, old = surface.means(points, MET)[target]
                true = transforms.sign_of(target) * (new / old - 1.0)
                if not one.reason:
                    is_in = one.ci_low - 1e-9 <= true <= one.ci_high + 1e-9
                    judged.append((one.improvement_ratio, true, is_in, one.confidence, true > 0.0))
            means = [f"{value:.3f}" for value in np.mean(judged, axis=0)] if judged else [""] * 5
            values = [load, tasks, samples, target, kind, len(judged), *means]
            rows.append(dict(zip(COLUMNS, values, strict=True)))
            print(*values, file=sys.stderr, flush=True)
    return rows


def main(path: Path) -> None:
    """Run them all and write the table."""
    rows = []
    for load, wait_s, targets in (("calm", 0.0, TARGETS), ("burst", WAIT_S, TARGETS[:1])):
        for tasks, samples in SIZES:
            rows += rows_of(load, tasks, samples, wait_s, targets)
    stream = io.StringIO()
    table = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(path, stream.getvalue())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
