"""Shares of time up against renewal theory, nodes down against the machine-repair chain; widths are derived.

The mean over [0, T] of a function f of a finite Markov chain with stationary law pi is off by at most
Z sqrt(v / T), v = 2 sum of pi (f - m) D (f - m), with D the deviation matrix (Z 4.5: false alarm 7e-6), plus the bias
of the start, |(D (f - m))_start| / T. An alternating renewal process has v = (V_up m_down^2 + V_down m_up^2) / (m_up +
m_down)^3 (V a variance, m a mean; Cox 1962).
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.world.faults.fake import Rig

Z = 4.5


def mean_down(rig: Rig, until: float, up: str = "restore", down: str = "crash") -> float:
    """Time average of the number of nodes down."""
    area = last = 0.0
    count = 0
    for at, name, _, _ in rig.calls(up, down):
        area += count * (at - last)
        count, last = count + (1 if name == down else -1), at
    return (area + count * (until - last)) / until


@pytest.mark.parametrize("repair", ["exponential", "deterministic"])
def test_the_share_of_time_up(repair: str) -> None:
    nodes, until, up_s, down_s = 20, 50_000.0, 90.0, 30.0
    rig = Rig(nodes=nodes).add("pause", mttf_s=up_s, mttr_s=down_s, repair=repair).run(until)
    share = 1.0 - mean_down(rig, until, "resume", "pause") / nodes
    variance = (up_s**2 * down_s**2 + (down_s**2 if repair == "exponential" else 0.0) * up_s**2) / (up_s + down_s) ** 3
    bias = (up_s + down_s) / until  # less than a cycle
    assert abs(share - up_s / (up_s + down_s)) < Z * math.sqrt(variance / (until * nodes)) + bias
    assert Z * math.sqrt(variance / (until * nodes)) + bias < 0.02


def machine_repair(nodes: int, repairers: int, fail: float, repair: float) -> tuple[float, float, float]:
    """Mean number down, its variance constant v, and the bias of a start with all up."""
    size = nodes + 1
    rates = np.zeros((size, size))
    for down in range(size):
        if down < nodes:
            rates[down, down + 1] = (nodes - down) * fail
        if down:
            rates[down, down - 1] = min(down, repairers) * repair
        rates[down, down] = -rates[down].sum()
    law = np.ones(size)  # detailed balance
    for down in range(1, size):
        law[down] = law[down - 1] * rates[down - 1, down] / rates[down, down - 1]
    law /= law.sum()
    mean = float(law @ np.arange(size))
    centered = np.arange(size) - mean
    deviation = np.linalg.solve(np.outer(np.ones(size), law) - rates, centered)
    return mean, float(2.0 * law @ (centered * deviation)), abs(float(deviation[0]))


@pytest.mark.parametrize("repairers", [1, 2])
def test_machine_repair(repairers: int) -> None:
    nodes, until, up_s, down_s = 5, 150_000.0, 50.0, 50.0
    rig = Rig(nodes=nodes).add("crash", mttf_s=up_s, mttr_s=down_s, repairers_max=repairers).run(until)
    mean, variance, bias = machine_repair(nodes, repairers, 1 / up_s, 1 / down_s)
    width = Z * math.sqrt(variance / until) + bias / until
    assert width < 0.05 * mean
    assert abs(mean_down(rig, until) - mean) < width
    free, _, _ = machine_repair(nodes, nodes, 1 / up_s, 1 / down_s)
    assert mean - free > 4 * width  # the test could tell


def test_the_chain_is_right_where_it_is_known() -> None:
    mean, variance, _ = machine_repair(1, 1, 0.25, 0.75)  # two states: share down f / (f + r), v = 2 f r / (f + r)^3
    assert mean == pytest.approx(0.25)
    assert variance == pytest.approx(2 * 0.25 * 0.75)


def test_the_only_repairer_takes_the_broken_in_turn() -> None:
    rig = Rig(nodes=4).add("crash", mttf_s=1.0, mttr_s=50.0, repair="deterministic", repairers_max=1).run(400.0)
    broken = [(at, node) for at, _, node, _ in rig.calls("crash")]
    back = [(at, node) for at, _, node, _ in rig.calls("restore")]
    assert len(back) == 7
    assert [node for _, node in back] == [node for _, node in broken[: len(back)]]
    for index in range(1, len(back)):
        assert back[index][0] == max(back[index - 1][0], broken[index][0]) + 50.0


@pytest.mark.parametrize("leaver", [0, 1])
def test_a_node_that_leaves_gives_its_repairer_or_its_turn_back(leaver: int) -> None:
    rig = Rig(nodes=3).add("crash", mttf_s=1e-3, mttr_s=50.0, repair="deterministic", repairers_max=1)
    order: list[str] = []

    def leave() -> None:
        order.extend(node for _, _, node, _ in rig.calls("crash"))
        rig.target.gone(order[leaver])

    rig.at(10.0, leave).run(105.0)
    left = [node for node in order if node != order[leaver]]
    first = 60.0 if leaver == 0 else rig.calls("crash")[0][0] + 50.0
    restored = rig.calls("restore")
    assert [node for _, _, node, _ in restored[: len(left)]] == left[: len(restored)]
    assert restored[0][0] == first


def test_a_scheduled_crash_needs_no_repairer() -> None:
    rig = Rig(nodes=3).add("crash", mttf_s=1e9, at_s=(10.0,), for_s=5.0, repairers_max=1).run(100.0)
    assert [at for at, *_ in rig.calls("restore")] == [15.0] * 3
