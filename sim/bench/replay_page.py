"""`victor-sim replay page`: one stored replication run again, held against the store, and written as a page to play.

The store keeps numbers, not events; the run is made again for them, and the page says whether it is the stored one bit
for bit. It is one HTML file that asks nobody for anything.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from sim.bench import assemble
from sim.bench.durable import write_whole
from sim.bench.extensions import load_extensions
from sim.bench.plan import Plan
from sim.bench.playback import playback
from sim.bench.replay import first_difference, stored_run
from sim.integration.gateway.watch import replay_page


def write_replay_page(plan: Plan, folder: Path, label: str, replication: int, out: Path | None) -> tuple[str, bool]:
    """What is said of it, and whether the run is the stored one; raises `ConfigError` as `replay_run` does.

    `out` None: `replay-POINT-rREPLICATION.html` in the study's `folder`.
    """
    point, _, stored = stored_run(plan, label, replication)
    load_extensions(point.config.extensions)
    assembly = assemble.assemble(point.config, replication)
    record = assembly.run()
    difference = first_difference(stored, record)
    verdict = "bit for bit the stored run" if difference is None else f"NOT the stored run: {difference}"
    run = {
        "name": plan.name, "point": label, "replication": replication, "seed": point.config.seed, "verdict": verdict,
        "digest": record.digest,
        "command": shlex.join(["victor-sim", "replay", "page", plan.name, label, str(replication)]),
        **playback(record, list(assembly.log.rows), assembly.log.count),
    }  # fmt: skip
    path = out or folder / f"replay-{point.file_name}-r{replication}.html"
    page = replay_page(run, f"{plan.name}: {label}, replication {replication}")
    write_whole(path, page)
    events = f"{len(run['events']):,} events, {len(run['nodes'])} nodes, {len(page) / 1e6:.1f} MB"
    return f"{path}: {events}; {verdict}", difference is None
