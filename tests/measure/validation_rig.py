"""Toy worlds for `validate`: M/M/1 by recursion instead of an engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sim.bench.schema import Config
from sim.bench.validate_case import Case
from sim.bench.validate_cases import cases
from sim.types.records import RunRecord
from tests.measure.chance import generator
from tests.measure.toy import single_server_run


def single_server(config: Config, replication: int) -> RunRecord:
    """M/M/1 of the config by recursion, with books."""
    return slower_server(config, replication, 1.0)


def slower_server(config: Config, replication: int, factor: float) -> RunRecord:
    """The same with demands `factor` times as large."""
    rng = generator(config.seed * 1000 + replication)
    rho = config.arrivals.utilization_ratio
    assert rho is not None
    gaps = rng.exponential(1.0 / rho, int(1.2 * config.horizon_s * rho) + 100)
    count = int(np.searchsorted(np.cumsum(gaps), config.horizon_s))
    record = single_server_run(gaps[:count], factor * rng.exponential(1.0, len(gaps))[:count])
    return replace(record, horizon_s=config.horizon_s)


def case_named(name: str) -> Case:
    return next(case for case in cases() if case.rows[0].name == name)
