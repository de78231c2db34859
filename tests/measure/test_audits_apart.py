"""Audits of runs where client and node see an attempt differently: the laws hold, and a changed cell breaks one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sim.measure.audits import audit, problems_of
from sim.types.records import FAILED, OK, TRUNCATED, RunRecord
from tests.measure.fire import changed, fire_run, shifted
from tests.measure.toy import NAN, attempts, nodes

ONCE, STATUS, ONE, COUNTS, ORDER, LITTLE, BUSY, WORK, UTILIZATION = (
    "every arrival is in the table once", "every attempt has a status", "one answer per request",
    "attempts of a node balance", "instants are in order", "Little's law", "busy time is the sum of service times",
    "work done is the demand of what is finished", "utilization law",
)  # fmt: skip


def broken(record: RunRecord) -> list[str]:
    return [result.name for result in audit(record) if not result.passed]


def books(**columns: list[float] | list[int]) -> RunRecord:
    return fire_run(**{name: np.array(values) for name, values in columns.items()})


def counted(**counts: int) -> RunRecord:
    record = fire_run()
    return replace(record, counts=record.counts | counts)


def test_every_law_holds_under_fire() -> None:
    assert problems_of(audit(fire_run())) == []


def test_every_law_holds_where_answers_travel() -> None:
    late = shifted(fire_run(), 0.1)
    assert problems_of(audit(late)) == []
    # the client waits at least for what never got a node (1 s), at most for all that was on the way to one (1 s more)
    assert broken(replace(late, central_area_s=1.0)) == []
    assert broken(replace(late, central_area_s=0.9)) == [LITTLE]
    assert broken(replace(late, central_area_s=2.1)) == [LITTLE]


def test_requests_may_travel_where_no_answer_does() -> None:
    record = fire_run()
    assert record.episodes is not None
    lossy = replace(record, episodes=replace(record.episodes, kind=["crash", "packet_loss", "pause"]))
    assert broken(replace(record, central_area_s=1.5)) == [LITTLE]
    assert broken(replace(lossy, central_area_s=1.5)) == []
    assert broken(replace(lossy, central_area_s=0.5)) == [LITTLE]


def test_an_empty_run_breaks_nothing() -> None:
    table = attempts(arrived_at=[], finished_at=[], placed_at=[], left_at=[])
    assert broken(RunRecord(table, nodes(2), 1.0, 1.0, 0)) == []


def test_without_an_answer_nothing_is_known_of_the_way() -> None:
    table = attempts(
        arrived_at=[0.0], placed_at=[1.0], started_at=[1.0], left_at=[2.0], finished_at=[2.0], status=[FAILED],
        work_s=[1.0],
    )  # fmt: skip
    one, count = np.array([1.0]), np.array([1])
    kept = nodes(1, area_present_s=one, area_busy_s=one, work_done_s=one, arrived=count, answered=count)
    record = RunRecord(table, kept, 2.0, 2.0, 1)
    assert broken(record) == []
    assert broken(replace(record, central_area_s=1.0)) == []
    assert broken(replace(record, central_area_s=1.1)) == [LITTLE]


def test_where_nothing_dropped_the_work_is_exact() -> None:
    assert broken(books(dropped=[0, 1], answered=[3, 3], work_done_s=[9.0, 5.0], truncated_work_s=[0.0, 1.6])) == []
    assert broken(books(dropped=[0, 1], answered=[3, 3], work_done_s=[8.0, 5.0], truncated_work_s=[1.0, 1.6])) == [WORK]


@pytest.mark.parametrize(
    ("record", "laws"),
    [
        (replace(fire_run(), arrivals_count=8), [ONCE]),
        (changed(fire_run(), 3, 0, request=7), []),
        (changed(fire_run(), 3, 0, status=7), [STATUS]),
        (counted(requests_ok=5), [STATUS]),
        (counted(requests_ok=3, requests_truncated=2), [STATUS]),
        (counted(requests_failed=1, requests_truncated=0), [STATUS]),
        (counted(requests_truncated=2), [STATUS]),
        (counted(requests_timed_out=0, requests_truncated=2), []),  # it meant to try again
        (changed(fire_run(), 1, 1, attempt=2), [ONE]),
        (changed(fire_run(), 2, 1, arrived_at=3.0), [ONE]),
        (changed(fire_run(), 4, 0, status=OK, finished_at=6.8), [ONE, COUNTS, WORK]),
        (changed(fire_run(), 0, 0, request=4, attempt=2), [ONCE, STATUS, ONE]),
        (changed(fire_run(), 4, 1, arrived_at=5.9), [ONE, LITTLE]),
        (books(arrived=[5, 5], truncated=[2, 0]), [COUNTS]),
        (books(truncated=[0, 0], dropped=[2, 1]), [COUNTS]),
        (books(answered=[1, 3], arrived=[3, 5]), [COUNTS]),
        (books(answered=[0, 3], dropped=[3, 1]), [COUNTS]),
        (books(refused=[0, 0], arrived=[4, 4]), [COUNTS]),
        (books(answered=[3, 3]), [COUNTS]),
        (changed(fire_run(), 5, 0, node=2), [COUNTS, LITTLE, BUSY]),
        (changed(fire_run(), 0, 0, arrived_at=-1.0), [ORDER, LITTLE]),
        (changed(fire_run(), 1, 0, placed_at=0.5), [ORDER, LITTLE]),
        (changed(fire_run(), 3, 0, placed_at=9.0), [ORDER, LITTLE]),
        (changed(fire_run(), 2, 1, started_at=7.5), [ORDER, BUSY]),
        (changed(fire_run(), 1, 0, started_at=0.5), [ORDER, BUSY]),
        (changed(fire_run(), 2, 1, left_at=7.5), [ORDER]),
        (changed(fire_run(), 0, 0, left_at=13.0), [ORDER, LITTLE, BUSY]),
        (changed(fire_run(), 1, 0, finished_at=0.5), [ORDER]),
        (changed(fire_run(), 0, 0, started_at=NAN), [ORDER, BUSY]),
        (changed(fire_run(), 0, 0, finished_at=1.0), [ORDER]),
        (changed(fire_run(), 5, 0, finished_at=11.0), [ORDER]),
        (changed(fire_run(), 3, 0, finished_at=NAN), [ORDER, LITTLE]),
        (books(area_present_s=[12.0, 3.4]), [LITTLE]),
        (replace(fire_run(), central_area_s=0.5), [LITTLE]),
        (replace(fire_run(), central_area_s=2.5), [LITTLE]),
        (books(area_busy_s=[9.9, 3.3]), [BUSY]),
        (books(work_done_s=[1.5, 5.0], truncated_work_s=[7.5, 1.6]), [WORK]),
        (books(work_done_s=[9.5, 5.0], truncated_work_s=[-0.5, 1.6]), [WORK]),
        (books(truncated_work_s=[4.0, 1.5]), [UTILIZATION]),
        (books(area_work_s=[9.0, 6.7], truncated_work_s=[4.0, 1.7]), [UTILIZATION]),
    ],
)  # fmt: skip
def test_a_change_breaks_its_law(record: RunRecord, laws: list[str]) -> None:
    assert broken(record) == laws


def test_a_loser_that_waits_at_the_balancer_waits_until_the_answer_or_the_end() -> None:
    columns: dict[str, Any] = {
        "request": [0, 0, 1], "attempt": [0, 1, 0], "arrived_at": [0.0, 1.0, 0.5], "placed_at": [0.0, NAN, 0.5],
        "started_at": [0.0, NAN, NAN], "left_at": [3.0, NAN, NAN], "finished_at": [3.0, NAN, NAN], "node": [0, -1, 0],
        "status": [OK, TRUNCATED, TRUNCATED], "work_s": [3.0, 3.0, 1.0],
    }  # fmt: skip
    kept: dict[str, Any] = {
        "area_present_s": np.array([6.5]), "area_busy_s": np.array([3.0]), "work_done_s": np.array([3.0]),
        "arrived": np.array([2]), "answered": np.array([1]), "truncated": np.array([1]),
    }  # fmt: skip
    record = RunRecord(attempts(**columns), nodes(1, **kept), 4.0, 4.0, 2, central_area_s=2.0)
    assert problems_of(audit(record)) == []
    assert broken(replace(record, central_area_s=3.0)) == []  # a hedge that is not cancelled
    assert broken(replace(record, central_area_s=1.9)) == [LITTLE]
    assert broken(replace(record, central_area_s=3.1)) == [LITTLE]


def test_tokens_have_no_work_in_seconds() -> None:
    record = fire_run()
    first = np.where(record.attempts.status == OK, record.attempts.started_at, NAN)
    tokens = replace(record, attempts=replace(record.attempts, first_token_at=first))
    assert broken(tokens) == []
    assert broken(changed(tokens, 0, 0, first_token_at=3.0)) == [ORDER]


def test_what_is_wrong_is_named() -> None:
    assert problems_of(audit(counted(requests_ok=5)))[0].startswith(f"{STATUS}: 5 counted as ok, 4 in the table, 0 ")
    assert problems_of(audit(books(area_present_s=[12.0, 3.5])))[0].startswith(f"{LITTLE}: node-1: integral 3.5 s")
    assert problems_of(audit(books(truncated=[0, 0], dropped=[2, 1])))[0] == (
        f"{COUNTS}: truncated of node-0 is 0, counted 1 (1 nodes differ)"
    )
