"""What must hold after every kill, read from what is on disk: the ledger, and the notes of the agents.

Every acknowledged task is in the ledger once and has at most one end there; what must not run twice began at most once;
an answer that a client has seen is still the answer.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Sent:
    """A task that a client was told is accepted."""

    task_id: str
    number: int
    idempotent: bool


def records_of(journal: Path) -> list[dict[str, Any]]:
    """The records of a task journal, checksums left to `FileJournal`; a tail that was cut short is left out."""
    found = []
    for line in journal.read_bytes().split(b"\n")[:-1]:
        text = line.split(b" ", 2)[2]
        found.append(json.loads(text))
    return found


def begun(log: Path) -> Counter[int]:
    """How often each number began."""
    if not log.exists():
        return Counter()
    return Counter(int(line) for line in log.read_text().split())


def violations(
    sent: list[Sent], records: list[dict[str, Any]], executions: Counter[int], answers: dict[str, dict[str, Any]]
) -> list[str]:
    """What does not hold, in words; `answers` are those that clients have."""
    accepted = Counter(record["task_id"] for record in records if record["kind"] == "accepted")
    ends = Counter(record["task_id"] for record in records if record["kind"] == "ended")
    end_of = {record["task_id"]: record for record in records if record["kind"] == "ended"}
    found = []
    for task in sent:
        name = task.task_id
        if accepted[name] != 1:
            found.append(f"{name} was accepted and is in the ledger {accepted[name]} times")
        if ends[name] > 1:
            found.append(f"{name} has {ends[name]} ends in the ledger")
        if not task.idempotent and executions[task.number] > 1:
            found.append(f"{name} must not run twice and began {executions[task.number]} times")
        answer = answers.get(name)
        if answer is None:
            found.append(f"{name} has no answer and no stated failure")
            continue
        end = end_of.get(name)
        if end is None or (end["state"], end["result"]) != (answer["state"], answer["result"]):
            found.append(f"{name} was answered otherwise than the ledger says")
        elif answer["state"] == "done" and answer["result"]["result"] != {"n": task.number}:
            found.append(f"{name} has the answer of another task")
        elif answer["state"] != "done" and not answer["error"]:
            found.append(f"{name} failed without a reason")
    return found
