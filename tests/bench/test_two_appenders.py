"""Two processes at one ledger, in every order of their steps: who comes second is refused, and nothing is lost or torn.

Nothing here is drawn, so that there is no seed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from sim.bench.ledger import Ledger
from sim.bench.storm.ledger import Chunk, StormLedger
from sim.errors import InputError

Kind = tuple[Callable[[Path], Any], Callable[[Any, int], None], Callable[[Any], set[int]]]
KINDS: dict[str, Kind] = {  # how it is opened, a part is written, and parts are read
    "parts": (Ledger, lambda ledger, n: ledger.write(str(n), n), lambda ledger: set(ledger.parts.values())),
    "storms": (
        StormLedger,
        lambda ledger, n: ledger.write(Chunk(n, 1, "code")),
        lambda ledger: {chunk.first for chunk in ledger.chunks.values()},
    ),
}
STEPS = ("open", "write", "end")
ORDERS = list(combinations(range(2 * len(STEPS)), len(STEPS)))  # when the first process has its turn


class Process:
    """Another process with a ledger: it does what it is told, one step at a time, and says how it went."""

    def __init__(self, kind: Kind, path: Path) -> None:
        (theirs, self.told), (self.heard, ours) = os.pipe(), os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(self.told)  # so that it hears of the end of who told it
            os.close(self.heard)
            try:
                serve(kind, path, theirs, ours)
            finally:
                os._exit(1)
        os.close(theirs)
        os.close(ours)

    def does(self, step: bytes) -> bool:
        """Whether it could: `o`pen, `t`ear (half a line), `l`et go, or write the part of that number."""
        os.write(self.told, step)
        return os.read(self.heard, 1) == b"1"

    def kill(self) -> None:
        """Kill it, wherever it is."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.told)
        os.close(self.heard)


def serve(kind: Kind, path: Path, told: int, heard: int) -> None:
    """What the other process does until nobody tells it anything any more."""
    opens, writes, _ = kind
    ledger = None
    while step := os.read(told, 1):
        could = True
        if step == b"o":
            try:
                ledger = opens(path)
            except InputError as error:
                could = "another command appends to this ledger now" not in str(error)
        elif step == b"l":
            ledger = None
        elif step == b"t":
            with path.open("ab") as file:
                file.write(b'["half')
        elif ledger is not None:
            writes(ledger, int(step))
        os.write(heard, b"1" if could else b"0")


def open_files() -> int:
    """Of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.mark.parametrize("end", ["let go", "killed"])
@pytest.mark.parametrize("name", KINDS)
def test_every_order_of_two_appenders(tmp_path: Path, name: str, end: str) -> None:
    kind, refused = KINDS[name], 0
    for number, turns in enumerate(ORDERS):
        path = tmp_path / str(number) / "ledger.jsonl"
        both = (Process(kind, path), Process(kind, path))
        steps, holder, kept = [iter(STEPS), iter(STEPS)], None, set()
        for turn in range(2 * len(STEPS)):
            who = 0 if turn in turns else 1
            step = next(steps[who])
            if step == "open":
                could = both[who].does(b"o")
                assert could == (holder is None), (turns, turn)
                holder = who if could else holder
                refused += not could
            elif step == "write" and holder == who:
                assert both[who].does(b"%d" % turn)
                kept.add(turn)
            elif step == "end":
                holder = None if holder == who else holder
                if end == "killed":
                    both[who].kill()
                else:
                    assert both[who].does(b"l")
        if end == "let go":
            for process in both:
                process.kill()
        opens, _, reads = kind
        assert reads(opens(path)) == kept, turns
    assert (len(ORDERS), refused) == (20, 18), "all but the two in which one has ended when the other begins"


@pytest.mark.parametrize("name", KINDS)
def test_what_is_half_written_is_not_cut_off_by_a_second_process(tmp_path: Path, name: str) -> None:
    path = tmp_path / "ledger.jsonl"
    opens, _, reads = KINDS[name]
    other = Process(KINDS[name], path)
    try:
        assert other.does(b"o")
        assert other.does(b"7")
        assert other.does(b"t")
        before, files = path.read_bytes(), open_files()
        with pytest.raises(InputError, match="another command appends to this ledger now") as caught:
            opens(path)
        assert caught.value.next_step == "wait until it has ended, or paths.store=OTHER"
        assert path.read_bytes() == before
        assert open_files() == files
    finally:
        other.kill()
    assert reads(opens(path)) == {7}, "the kernel lets go of what a killed process held"
    assert [one.name for one in tmp_path.iterdir()] == ["ledger.jsonl"]


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*words: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    files = open_files()
    with pytest.raises(InputError, match=r"its file system has no locks \(No locks available\)$"):
        Ledger(tmp_path / "ledger.jsonl")
    assert open_files() == files


def test_ledgers_let_go_of_their_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    before = open_files()
    one, other = Ledger(path), Ledger(path)
    assert open_files() == before + 1
    one.write("a", 1)
    other.write("b", 2)
    del one
    assert open_files() == before + 1, "the other one has it still"
    del other
    assert open_files() == before
    assert not path.stat().st_mode & 0o111, "a ledger is no program"
