"""A killed sweep: no finished replication is lost, no half one counts, its tables end as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "tests.bench.crashes", "-"]


def ledgers(repository: Path, every: int, random_kills: int) -> list[dict[str, int]]:
    words = [*COMMAND, str(every), str(random_kills), "1"]
    done = subprocess.run(words, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, int]] = json.loads(done.stdout)
    return found


def check(found: list[dict[str, int]]) -> None:
    assert [(one["workers"], one["kill"]) for one in found] == [
        (workers, kill) for workers in (1, 2) for kill in ("half a write", "fsync", "rename", "random instant")
    ]
    for one in found:
        assert one["lost"] == one["half_counted"] == one["not_cleared"] == one["other_tables"] == 0, one
        assert one["trials"] > 0
        if one["kill"] != "random instant":
            assert one["killed"] == one["trials"], one
    assert sum(one["finished"] for one in found) > 0, "some kills came after a replication was whole"
    assert sum(one["leftovers"] for one in found) > 0, "and some left a temporary file"


def test_a_killed_sweep_ends_as_if_nothing_had_happened(repository: Path) -> None:
    """Every 20th step that lasts, one random instant, for 1 and 2 workers."""
    check(ledgers(repository, 20, 1))


@pytest.mark.soak
def test_a_sweep_killed_at_every_step_and_200_instants(repository: Path) -> None:
    found = ledgers(repository, 1, 200)
    check(found)
    assert sum(one["ended_by_worker"] for one in found) > 0
