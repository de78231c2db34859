"""A record made of nothing but its config and replication, for tests of what carries records about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import sim.registry
from sim.bench import assemble
from sim.bench.schema import Config
from sim.runtime.draws import SERVICE_REQUEST, CounterDraws
from sim.types.records import AttemptTable, NodeTable, RunRecord

ROWS = 40


def fake_record(config: Config, replication: int) -> RunRecord:
    """`ROWS` attempts on one node, one behind the other, with work that depends on seed and replication."""
    work_s = CounterDraws(config.seed, replication).uniforms(SERVICE_REQUEST, 0, ROWS)[:, 0]
    arrived_at = np.arange(ROWS, dtype=np.float64)
    attempts = AttemptTable(
        request=np.arange(ROWS, dtype=np.int64),
        attempt=np.zeros(ROWS, dtype=np.int16),
        arrived_at=arrived_at,
        started_at=arrived_at,
        finished_at=arrived_at + work_s,
        node=np.zeros(ROWS, dtype=np.int32),
        status=np.zeros(ROWS, dtype=np.int8),
        work_s=work_s,
        first_token_at=np.full(ROWS, np.nan) if config.service.kind == "llm" else None,
    )
    one = np.ones(1)
    nodes = NodeTable(
        node_id=["node-0"], zone=["zone-1"], speed=one, agents=np.ones(1, dtype=np.int64), born_at=0 * one,
        gone_at=np.nan * one, area_present_s=one * work_s.sum(), area_busy_s=one * work_s.sum(),
        work_done_s=one * work_s.sum(), truncated_work_s=0 * one, arrived=np.full(1, ROWS), answered=np.full(1, ROWS),
        refused=np.zeros(1, dtype=np.int64), truncated=np.zeros(1, dtype=np.int64),
    )  # fmt: skip
    return RunRecord(
        attempts, nodes, horizon_s=float(ROWS), ended_at=float(arrived_at[-1] + work_s[-1]), arrivals_count=ROWS,
        events_count=2 * ROWS, wall_s=0.25, digest=f"{replication:032x}", notes={"fleet": "one node"},
    )  # fmt: skip


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Replaces the engine by `fake_record`; the list tells which (strategy, replication) were run."""
    runs: list[tuple[str, int]] = []

    def run(config: Config, replication: int) -> RunRecord:
        runs.append((config.balancer.kind, replication))
        return fake_record(config, replication)

    monkeypatch.setattr(assemble, "run_replication", run)
    return runs


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What an extension registers is forgotten after the test."""
    sim.registry.load_all()
    entries = {group: dict(found) for group, found in sim.registry._ENTRIES.items()}
    monkeypatch.setattr(sim.registry, "_ENTRIES", entries)
    return
