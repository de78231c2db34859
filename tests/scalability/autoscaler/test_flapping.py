"""A bare threshold flaps where the pod autoscaler holds: the same load, the same noise, the same provisioning time."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from sim.scalability.autoscaler.loop import Autoscaler
from tests.scalability.autoscaler.rig import AGENTS, FakeFleet, reversals

PROVISIONING_S = 60.0
HOURS = 6
INTERVAL_S = 15.0


def noisy(mean: Callable[[float], float]) -> Callable[[float], float]:
    """Busy agents of an infinite fleet at the ticks: Poisson around their mean, the same for every policy."""
    noise = np.random.default_rng(7).standard_normal(int(HOURS * 3600 / INTERVAL_S) + 2)
    return lambda at: mean(at) + math.sqrt(mean(at)) * float(noise[int(at / INTERVAL_S)])


def steps(at: float) -> float:
    return 7.0 * AGENTS if at < 7200.0 else 12.0 * AGENTS


def sine(at: float) -> float:
    return (10.0 + 5.0 * math.sin(2.0 * math.pi * at / 7200.0)) * AGENTS


def run(kind: str, load: Callable[[float], float]) -> tuple[list[int], float]:
    """Desired nodes at every tick, and the share of ticks at which the ready nodes could not carry the load."""
    fleet = FakeFleet(load, 10, PROVISIONING_S)
    target = 0.8 if kind == "threshold" else 0.7
    scaler: Autoscaler = fleet.autoscaler(
        kind, interval_s=INTERVAL_S, max_nodes=40, min_nodes=2, target_utilization_ratio=target
    )
    desired, short = [], 0
    for tick in range(1, int(HOURS * 3600 / INTERVAL_S)):
        fleet.runtime.run(until=INTERVAL_S * tick + 1.0)
        desired.append(scaler.desired_nodes)
        short += load(INTERVAL_S * tick) > len(fleet.nodes) * AGENTS
    fleet.runtime.close()
    return desired, short / len(desired)


@pytest.mark.parametrize("mean", [steps, sine])
def test_the_bare_threshold_flaps_and_hpa_holds(mean: Callable[[float], float]) -> None:
    load = noisy(mean)
    bare, bare_short = run("threshold", load)
    held, held_short = run("hpa", load)
    windows = HOURS * 3600.0 / 300.0
    assert reversals(held) <= windows  # M9
    assert reversals(bare) > 10 * reversals(held)
    assert held_short <= bare_short
