"""How hard the surfaces are: what there is to gain, a window's noise beside it, and the least regret that noise leaves.

A goal for the regret is a claim about a method only where noise does not decide alone; with this table beside the
measured regrets a reader sees which it was. Utilities in points.
"""

from __future__ import annotations

from sim.bench.optimize.floor import Floor, floors
from sim.bench.optimize.goals import EARLY, LATE
from sim.bench.optimize.study import StudyAsked
from sim.runtime.draws import CounterDraws


def floor_lines(asked: StudyAsked) -> list[str]:
    """A section of the page; empty if no surface has anything to gain."""
    found = floors(asked.surfaces, CounterDraws(asked.seeds[0], 0), (EARLY, LATE), asked.tasks)
    if not found:
        return []
    meaning = (
        "The sd of one window's utility under the incumbent over what there is to gain at first; and the least regret "
        "of who knows the curvature and lacks only the place of the optimum or, if that costs more, keeps the "
        "guardrail with 95 % (`sim.bench.optimize.floor`; where the law drifts none is known)."
    )
    return [
        f"## What noise leaves of the gain, windows of {asked.tasks} tasks",
        "",
        meaning,
        "",
        f"| surface | incumbent | best | noise over gain | regret at {EARLY} windows | at {LATE} windows |",
        "| --- | --- | --- | --- | --- | --- |",
        *map(_line, found),
        "",
    ]


def _line(each: Floor) -> str:
    least = [f"{each.regrets[at]:.3f}" if each.regrets is not None else "–" for at in (EARLY, LATE)]
    cells = [each.surface, f"{each.incumbent:.2f}", f"{each.best:.2f}", f"{each.noise_ratio:.2f}", *least]
    return "| " + " | ".join(cells) + " |"
