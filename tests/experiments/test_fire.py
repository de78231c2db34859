"""The whole way of a run under fire from the command line and from Python: sweep, resume, best, replay, report."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import sim
from sim.measure.metrics import METRICS

SMALL = ["horizon_s=200", "fleet.nodes=4", "fleet.agents_per_node=2", "stats.replications=2", "launcher.workers=1"]
FIRE = ["retry=default", "failover=default", "health=aggressive", "hedge=default", "breaker=default"]
OFTEN = ["faults.crash.mttf_s=100", "faults.pause.mttf_s=100"]
NEW = (
    "detection_s",
    "failover_s",
    "detected_ratio",
    "nodes_mean",
    "goodput_ratio_min",
    "failovers_count",
    "lost_ratio",
)
Said = Callable[..., tuple[int, str, str]]


def test_a_sweep_over_faults_runs_resumes_replays_and_gives_a_best(said: Said) -> None:
    words = ["--multirun", "faults=[crash],[crash,pause]", *OFTEN, *FIRE, *SMALL, "name=fire", "objective=lost_ratio"]
    code, out, err = said("run", *words)
    assert code == 0, out + err
    assert "lowest lost_ratio" in out
    assert said("run", *words)[:2] == (0, out)
    code, plan, _ = said("run", "--dry-run", *words)
    assert plan.splitlines()[1:] == [
        "  faults=[crash]        2 replications, 2 stored",
        "  faults=[crash,pause]  2 replications, 2 stored",
        "to run: nothing, everything is stored",
    ]
    with Path("results/fire/points.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["faults"] for row in rows} == {"[crash]", "[crash,pause]"}
    assert set(NEW) <= {row["metric"] for row in rows} <= set(METRICS)
    manifest = json.loads(Path("results/fire/manifest.json").read_text(encoding="utf-8"))
    assert manifest["command"] == "victor-sim run " + " ".join(f"'{w}'" if "[" in w else w for w in words)
    assert said("replay", "run", "fire", "faults=[crash,pause]", "1")[:2][0] == 0
    assert said("report", "fire")[:2] == (0, out)
    best = Path("results/fire/best.yaml")
    label = best.read_text(encoding="utf-8").splitlines()[0].split()[1]
    _, plan, _ = said("run", f"config={best}", "--dry-run", "name=again")
    assert "2 replications, 2 stored" in plan, f"the best, {label}, is the stored point"
    _, plan, _ = said("run", f"config={best}", "faults=pause", "--dry-run", "name=again")
    assert "2 replications, 0 stored" in plan


def test_python_gives_the_same_run_under_fire(said: Said) -> None:
    point = {
        "fleet": {"nodes": 4, "agents_per_node": 2},
        "faults": ["crash", "slow"],
        "faults.crash": {"mttf_s": 100.0},
        "autoscaler": "hpa",
        "autoscaler.provisioning_s": 20,
        "deadline_s": 30,
        "horizon_s": 200,
        "stats.replications": 2,
        "launcher.workers": 1,
    } | dict(word.split("=") for word in FIRE)
    result = sim.simulate(point)
    assert set(NEW) <= set(result.metrics)
    assert result["nodes_mean"].unit == "1"
    assert 0.0 < result["detected_ratio"].mean <= 1.0
    for number, record in enumerate(result.records):
        counts = record.counts
        assert counts["faults_crash"] > 0
        table = result.table(number)
        assert len(set(table["request"].tolist())) == record.arrivals_count, "every request has a row, one at least"
        assert len(table["request"]) == record.arrivals_count + counts["retries"] + counts["hedges"]
    assert str(result).splitlines()[-1].startswith("lost ")
