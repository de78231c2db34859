"""Calls over worker processes: all results, errors raised, killed workers told, an early end leaves no call running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sim.bench import forking, pool
from sim.bench.pool import in_order, spread
from sim.errors import WorkerLost


def double(number: int) -> int:
    return 2 * number


def inverse(number: int) -> float:
    return 1 / number


def vanish(code: int) -> int:
    """Ends its process as a kill would."""
    if code:
        os._exit(code)
    return code


class Awkward(Exception):
    """Cannot be made again from its arguments."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(f"{one} {other}")


def awkward(number: int) -> int:
    raise Awkward("from", "here")


def die_together(mine: Path | None, other: Path | None) -> None:
    """Begins, sees that the other began, and is killed as by a user or the kernel."""
    if mine is not None and other is not None:
        mine.touch()
        begun(other)
        os.kill(os.getpid(), signal.SIGKILL)


def work_on(path: Path) -> None:
    """Says that it began, then goes on until it is interrupted."""
    path.write_text("began", encoding="utf-8")
    try:
        while True:
            pass
    finally:
        path.write_text("ended", encoding="utf-8")


def call_it(work: Callable[[Path], object], path: Path) -> object:
    return work(path)


def begun(path: Path) -> int:
    """Returns once the file is there."""
    while not path.exists():
        pass
    return 1


@pytest.mark.parametrize("workers", [1, 2])
def test_all_results_come_in_their_order(workers: int) -> None:
    assert in_order(double, [(n,) for n in range(9)], workers) == [2 * n for n in range(9)]
    assert in_order(double, [], workers) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_raised_here(workers: int) -> None:
    with pytest.raises(ZeroDivisionError):
        in_order(inverse, [(n,) for n in (3, 2, 1, 0, 5)], workers)


def test_a_killed_worker_costs_its_own_call_and_no_other() -> None:
    results = dict(spread(vanish, [(9,), *[(0,)] * 20], 2))
    assert sorted(results) == list(range(21))
    lost = results.pop(0)
    assert isinstance(lost, WorkerLost)
    assert str(lost) == "its worker process ended with code 9"
    assert set(results.values()) == {0}
    with pytest.raises(WorkerLost):
        in_order(vanish, [(9,), (9,)], 2)


def test_all_workers_killed_at_once_cost_what_they_held(tmp_path: Path) -> None:
    """kill -9 of every worker in the middle of its call: each call is told as lost, the rest runs on new ones."""
    began = [tmp_path / "one", tmp_path / "two"]
    calls = [(began[0], began[1]), (began[1], began[0]), *[(None, None)] * 6]
    results = dict(spread(die_together, calls, 2))
    assert [str(results[number]) for number in (0, 1)] == [
        "its worker process was killed by signal 9 (out of memory?)"
    ] * 2
    assert [results[number] for number in range(2, 8)] == [None] * 6


def test_a_worker_killed_while_it_waits_costs_nothing() -> None:
    assert in_order(double, [(1,), (2,)], 2) == [2, 4]
    assert 1 <= len(pool._idle) <= pool.IDLE_MAX
    for worker in pool._idle:
        worker.process.kill()
        worker.process.wait()
    assert in_order(double, [(n,) for n in range(5)], 2) == [0, 2, 4, 6, 8]


def test_no_more_workers_wait_than_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_MAX", 1)
    pool.close_idle()
    assert in_order(double, [(1,), (2,), (3,)], 2) == [2, 4, 6]
    assert len(pool._idle) == 1


def test_an_error_that_cannot_travel_is_told_by_its_words() -> None:
    with pytest.raises(RuntimeError, match=r"^Awkward: from here$"):
        in_order(awkward, [(1,), (2,)], 2)


def test_an_early_end_interrupts_what_is_running(tmp_path: Path) -> None:
    endless = tmp_path / "endless"
    results = spread(call_it, [(work_on, endless), (begun, endless)], 2)
    assert next(results) == (1, 1)
    results.close()
    assert endless.read_text(encoding="utf-8") == "ended"
    assert in_order(double, [(1,), (2,)], 2) == [2, 4], "the next pool is whole"


def threads_of(name: str) -> tuple[int, str]:
    return os.getpid(), os.environ.get(name, "")


def test_a_worker_computes_on_one_core_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    pool.close_idle()
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = in_order(threads_of, [("OPENBLAS_NUM_THREADS",), ("OMP_NUM_THREADS",)], 2)
    assert os.getpid() not in {process for process, _ in found}
    assert [value for _, value in found] == ["1", "3"]
    pool.close_idle()


def of_this_process(name: str) -> tuple[int, str]:
    """What a call left here, and the environment."""
    return len(KEPT), os.environ.get(name, "")


