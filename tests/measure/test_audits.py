"""Audits: every law holds on toy runs, and a changed cell breaks the law that it should."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.errors import InvalidRun
from sim.measure.audits import audit, problems_of, require_valid
from sim.types.records import FAILED, OK, REJECTED, TRUNCATED, RunRecord
from tests.measure.toy import NAN, altered, attempts, fleet_run, mm1_run, nodes, random_run

NAMES = [
    "every arrival is in the table once",
    "every attempt has a status",
    "one answer per request",
    "attempts of a node balance",
    "instants are in order",
    "Little's law",
    "busy time is the sum of service times",
    "work done is the demand of what is finished",
    "utilization law",
]


def broken(record: RunRecord) -> list[str]:
    return [result.name for result in audit(record) if not result.passed]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"agents": 2, "speed": 0.5},
        {"queue_max": 1},
        {"horizon_s": 60.0, "drain_s": 1.0},
        {"sharing": True, "agents": 2},
        {"sharing": True, "queue_max": 2, "speed": 2.0},
        {"sharing": True, "horizon_s": 50.0, "drain_s": 10.0, "agents": 3},
    ],
)
def test_every_law_holds_on_a_run_kept_by_other_means(options: dict[str, Any]) -> None:
    for seed in range(5):
        results = audit(random_run(seed, **options))
        assert [result.name for result in results] == NAMES
        assert problems_of(results) == [], f"seed {seed}, {options}"


def test_a_million_rows_hold_within_rounding() -> None:
    assert broken(mm1_run(3, 0.8, 200_000)) == []


def test_truncated_and_refused_are_there_so_that_the_laws_are_tried_on_them() -> None:
    cut = random_run(1, horizon_s=60.0, drain_s=1.0).attempts.status
    assert np.count_nonzero(cut == TRUNCATED) > 5
    assert np.count_nonzero(random_run(1, queue_max=1).attempts.status == REJECTED) > 20


@pytest.mark.parametrize(
    ("change", "law"),
    [
        (lambda r: replace(r, arrivals_count=201), NAMES[0]),
        (lambda r: altered(r, "request", 5, 4), NAMES[0]),
        (lambda r: altered(r, "status", 5, 9), NAMES[1]),
        (lambda r: altered(r, "status", 5, -1), NAMES[1]),
        (lambda r: altered(r, "node", 5, 7), NAMES[3]),
        (lambda r: altered(r, "node", 5, -1), NAMES[3]),
        (lambda r: altered(r, "status", 5, REJECTED), NAMES[3]),
        (lambda r: replace(r, nodes=replace(r.nodes, arrived=r.nodes.arrived + 1)), NAMES[3]),
        (lambda r: altered(r, "arrived_at", 5, -1.0), NAMES[4]),
        (lambda r: altered(r, "started_at", 5, 0.0), NAMES[4]),
        (lambda r: altered(r, "started_at", 5, NAN), NAMES[4]),
        (lambda r: altered(r, "finished_at", 5, 0.0), NAMES[4]),
        (lambda r: altered(r, "finished_at", 5, 1e9), NAMES[4]),
        (lambda r: altered(r, "status", 5, TRUNCATED), NAMES[4]),
        (lambda r: replace(r, central_area_s=1.0), NAMES[5]),
        (lambda r: replace(r, nodes=replace(r.nodes, area_present_s=r.nodes.area_present_s * (1 + 3e-9))), NAMES[5]),
        (lambda r: replace(r, nodes=replace(r.nodes, area_busy_s=r.nodes.area_busy_s * (1 + 3e-9))), NAMES[6]),
        (lambda r: altered(r, "work_s", 5, 1e-5), NAMES[7]),
        (lambda r: replace(r, nodes=replace(r.nodes, speed=r.nodes.speed * 2.0)), NAMES[8]),
    ],
)  # fmt: skip
def test_a_change_breaks_its_law(change: Any, law: str) -> None:
    record = random_run(2)
    assert law in broken(change(record))


def test_what_is_wrong_is_named() -> None:
    record = random_run(2)
    with pytest.raises(
        InvalidRun, match="point a is INVALID: every arrival is in the table once: 201 arrived, 200 first"
    ):
        require_valid(replace(record, arrivals_count=201), "point a")
    require_valid(record, "point a")
    bad = replace(record, nodes=replace(record.nodes, arrived=record.nodes.arrived + np.array([0, 2, 2])))
    kept = int(record.nodes.arrived[1])
    assert problems_of(audit(bad)) == [
        f"attempts of a node balance: arrived of node-1 is {kept + 2}, counted {kept} (2 nodes differ)"
    ]
    assert problems_of(audit(altered(record, "started_at", 5, 0.0)))[0] == (
        "instants are in order: 1 attempts started outside the run, first of request 5"
    )


def test_unfinished_without_being_truncated_is_out_of_order() -> None:
    record = random_run(2, queue_max=1)
    row = int(np.flatnonzero(record.attempts.status == REJECTED)[0])
    assert NAMES[4] in broken(altered(record, "finished_at", row, NAN))


def test_retries_belong_to_a_request() -> None:
    columns: dict[str, Any] = {"arrived_at": [0.0, 1.0], "finished_at": [1.0, 2.0], "attempt": [0, 1]}
    columns |= {"status": [FAILED, OK], "work_s": [0.0, 1.0]}
    books = nodes(
        1, area_present_s=np.array([2.0]), area_busy_s=np.array([2.0]), arrived=np.array([2]), answered=np.array([2]),
        work_done_s=np.array([1.0]), truncated_work_s=np.array([1.0]),
    )  # fmt: skip
    table = attempts(**columns, request=[0, 0])
    assert broken(RunRecord(table, books, 2.0, 2.0, 1)) == []
    stray = attempts(**columns, request=[0, 7])
    assert problems_of(audit(RunRecord(stray, books, 2.0, 2.0, 1))) == [
        f"{NAMES[0]}: 1 retries of no request",
        f"{NAMES[2]}: 1 attempts out of number, first of request 7",
    ]


def test_requests_that_wait_at_the_balancer_count_into_littles_law() -> None:
    table = attempts(
        arrived_at=[0.0, 0.0, 3.0], started_at=[0.0, 2.0, NAN], finished_at=[2.0, 5.0, NAN], node=[0, 0, -1],
        status=[OK, OK, TRUNCATED], work_s=[2.0, 3.0, 1.0],
    )  # fmt: skip
    books = nodes(
        1, area_present_s=np.array([5.0]), area_busy_s=np.array([5.0]), arrived=np.array([2]), answered=np.array([2]),
        work_done_s=np.array([5.0]),
    )  # fmt: skip
    assert broken(RunRecord(table, books, 4.0, 5.0, 3, central_area_s=2.0 + 2.0)) == []
    assert broken(RunRecord(table, books, 4.0, 5.0, 3)) == [NAMES[5]]


def test_token_requests_have_no_work_in_seconds_but_all_other_laws() -> None:
    table = attempts(
        arrived_at=[0.0, 1.0], finished_at=[4.0, 5.0], first_token_at=[1.0, 2.0], prompt_tokens=[10, 10],
        output_tokens=[3, 3],
    )  # fmt: skip
    books = nodes(
        1, 4, area_present_s=np.array([8.0]), area_busy_s=np.array([8.0]), arrived=np.array([2]),
        answered=np.array([2]),
    )  # fmt: skip
    record = RunRecord(table, books, 5.0, 5.0, 2, processor_sharing=True)
    assert broken(record) == []
    assert broken(altered(record, "first_token_at", 1, 9.0)) == [NAMES[4]]
    assert broken(replace(record, nodes=replace(books, area_busy_s=np.array([7.0])))) == [NAMES[6]]


def test_an_empty_run_breaks_nothing() -> None:
    assert broken(RunRecord(attempts(arrived_at=[], finished_at=[]), nodes(2), 1.0, 1.0, 0)) == []


def test_first_of_equal_instants_is_no_disorder() -> None:
    assert broken(fleet_run([1.0, 1.0], [1.0, 1.0], [0, 0])) == []


@pytest.mark.parametrize(("missing_s", "laws"), [(0.0, []), (2e-11, NAMES[7:9])])
def test_late_instants_are_rounded_and_a_tiny_job_is_still_right(missing_s: float, laws: list[str]) -> None:
    work_s = 1e-4  # a machine that came at 22,000 s for one request
    finished_at = 22_000.1 + work_s
    busy_s = finished_at - 22_000.1
    assert abs(busy_s - work_s) > 1e-9 * work_s
    table = attempts(arrived_at=[22_000.1], started_at=[22_000.1], finished_at=[finished_at], work_s=[work_s])
    books = nodes(
        1, area_present_s=np.array([busy_s]), area_busy_s=np.array([busy_s]), arrived=np.array([1]),
        answered=np.array([1]), work_done_s=np.array([work_s - missing_s]),
    )  # fmt: skip
    assert broken(RunRecord(table, books, 23_000.0, 23_000.0, 1)) == laws
