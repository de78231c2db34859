"""The audit of the self-test finds each kind of fault that it is there for, and nothing in sound books."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sim.live.selftest.audit import Sent, begun, records_of, violations
from sim.live.selftest.command import summary_of, write_rounds
from sim.live.selftest.kills import Round, line_of
from sim.scalability.manager.journal_file import FileJournal

SENT = [Sent("task-1", 1, True), Sent("task-2", 2, False)]
RECORDS: list[dict[str, Any]] = [
    {"kind": "accepted", "task_id": "task-1"},
    {"kind": "accepted", "task_id": "task-2"},
    {"kind": "ended", "task_id": "task-1", "state": "done", "result": {"result": {"n": 1}}, "error": ""},
    {"kind": "ended", "task_id": "task-2", "state": "failed", "result": {}, "error": "it was killed"},
]
ANSWERS: dict[str, dict[str, Any]] = {
    "task-1": {"state": "done", "result": {"result": {"n": 1}}, "error": ""},
    "task-2": {"state": "failed", "result": {}, "error": "it was killed"},
}
RUNS = Counter({1: 3, 2: 1})  # the first may run as often as it takes


def test_sound_books_hold() -> None:
    assert violations(SENT, RECORDS, RUNS, ANSWERS) == []


@pytest.mark.parametrize(
    ("records", "runs", "answers", "problem"),
    [
        (RECORDS[1:], RUNS, ANSWERS, "is in the ledger 0 times"),
        ([*RECORDS, RECORDS[2]], RUNS, ANSWERS, "has 2 ends"),
        (RECORDS, Counter({2: 2}), ANSWERS, "must not run twice and began 2 times"),
        (RECORDS, RUNS, {"task-1": ANSWERS["task-1"]}, "no answer and no stated failure"),
        (RECORDS[:3], RUNS, ANSWERS, "otherwise than the ledger says"),
        ([*RECORDS[:2], {**RECORDS[2], "result": {"result": {"n": 9}}}, RECORDS[3]], RUNS,
         {**ANSWERS, "task-1": {"state": "done", "result": {"result": {"n": 9}}, "error": ""}}, "of another task"),
        ([*RECORDS[:3], {**RECORDS[3], "error": ""}], RUNS,
         {**ANSWERS, "task-2": {**ANSWERS["task-2"], "error": ""}}, "without a reason"),
    ],
)  # fmt: skip
def test_every_fault_is_found(
    records: list[dict[str, Any]], runs: Counter[int], answers: dict[str, dict[str, Any]], problem: str
) -> None:
    found = violations(SENT, records, runs, answers)
    assert len(found) == 1
    assert problem in found[0]


def test_what_is_on_disk_is_read_up_to_a_cut(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "tasks.journal")
    journal.extend(RECORDS)
    journal.close()
    with (tmp_path / "tasks.journal").open("ab") as file:
        file.write(b"0123456789abcdef 4 {")
    assert records_of(tmp_path / "tasks.journal") == RECORDS
    (tmp_path / "log").write_text("1\n2\n1\n")
    assert begun(tmp_path / "log") == Counter({1: 2, 2: 1})
    assert begun(tmp_path / "none") == Counter()


def test_rounds_are_told_and_written(tmp_path: Path) -> None:
    rounds = [Round(0, "server", 0.5, 12, 8, 6, 2, 1.5, "same"), Round(1, "both", 1.0, 12, 12, 11, 1, 2.0, "", ["x"])]
    assert "VIOLATED: x" in line_of(rounds[1])
    assert summary_of(rounds) == (
        "2 kills, 20 of 24 tasks accepted, 17 answered, 3 failed with a reason, "
        "assignment the same after 1 of 1 kills of the server alone, 1 violations"
    )
    write_rounds(tmp_path / "kills.csv", rounds)
    assert (tmp_path / "kills.csv").read_text().splitlines()[2] == "1,both,1.0,12,12,11,1,2.0,,x"
