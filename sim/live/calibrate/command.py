"""What `victor-sim calibrate` does: record one live run, fit a world, predict other live runs, say how far off.

Everything that was recorded and fitted is written, so that each figure can be made again without a live fleet.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sim.bench.compose import compose, quoted, to_yaml
from sim.bench.schema import Config
from sim.live.calibrate.fit import Fit, fit_world, world_keys, write_points
from sim.live.calibrate.live_run import Recorded, live_run
from sim.live.calibrate.plan import load_plan
from sim.live.calibrate.predict import Verdict, verdict
from sim.live.calibrate.rows import write_rows

PLAIN = ("health=none", "failover=none", "retry=none")
SEEDS = 20  # other seeds, for the ranges
P50_MAX, P99_MAX = 0.05, 0.10  # errors asked for
Say = Callable[[str], None]


def calibrate(shared: Sequence[str], fit_words: str, predict_words: str, out: Path, say: Say = print) -> int:
    """1 when a prediction is further off than asked for. `shared` overrides hold for all runs."""
    out.mkdir(parents=True, exist_ok=True)
    base = [*PLAIN, *shared]
    first, others = fit_words.split(), [words.split() for words in predict_words.split(";") if words.strip()]
    for words in (first, *others):
        load_plan(compose([*base, *words]))  # what cannot run is refused before anything does
    recorded, config, rate_per_s = _record(base, first, out, say)
    fit = fit_world(recorded.rows)
    world = _write_world(fit, config, out)
    say(told(fit))
    found = [verdict(f"{' '.join(first)} (fitted)", recorded, world, [*base, *first], rate_per_s, SEEDS)]
    for words in others:
        recorded, _, rate_per_s = _record(base, words, out, say)
        say("\n".join(lines_of(found[-1:])))
        found.append(verdict(" ".join(words), recorded, world, [*base, *words], rate_per_s, SEEDS))
        write_table(out / "calibration.csv", found)  # an interrupt loses none that is finished
    say("\n".join(lines_of(found[-1:])))
    return int(any(is_off(one) for one in found[1:]))


def _record(base: Sequence[str], words: Sequence[str], out: Path, say: Say) -> tuple[Recorded, Config, float]:
    config = compose([*base, *words])
    plan = load_plan(config)
    name = " ".join(words)
    say(f"live: {name}: {len(plan.requests)} requests in {config.horizon_s:g} s")
    with TemporaryDirectory() as folder:
        recorded = live_run([*base, *words], plan, Path(folder))
    slug = "-".join(word.rpartition("=")[2] for word in words)
    write_rows(out / f"recorded-{slug}.csv", recorded.rows)
    return recorded, config, plan.rate_per_s


def _write_world(fit: Fit, config: Config, out: Path) -> list[str]:
    """The config of the fitted world, as a file that `run config=FILE` accepts; gives it as overrides."""
    write_points(out / "service.csv", fit)
    fleet = config.fleet
    keys: dict[str, dict[str, object]] = {
        "fleet": {"nodes": fleet.nodes, "agents_per_node": fleet.agents_per_node, "speeds": list(fleet.speeds)},
        **world_keys(fit, out / "service.csv"),
    }
    (out / "world.yaml").write_text(to_yaml(keys), encoding="utf-8")
    found = []
    for group, part in keys.items():
        for key, value in part.items():
            if isinstance(value, dict):
                found += [f"{group}.{key}.{name}={quoted(inner)}" for name, inner in value.items()]
            else:
                found.append(f"{group}.{key}={quoted(value)}")
    return found


def told(fit: Fit) -> str:
    """The fit in one line."""
    return (
        f"fitted: service mean {fit.mean_s:.4f} s, scv {fit.scv:.3f}; one way {1000 * fit.delay_s:.2f} ms + "
        f"exponential of {1000 * fit.jitter_s:.2f} ms (overhead p50 {1000 * fit.overhead_p50_s:.1f}, "
        f"p99 {1000 * fit.overhead_p99_s:.1f} ms)"
    )


def is_off(one: Verdict) -> bool:
    """Whether a prediction is further off than asked for, or a request was lost."""
    errors = {row.metric: abs(row.error_ratio) for row in one.compared}
    return errors["sojourn_s_p50"] > P50_MAX or errors["sojourn_s_p99"] > P99_MAX or one.lost > 0


def lines_of(found: Sequence[Verdict]) -> list[str]:
    """A table for people."""
    lines = []
    for one in found:
        lines.append(
            f"{one.name}: {one.requests} requests, {one.lost} lost, {one.equal} of {one.decisions} picks equal"
        )
        lines.append(f"  {'metric':20} {'measured':>9} {'predicted':>9} {'error':>8}   other seeds")
        for row in one.compared:
            span = f"{row.low:.4f} to {row.high:.4f}"
            lines.append(
                f"  {row.metric:20} {row.measured:9.4f} {row.predicted:9.4f} {100 * row.error_ratio:+7.1f}%   {span}"
            )
    return lines


def write_table(path: Path, found: Sequence[Verdict]) -> None:
    """One row a run and metric."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["run", "requests", "lost", "picks_equal", "picks", "metric", "measured", "predicted",
                         "error_ratio", "other_seeds_low", "other_seeds_high"])  # fmt: skip
        for one in found:
            counts = [one.name, one.requests, one.lost, one.equal, one.decisions]
            for row in one.compared:
                figures = (row.measured, row.predicted, row.error_ratio, row.low, row.high)
                writer.writerow([*counts, row.metric, *(f"{value:.6g}" for value in figures)])
