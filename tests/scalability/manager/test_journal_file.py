"""A journal on disk: a torn tail is cut and counted, damage in the middle is refused, every failure stops it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sim.errors import FleetError, InputError
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.manager import DistributedManager
from sim.scalability.manager.journal_file import FileJournal
from tests.scalability.manager.rig import AGENT, Books, node


def filled(path: Path, count: int = 4) -> bytes:
    journal = FileJournal(path)
    for number in range(count):
        journal.append({"kind": "state_saved", "agent": f"agent-{number}", "version": number})
    journal.close()
    return path.read_bytes()


def versions(journal: FileJournal) -> list[int]:
    return [record["version"] for record in journal.records()]


def test_what_was_appended_is_there_again(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    filled(path)
    journal = FileJournal(path)
    assert (versions(journal), len(journal), journal.cut_records, journal.cut_bytes) == ([0, 1, 2, 3], 4, 0, 0)
    journal.append({"version": 4})
    journal.close()
    journal.close()
    assert versions(FileJournal(path)) == [0, 1, 2, 3, 4]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_cut_at_any_byte_keeps_all_whole_records(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    data = filled(path, 2)
    for size in range(len(data)):
        path.write_bytes(data[:size])
        journal = FileJournal(path)
        whole = data[:size].count(b"\n")
        torn = size - (data[:size].rfind(b"\n") + 1)
        assert versions(journal) == list(range(whole))
        assert (journal.cut_records, journal.cut_bytes) == (int(torn > 0), torn)
        journal.append({"version": 9})
        assert versions(journal) == [*range(whole), 9]
        journal.close()


def test_a_corrupt_tail_is_cut_and_a_corrupt_middle_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    data = filled(path)
    starts = [0, *[index + 1 for index, byte in enumerate(data) if byte == ord("\n")]]
    for at in range(len(data) - 1):
        damaged = bytearray(data)
        damaged[at] ^= 0x01
        path.write_bytes(damaged)
        if at >= starts[3] - 1:
            journal = FileJournal(path)
            whole = 3 if at >= starts[3] else 2  # without the line end between them two records are one bad line
            assert versions(journal) == list(range(whole))
            assert journal.cut_bytes == len(data) - starts[whole]
            assert journal.cut_records >= 1
            journal.close()
        else:
            with pytest.raises(InputError, match="a corrupt or missing record in the middle of the journal") as caught:
                FileJournal(path)
            assert path.read_bytes() == bytes(damaged)  # nothing is cut
            assert caught.value.row is not None


def test_a_record_that_is_gone_is_missed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    lines = filled(path).splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))
    with pytest.raises(InputError, match="row 2: a corrupt or missing record"):
        FileJournal(path)


def test_a_rewrite_replaces_all(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    filled(path)
    journal = FileJournal(path)
    journal.rewrite([{"version": 7}])
    journal.append({"version": 8})
    assert (versions(journal), len(journal)) == ([7, 8], 2)
    journal.close()
    assert versions(FileJournal(path)) == [7, 8]
    assert [item.name for item in tmp_path.iterdir()] == ["journal"]


def test_what_is_not_json_leaves_nothing(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "journal")
    for value in ({1}, float("nan")):
        with pytest.raises((TypeError, ValueError)):
            journal.append({"version": value})
    journal.append({"version": 0})
    assert versions(journal) == [0]
    journal.close()


def failing(call: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The n-th of these calls finds no space left."""
    real: Callable[..., Any] = getattr(os, call)
    seen = [0]

    def fake(*given: Any, **named: Any) -> Any:
        seen[0] += 1
        if seen[0] == number:
            raise OSError(errno.ENOSPC, "no space left")
        return real(*given, **named)

    monkeypatch.setattr(os, call, fake)


FAILURES = [("append", call, number) for call in ("write", "fsync") for number in (1, 2)]
FAILURES += [("rewrite", call, number) for call in ("open", "write", "fsync") for number in (1, 2)]


@pytest.mark.parametrize(("action", "call", "number"), FAILURES)
def test_a_failure_stops_the_journal_and_loses_nothing(
    action: str, call: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    filled(path, 2)
    journal = FileJournal(path)
    failing(call, number, monkeypatch)

    def act_until_it_fails() -> None:
        for _ in range(3):  # the first may have been good
            journal.append({"version": 7}) if action == "append" else journal.rewrite([{"version": 7}])

    with pytest.raises(FleetError, match="takes nothing since a write failed: no space left"):
        act_until_it_fails()
    monkeypatch.undo()
    with pytest.raises(FleetError, match="takes nothing"):
        journal.append({"version": 8})
    journal.close()
    found = versions(FileJournal(path))
    assert found[:2] == [0, 1] or found == [7]


def test_a_write_may_take_only_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real(file, data[:3]))
    filled(tmp_path / "journal")
    monkeypatch.undo()
    assert versions(FileJournal(tmp_path / "journal")) == [0, 1, 2, 3]


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "journal")
    journal.close()
    with pytest.raises(FleetError, match="journal journal: it is closed"):
        journal.append({})


def test_a_manager_lives_on_in_its_file(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    runtime = VirtualRuntime()
    journal = FileJournal(path, records_max=20)
    manager = DistributedManager(runtime=runtime, membership=Books(), journal=journal)
    runtime.run_task(manager.register_node(node("node-0")))
    for _ in range(9):
        runtime.run_task(manager.deploy_agent(AGENT))
    digest = manager.assignment_digest()
    journal.close()
    again = DistributedManager.restore(FileJournal(path), runtime=runtime, membership=Books())
    assert again.assignment_digest() == digest
    assert [info.agent_id for info in again.list_agents()] == [f"agent-{number}" for number in range(1, 10)]
