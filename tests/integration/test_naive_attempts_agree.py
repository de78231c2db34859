"""The engine of attempts against the naive one: attempts, nodes and statuses equal, instants within 1e-9."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from sim.bench.assemble import run_replication
from sim.bench.engine_choice import not_compiled
from sim.bench.schema import Config
from sim.measure.audits import audit, problems_of
from sim.types.records import STATUSES, RunRecord
from tests.integration.attempt_cases import REQUESTS, config_of, drawn_case
from tests.integration.naive_attempts import NaiveAttempt, NaiveAttempts

CASES = 200
TOLERANCE_S = 1e-9


@pytest.mark.parametrize("number", range(CASES))
def test_the_naive_engine_of_attempts_agrees(number: int) -> None:
    case = drawn_case(number)
    rows, config = NaiveAttempts(case).run(), config_of(case)
    for engine in engines_of(config):
        agree(rows, run_replication(replace(config, engine=engine), 0), f"{engine}, case {number}: {case}")


def engines_of(config: Config) -> list[str]:
    """Those that run it: the compiled engine from the day on when it does."""
    return ["simpy"] if not_compiled(config) is not None else ["simpy", "compiled"]


def agree(rows: list[NaiveAttempt], record: RunRecord, said: str) -> None:
    table = record.attempts
    assert not problems_of(audit(record)), said
    assert list(zip(table.request.tolist(), table.attempt.tolist(), strict=True)) == [
        (row.request, row.number) for row in rows
    ], said
    assert [STATUSES[code] for code in table.status.tolist()] == [row.status for row in rows], said
    assert table.node.tolist() == [row.node for row in rows], said
    for name in ("arrived_at", "started_at", "finished_at"):
        instants = np.array([getattr(row, name) for row in rows])
        np.testing.assert_allclose(getattr(table, name), instants, rtol=0.0, atol=TOLERANCE_S, err_msg=f"{name} {said}")


def test_the_cases_meet_what_they_should() -> None:
    cases = [drawn_case(number) for number in range(CASES)]
    rows = [(case, NaiveAttempts(case).run()) for case in cases]
    statuses = Counter(row.status for _, found in rows for row in found)
    assert {"ok", "failed", "rejected", "timed_out", "truncated"} == set(statuses)
    assert min(statuses.values()) >= 50
    retried = sum(any(row.number for row in found) for _, found in rows)
    assert retried >= 50
    assert sum(len(found) for _, found in rows) >= 0.8 * CASES * REQUESTS
    assert sum(bool(case.crashes) and bool(case.pauses) for case in cases) >= 30
