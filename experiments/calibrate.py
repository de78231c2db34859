"""victor-sim calibrate [--fit "OVERRIDES"] [--predict "OVERRIDES; OVERRIDES"] [--out DIR] [hydra overrides]

Records a live run on this machine (`serve` with real node processes, whose agents sleep the drawn demand), fits a world
to it (service law, overhead as delay on the way), writes it as OUT/world.yaml that `run config=FILE` accepts, and
predicts other live runs at another load and strategy: p50, p95, p99, utilization, decisions. Exit 1 if a p50 is more
than 5 % or a p99 more than 10 % off. OUT is results/live. Takes the horizon of each run, plus its start.

  victor-sim calibrate --fit "balancer=round_robin arrivals.utilization_ratio=.5" \\
      --predict "balancer=power_of_d arrivals.utilization_ratio=.7 seed=2"
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.experiments.words import parse

FIT = "balancer=round_robin arrivals.utilization_ratio=.5"
PREDICT = (
    "balancer=power_of_d arrivals.utilization_ratio=.75 seed=2; balancer=random arrivals.utilization_ratio=.6 seed=3"
)
SHARED = (
    "fleet.nodes=3", "fleet.agents_per_node=4", "service=lognormal", "service.mean_s=2", "service.scv=0.25",
    "horizon_s=200",
)  # fmt: skip
OUT = "results/live"


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when a prediction is further off than asked for."""
    words = parse(arguments, (), ("--fit", "--predict", "--out"))
    from sim.live.calibrate.command import calibrate

    values = words.values
    out = Path(values.get("--out", OUT))
    return calibrate([*SHARED, *words.overrides], values.get("--fit", FIT), values.get("--predict", PREDICT), out)
