"""What `bench` publishes: tables, page and figure of the yardstick, and those of the growth curves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.bench import bench_growth as growing
from sim.bench.bench_tables import RATIO_COLUMNS, SPEED_COLUMNS, markdown, ratio_cells, speed_cells, write_csv
from sim.bench.bench_turns import Speed, SpeedRow
from sim.bench.machine import caches, facts, size_text
from sim.report.growth import Curve, crossings, growth_svg
from sim.report.speed import EngineSpeed, speed_svg

OURS = ("compiled engine", "simpy engine")
COMMAND = "victor-sim bench"


def write_yardstick(path: Path, speeds: Sequence[Speed], rows: Sequence[SpeedRow], words: Sequence[str]) -> None:
    """Ratios into `path`; beside it `speeds.csv`, `speeds.svg` and `README.md`. `words`: what the command was given."""
    folder = path.parent
    write_csv(path, RATIO_COLUMNS, ratio_cells(rows))
    write_csv(folder / "speeds.csv", SPEED_COLUMNS, speed_cells(speeds))
    there = [speed for speed in speeds if not speed.absent]
    drawn = [
        EngineSpeed(speed.name, speed.median, min(speed.rates), max(speed.rates), speed.name.startswith(OURS))
        for speed in there
    ]
    if drawn:
        absent = [speed.name for speed in speeds if speed.absent]
        (folder / "speeds.svg").write_text(speed_svg(drawn, absent), encoding="utf-8")
    page = markdown(speeds, rows, facts(), " ".join([COMMAND, *words]), "speeds.svg")
    (folder / "README.md").write_text(page, encoding="utf-8")


def write_growth(folder: Path, points: Sequence[growing.GrowthPoint]) -> None:
    """`growth.csv` and `growth.svg`."""
    write_csv(folder / "growth.csv", growing.COLUMNS, growing.cells(points))
    curves = curves_of(points)
    if not curves:
        return
    state: dict[int, int] = {}
    for point in points:
        state[point.nodes] = max(state.get(point.nodes, 0), point.state_bytes)
    sizes = caches()
    found = crossings(sorted(state.items()), sizes)
    named = {f"{name}, {size_text(sizes[name])}": nodes for name, nodes in found.items()}
    told = ", ".join(f"{name} {size_text(size)}" for name, size in sizes.items())
    words = f"solid: compiled, dashed: SimPy; {facts()['processor']}"
    words += f"; data caches: {told}" if told else ""
    (folder / "growth.svg").write_text(growth_svg(curves, named, words), encoding="utf-8")


def curves_of(points: Sequence[growing.GrowthPoint]) -> list[Curve]:
    """A curve an engine and strategy, of the points that are there."""
    curves = []
    for key in dict.fromkeys((point.engine, point.balancer) for point in points):
        having = [point for point in points if (point.engine, point.balancer) == key and not point.absent]
        if having:
            drawn = tuple((p.nodes, p.ns_per_request, p.ns_per_request_low, p.ns_per_request_high) for p in having)
            curves.append(Curve(key[1], key[0] == "compiled", drawn))
    return curves
