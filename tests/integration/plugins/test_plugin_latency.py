"""What hooks of the request path take by their latency laws: when it is spent, and how the timers of a request run on.

A deadline counts from the arrival, timeouts and hedges from the instant at which a request is sent.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.measure.audits import audit, problems_of
from sim.types.records import OK, REJECTED, TIMED_OUT, TRUNCATED, AttemptTable, RunRecord
from tests.integration.plugins.rig import write
from tests.integration.plugins.test_plugins_in_the_loop import run

QUIET = ["arrivals.utilization_ratio=0.01", "horizon_s=600"]
ONE_SECOND = ["service=deterministic", "service.mean_s=1"]
CLOSED = ["arrivals=closed_loop", "arrivals.utilization_ratio=null", "arrivals.clients_count=2", "arrivals.think_s=30"]


def test_a_constant_latency_is_spent_before_the_pick(tmp_path: Path) -> None:
    quiet = ["arrivals.utilization_ratio=0.01", "horizon_s=600"]
    write(tmp_path, "custom.slow", "def before_request(p): pass", "latency = { mean_s = 0.25 }", "before_request")
    free, slow = run(None, *quiet).attempts, run(tmp_path, *quiet).attempts
    assert len(free.request) > 20
    assert np.allclose(slow.started_at - slow.arrived_at, 0.25, atol=1e-9)
    assert np.allclose(slow.finished_at - free.finished_at, 0.25, atol=1e-9)


@pytest.mark.parametrize("drain_s", [200, 0])
def test_the_audits_hold_while_hooks_hold_requests(tmp_path: Path, drain_s: float) -> None:
    code = "def before_request(p):\n    return {'reject': 'third'} if p['request'] % 3 == 0 else None\n"
    write(tmp_path, "custom.slow", code, "latency = { law = 'exponential', mean_s = 2.0 }", "before_request")
    record = run(tmp_path, f"drain_s={drain_s}")
    assert problems_of(audit(record)) == []
    table = record.attempts
    refused = table.status == REJECTED
    assert (table.finished_at[refused] - table.arrived_at[refused]).mean() > 1.0


def slow(root: Path, *words: str, mean_s: float = 0.25) -> RunRecord:
    """A quiet fleet whose requests all take one second, behind a hook that holds each for `mean_s`."""
    write(root, "custom.slow", "def before_request(p): pass", f"latency = {{ mean_s = {mean_s} }}", "before_request")
    record = run(root, *QUIET, *ONE_SECOND, *words)
    assert problems_of(audit(record)) == []
    assert len(record.attempts) > 20
    return record


def ends_after_s(table: AttemptTable) -> np.ndarray:
    return table.finished_at - table.arrived_at


@pytest.mark.parametrize("load", [[], CLOSED])
def test_a_deadline_counts_from_the_arrival(tmp_path: Path, load: list[str]) -> None:
    held = slow(tmp_path, "deadline_s=0.2", *load).attempts
    assert set(held.status) == {TIMED_OUT}
    assert np.isnan(held.started_at).all(), "none was ever sent"
    assert np.allclose(ends_after_s(held), 0.2)
    served = slow(tmp_path, "deadline_s=1.2", *load).attempts  # a second from its arrival, or from its pick?
    assert set(served.status) == {TIMED_OUT}
    assert np.allclose(ends_after_s(served), 1.2)
    assert set(slow(tmp_path, "deadline_s=1.3", *load).attempts.status) == {OK}


@pytest.mark.parametrize("load", [[], CLOSED])
def test_a_timeout_counts_from_the_sending(tmp_path: Path, load: list[str]) -> None:
    assert set(slow(tmp_path, "retry.attempt_timeout_s=1.1", *load).attempts.status) == {OK}
    late = slow(tmp_path, "retry.attempt_timeout_s=0.9", *load).attempts
    assert set(late.status) == {TIMED_OUT}
    assert np.allclose(ends_after_s(late), 1.15)


def test_a_hedge_counts_from_the_sending(tmp_path: Path) -> None:
    table = slow(tmp_path, "hedge=default", "hedge.after_s=0.5", "hedge.cancel=false").attempts
    sent = {int(request): at for request, number, at in zip(table.request, table.attempt, table.started_at, strict=True)
            if number == 0}  # fmt: skip
    again = [(int(request), at) for request, number, at in zip(table.request, table.attempt, table.started_at,
             strict=True) if number == 1]  # fmt: skip
    assert len(again) == len(sent)
    assert np.allclose([at - sent[request] for request, at in again], 0.5)


def test_a_run_that_ends_with_requests_held_counts_them(tmp_path: Path) -> None:
    record = slow(tmp_path, "drain_s=0", "deadline_s=50", "plugins.plugin_timeout=1000", mean_s=400.0)
    assert set(record.attempts.status) == {TIMED_OUT, TRUNCATED}


@pytest.mark.parametrize("drain_s", [200, 0])
def test_the_audits_hold_with_every_timer_and_a_drawn_latency(tmp_path: Path, drain_s: float) -> None:
    words = ["deadline_s=4", "retry=default", "retry.attempt_timeout_s=2", "hedge=default", "hedge.after_s=1.5"]
    law = "latency = { law = 'exponential', mean_s = 2.0 }"
    write(tmp_path, "custom.slow", "def before_request(p): pass", law, "before_request")
    record = run(tmp_path, f"drain_s={drain_s}", *words)
    assert problems_of(audit(record)) == []
    table = record.attempts
    timed_out = table.status == TIMED_OUT
    assert np.isnan(table.started_at[timed_out]).sum() > 20, "some were held for longer than their deadline"
    again = run(tmp_path, f"drain_s={drain_s}", *words)
    assert again.digest == record.digest
