"""Every audit holds on every kind of run: strategies x disciplines x queues x types x dispatchers x open or closed."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from sim.types.records import OK, REJECTED, TRUNCATED, RunRecord
from tests.integration.runs import STRATEGIES, small_config, valid_run

HORIZON_S = 13.0  # of about 9 requests a second
TYPES = {"small": 1, "large": 2}
DISCIPLINES: dict[str, dict[str, Any]] = {
    "fifo": {"kind": "exponential"},
    "ps": {"kind": "lognormal", "scv": 4.0, "discipline": "ps"},
    "llm": {"kind": "llm", "output_tokens_max": 200},
}
WAYS: dict[str, dict[str, Any]] = {
    "one": {},
    "three": {"dispatchers": 3},
    "central": {"queue": "central"},
    "central_bounded": {"queue": "central", "queue_max": 2},
}
SEED = 11


def grid_run(strategy: str, discipline: str, way: str, closed: bool, typed: bool, variant: int) -> RunRecord:
    """One run of the grid; `variant` turns queue bound, truncation, speeds and arrivals."""
    fleet: dict[str, Any] = {
        "agents_per_node": 3,
        "agent_types": TYPES if typed else {},
        "queue_max": (1_000_000, 0, 2)[variant % 3],
        "speeds": ([1.0], [0.5, 1.0, 2.0])[variant % 2],
    }
    arrivals: dict[str, Any] = {"type_mix": {"small": 1.0, "large": 2.0} if typed and variant % 4 else {}}
    if closed:
        arrivals |= {"kind": "closed_loop", "clients_count": 14, "think_s": 0.2}
    else:
        arrivals |= {"kind": ("poisson", "gamma")[variant // 2 % 2], "cv": 2.0, "keys_count": (0, 7)[variant % 2]}
        arrivals["utilization_ratio"] = (0.7, 1.3)[variant // 3 % 2]
    config = small_config(
        seed=SEED,
        fleet=fleet,
        arrivals=arrivals,
        service=DISCIPLINES[discipline],
        balancer={"kind": strategy, **WAYS[way]},
    )
    config.horizon_s = HORIZON_S
    config.drain_s = (1000.0, 0.0, 0.3)[variant // 2 % 3]
    return valid_run(config)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_on_the_grid(strategy: str) -> None:
    statuses: set[int] = set()
    cells = itertools.product(DISCIPLINES, WAYS, (False, True), (False, True))
    for variant, (discipline, way, closed, typed) in enumerate(cells):
        record = grid_run(strategy, discipline, way, closed, typed, variant + STRATEGIES.index(strategy))
        assert record.arrivals_count > 20, (discipline, way, closed, typed)
        statuses.update(np.unique(record.attempts.status).tolist())
    assert statuses == {OK, REJECTED, TRUNCATED}


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("strategy", ["least_connections", "power_of_d", "weighted_least_connections"])
@pytest.mark.parametrize("dispatchers", [1, 3])
def test_with_polled_loads(strategy: str, own: bool, dispatchers: int) -> None:
    balancer = {"kind": strategy, "signal": "polled", "refresh_s": 0.7, "count_own_dispatches": own}
    record = valid_run(small_config(seed=SEED, balancer={**balancer, "dispatchers": dispatchers}))
    assert set(record.attempts.node.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("kind", ["deterministic", "mmpp", "diurnal", "flash_crowd"])
def test_with_every_other_source(kind: str) -> None:
    arrivals = {"kind": kind, "period_s": 20.0, "burst_s": 1.0, "calm_s": 4.0, "peak_at": 5.0, "peak_s": 3.0}
    record = valid_run(small_config(seed=SEED, arrivals=arrivals))
    assert record.terminating == (kind in ("diurnal", "flash_crowd"))


def test_without_any_request() -> None:
    record = valid_run(small_config(horizon_s=1e-9, drain_s=0.0))
    assert (record.arrivals_count, len(record.attempts), record.ended_at) == (0, 0, 1e-9)
    assert record.nodes.arrived.tolist() == [0, 0, 0]
