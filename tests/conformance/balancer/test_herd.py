"""Stale load against published means: 100 nodes of one agent at .9, ties drawn (the herd table), and k dispatchers."""

from __future__ import annotations

import pytest

from sim.scalability.balancer.params import BalancerParams
from tests.conformance.balancer.board import mean_and_error, sojourns

SEED = 1
T_19 = 3.88  # two-sided .001 quantile of Student's t, 19 degrees of freedom (20 batch means)

LEAST = {"kind": "least_connections"}
PAIR = {"kind": "power_of_d"}


def polled(refresh_s: float, own: bool = False) -> dict[str, object]:
    return {"signal": "polled", "refresh_s": refresh_s, "count_own_dispatches": own}


@pytest.mark.parametrize(
    ("keys", "mean_s"),
    [
        (LEAST, 1.07),
        (PAIR, 2.64),
        ({**LEAST, **polled(1.0)}, 4.02),
        ({**PAIR, **polled(1.0)}, 2.97),
        ({**PAIR, **polled(10.0)}, 5.11),
        ({**LEAST, **polled(1.0, own=True)}, 1.84),
        ({**LEAST, **polled(10.0, own=True)}, 3.06),
        ({**LEAST, **polled(30.0, own=True)}, 3.78),
    ],
)
def test_the_herd_table(keys: dict[str, object], mean_s: float) -> None:
    params = BalancerParams(**keys)  # type: ignore[arg-type]
    requests = max(60_000, int(10_000 * params.refresh_s))  # each of the 20 batches spans at least four refreshes
    mean, error = mean_and_error(sojourns(params, 100, 0.9, requests, SEED))
    assert abs(mean - mean_s) < T_19 * error, f"seed {SEED}: {mean:.3f} +- {error:.3f}, table {mean_s}"


def test_ties_decide_how_far_a_stale_board_herds() -> None:
    means = {}
    for ties in ("rotate", "random", "lowest"):
        params = BalancerParams(kind="least_connections", signal="polled", refresh_s=1.0, ties=ties)
        means[ties], error = mean_and_error(sojourns(params, 100, 0.9, 40_000, SEED))
        assert error < 0.1 * means[ties]
    assert means["rotate"] < means["random"] < means["lowest"] / 8, f"seed {SEED}: {means}"


def test_prequal_on_equal_nodes_leaves_nobody_idle() -> None:
    """Half of what random waits at most (its mean is exactly 10): an idle node is not passed over for its past."""
    mean, error = mean_and_error(sojourns(BalancerParams(kind="prequal", signal="probed"), 100, 0.9, 60_000, SEED))
    assert mean + T_19 * error < 5.0, f"seed {SEED}: {mean:.3f} +- {error:.3f}"


def test_partial_views_hurt_local_counts_more_than_idle_tokens() -> None:
    """With 8 dispatchers a local count sees an eighth of the work; a token speaks of all of it (Lu et al. 2011)."""
    means = {}
    for kind in ("least_connections", "power_of_d", "join_idle_queue"):
        for dispatchers in (1, 8):
            params = BalancerParams(kind=kind, dispatchers=dispatchers)
            means[kind, dispatchers] = mean_and_error(sojourns(params, 100, 0.9, 40_000, SEED))[0]
    assert means["least_connections", 8] > 2 * means["least_connections", 1], f"seed {SEED}: {means}"
    assert means["join_idle_queue", 8] < means["least_connections", 8] < means["power_of_d", 8]
    assert means["join_idle_queue", 8] < 2.0
