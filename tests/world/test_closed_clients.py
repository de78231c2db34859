"""Closed clients: think, send, wait, think again; the interactive response time law on the path itself."""

from __future__ import annotations

import math

import numpy as np

from sim.types.records import OK, REJECTED
from sim.world.feed import CLIENT_BLOCK
from tests.world.scripted import ScriptedBalancer, scripted_run


class EndlessWork(dict[int, float]):
    """Every request of every client takes a quarter of a second."""

    def __missing__(self, entity: int) -> float:
        return 0.25


def test_a_client_sends_its_next_request_when_it_has_thought() -> None:
    record, _ = scripted_run(at=[], work_s=EndlessWork({0: 0.25}), clients=1, horizon_s=60.0)  # type: ignore[arg-type]
    table = record.attempts
    sent = 48  # one each 1.25 s; more than a block of a client's draws
    assert sent > CLIENT_BLOCK
    assert table.request.tolist() == list(range(sent))
    assert table.arrived_at.tolist() == [1.0 + 1.25 * number for number in range(sent)]
    assert record.ended_at == 60.0


def test_nothing_is_sent_at_or_after_the_horizon() -> None:
    record, _ = scripted_run(at=[], work_s=EndlessWork({0: 0.25}), clients=3, horizon_s=1.0)  # type: ignore[arg-type]
    assert record.arrivals_count == len(record.attempts) == 0
    assert record.ended_at == 1.0


def test_the_interactive_response_time_law_holds_on_the_path() -> None:
    """N T = sum of responses + sum of thoughts + what each client has not finished at T (Little 1961)."""
    clients, horizon_s = 7, 40.0
    record, _ = scripted_run(
        at=[], work_s=EndlessWork({0: 0.25}), clients=clients, agents=1, horizon_s=horizon_s  # type: ignore[arg-type]
    )  # fmt: skip
    table = record.attempts
    client = table.request >> 32
    cycles_s, left_s = 0.0, 0.0
    for number in range(clients):
        mine = np.flatnonzero(client == number)
        arrived_at, finished_at = table.arrived_at[mine], table.finished_at[mine]
        assert table.request[mine].tolist() == [(number << 32) + k for k in range(len(mine))]
        assert arrived_at[0] == 1.0
        assert np.array_equal(arrived_at[1:], finished_at[:-1] + 1.0)
        done = finished_at[finished_at <= horizon_s]
        cycles_s += float(done[-1])
        left_s += horizon_s - float(done[-1])
    assert math.isclose(clients * horizon_s, cycles_s + left_s, rel_tol=1e-12)
    answered = np.count_nonzero(table.finished_at <= horizon_s)
    throughput_per_s = answered / horizon_s
    response_s = float((table.finished_at - table.arrived_at)[table.finished_at <= horizon_s].mean())
    law = throughput_per_s * (response_s + 1.0)
    assert 0.0 <= clients - law <= left_s / horizon_s + 1e-9  # what is left over is all that the law may miss


def test_a_refused_client_thinks_too() -> None:
    record, balancer = scripted_run(
        at=[], work_s=EndlessWork({0: 0.25}), clients=3, agents=1, queue_max=0, horizon_s=2.5  # type: ignore[arg-type]
    )  # fmt: skip
    table = record.attempts
    # all send at 1: client 0 is served until 1.25, the others are refused and come back at 2, where client 1 is first
    assert table.arrived_at.tolist() == [1.0, 2.25, 1.0, 2.0, 1.0, 2.0]
    assert table.status.tolist() == [OK, OK, REJECTED, OK, REJECTED, REJECTED]
    assert balancer.refusals == [(0, 1.0), (0, 1.0), (0, 2.0)]


def test_a_client_waits_at_the_balancer_without_sending_more() -> None:
    balancer = ScriptedBalancer(lambda count, now: -1)
    record, _ = scripted_run(
        at=[], work_s=EndlessWork({0: 0.25}), clients=2, balancer=balancer, horizon_s=9.0, drain_s=1.0  # type: ignore[arg-type]
    )  # fmt: skip
    assert record.attempts.arrived_at.tolist() == [1.0, 1.0]
    assert record.central_area_s == 2 * 9.0
    assert record.ended_at == 10.0
