"""The source's figures against ours as lines, as a table of numbers and as a page."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from os import getloadavg
from pathlib import Path

from sim.bench.machine import facts
from sim.live.source_bench import AGENTS, FACTOR, Figure, LoadTest

COMMAND = "victor-sim bench --source"
HOW = (
    f"Medians of single acts. Asked is {FACTOR:g} times under, held against processor time (workers included): a "
    f"machine that others use blurs the wall clock. {AGENTS} agents at once: until the last one is ready; agents are "
    "ready as soon as they are placed, as they have no model to load."
)
COLUMNS = ("what", "source_s", "wall_s", "cpu_s", "count", "wall_ratio", "cpu_ratio")


def cells(figure: Figure) -> tuple[str, ...]:
    """A row of the table of numbers; the ratios are those of the numbers as they are written."""
    wall, cpu = f"{figure.wall_s:.4g}", f"{figure.cpu_s:.4g}"
    ratios = (f"{figure.source_s / float(each):.4g}" for each in (wall, cpu))
    return (figure.what, f"{figure.source_s:g}", wall, cpu, str(figure.count), *ratios)


def broken(figures: Sequence[Figure], test: LoadTest) -> list[str]:
    """What is not `FACTOR` times under the source's figure by processor time, and what the load test misses."""
    slow = [each for each in figures if each.cpu_ratio < FACTOR]
    return [f"{each.what}: {each.cpu_ratio:.1f} times under, {FACTOR:g} asked" for each in slow] + test.missing()


def lines_of(figures: Sequence[Figure], test: LoadTest) -> list[str]:
    """For people."""
    lines = [f"{'':54} {'source':>8} {'wall':>10} {'processor':>10}  times under (wall, processor)"]
    for each in figures:
        ratios = f"{each.wall_ratio:8.1f} {each.cpu_ratio:8.1f}"
        lines.append(f"{each.what:54} {_ms(each.source_s):>8} {_ms(each.wall_s):>10} {_ms(each.cpu_s):>10}  {ratios}")
    return [*lines, said(test)]


def said(test: LoadTest) -> str:
    """The load test in one line."""
    return (
        f"load test: {test.deployed_at_once} agents deployed at once, {test.models} models trained, {test.hooks} hooks "
        f"called with {test.hook_errors} errors, {test.requests} requests of one key: {test.let_in} let in, "
        f"{test.limited} answered 429"
    )


def write(path: Path, figures: Sequence[Figure], test: LoadTest) -> None:
    """`path` (numbers), and README.md beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(cells(each) for each in figures)
    rows = [
        f"| {name} | {_ms(float(source))} | {_ms(float(wall))} | {_ms(float(cpu))} | {count} | {by_wall} | {by_cpu} |"
        for name, source, wall, cpu, count, by_wall, by_cpu in map(cells, figures)
    ]
    page = [
        "# The source's figures, and ours",
        "",
        f"`{COMMAND}`",
        "",
        *(f"- {name}: {value}" for name, value in facts().items()),
        f"- load average: {getloadavg()[0]:.1f}",
        "",
        "| what | the source | wall | processor | acts | times under, by the wall | by the processor |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        HOW,
        "",
        f"{said(test).capitalize()}.",
    ]
    (path.parent / "README.md").write_text("\n".join(page) + "\n", encoding="utf-8")


def _ms(seconds: float) -> str:
    return f"{1e3 * seconds:.3g} ms" if seconds < 1.0 else f"{seconds:.3g} s"