KEPT: list[int] = []


def keep(number: int) -> None:
    KEPT.append(number)


def test_workers_find_done_what_their_server_did(monkeypatch: pytest.MonkeyPatch) -> None:
    pool.close_idle()
    assert not forking.also(keep, 1)
    assert in_order(of_this_process, [("X",), ("X",)], 2) == [(0, ""), (0, "")], "no server had been begun"
    pool.close_idle()
    forking.prepare("no.such.module")
    forking.also(keep, 1)
    forking.also(inverse, 0)
    forking.also(keep, 1)
    monkeypatch.setenv("X", "later")
    assert in_order(of_this_process, [("X",), ("X",)], 2) == [(2, "later"), (2, "later")]
    assert not KEPT
    pool.close_idle()


def test_a_server_says_whether_all_that_it_was_told_went_well() -> None:
    pool.close_idle()
    assert not forking.all_well(), "there is none"
    forking.prepare()
    assert forking.all_well()
    assert forking.also(keep, 1)
    assert forking.all_well()
    assert forking.also(inverse, 0)
    assert forking.also(keep, 1)
    assert not forking.all_well()
    pool.close_idle()
    forking.prepare()
    server = forking._servers[0]
    server.process.kill()
    server.process.wait()
    assert not forking.also(keep, 1)
    assert not forking.all_well()
    pool.close_idle()


def test_a_server_that_is_killed_before_it_answers_did_nothing_well() -> None:
    pool.close_idle()
    forking.prepare()
    assert forking.also(signal.pause)
    server = forking._servers[0]
    os.kill(server.process.pid, signal.SIGKILL)
    assert not forking.all_well()
    pool.close_idle()


def test_a_killed_server_gives_way_to_another() -> None:
    pool.close_idle()
    forking.prepare()
    first = forking._servers[0]
    first.process.kill()
    first.process.wait()
    assert in_order(double, [(1,), (2,)], 2) == [2, 4]
    assert forking._servers[0] is not first


def test_a_worker_outlives_its_server_and_its_end_is_told() -> None:
    """A server is killed while its workers work: they finish; of one that dies then, no code is known."""
    pool.close_idle()
    assert in_order(double, [(1,), (2,)], 2) == [2, 4]
    forking.close_server()
    results = dict(spread(vanish, [(9,), (0,), (0,)], 2))
    lost = results.pop(0)
    assert isinstance(lost, WorkerLost)
    assert str(lost) == "its worker process was lost (out of memory?)"
    assert results == {1: 0, 2: 0}
    pool.close_idle()


def test_what_libraries_read_once_begins_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    pool.close_idle()
    forking.prepare()
    first = forking._servers[0]
    forking.prepare()
    assert forking._servers == [first]
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    forking.prepare()
    assert forking._servers != [first]
    assert first.process.returncode == -signal.SIGKILL
    pool.close_idle()
    assert forking._servers == []


def test_half_an_answer_ends_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ctrl-C between a question and its answer: what comes after it would be taken for the answer of the next."""
    pool.close_idle()

    def interrupted(server: forking.Server) -> int:
        with server._whole():
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(forking.Server, "answer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            in_order(double, [(1,), (2,)], 2)
    assert not forking._servers[0].serves()
    assert in_order(double, [(1,), (2,)], 2) == [2, 4]


def test_a_fork_of_this_process_leaves_its_server_alone() -> None:
    forking.prepare()
    child = os.fork()
    if not child:
        pool._idle.clear()
        forking.close_server()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert forking._servers[0].serves()
    assert in_order(double, [(1,), (2,)], 2) == [2, 4]


def test_a_process_that_ends_before_its_first_call_leaves_no_server(tmp_path: Path) -> None:
    """Else it imports for seconds more, and holds the pipe open that a reader waits at."""
    asks = "from sim.bench import forking; forking.prepare('sim.bench.runner'); print(forking._servers[0].process.pid)"
    with (tmp_path / "number").open("w") as file:
        subprocess.run([sys.executable, "-c", asks], stdout=file, check=True)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "number").read_text()), 0)


def test_a_server_leaves_a_ctrl_c_aside_from_its_first_moment(capfd: pytest.CaptureFixture[str]) -> None:
    pool.close_idle()
    forking.prepare()
    first = forking._servers[0]
    os.kill(first.process.pid, signal.SIGINT)
    assert in_order(double, [(1,), (2,)], 2) == [2, 4]
    os.kill(first.process.pid, signal.SIGINT)
    assert in_order(double, [(1,), (2,)], 2) == [2, 4]
    assert forking._servers == [first]
    assert capfd.readouterr().err == ""
