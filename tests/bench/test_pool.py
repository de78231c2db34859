"""Calls over worker processes: all results, errors raised, killed workers told, an early end leaves no call running."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sim.bench.pool import BrokenProcessPool, in_order, spread


def double(number: int) -> int:
    return 2 * number


def inverse(number: int) -> float:
    return 1 / number


def vanish(code: int) -> int:
    """Ends its process as a kill would."""
    if code:
        os._exit(code)
    return code


def work_on(path: Path) -> None:
    """Says that it began, then goes on until it is interrupted."""
    path.write_text("began", encoding="utf-8")
    try:
        while True:
            pass
    finally:
        path.write_text("ended", encoding="utf-8")


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


def test_a_killed_worker_is_told_and_the_rest_goes_on() -> None:
    results = dict(spread(vanish, [(9,), *[(0,)] * 20], 2))
    assert sorted(results) == list(range(21))
    lost = [number for number, result in results.items() if isinstance(result, BrokenProcessPool)]
    assert 0 in lost
    assert len(lost) <= 2, "what was not handed out yet goes to new workers"
    assert {result for number, result in results.items() if number not in lost} == {0}
    with pytest.raises(BrokenProcessPool):
        in_order(vanish, [(9,), (9,)], 2)


def test_an_early_end_interrupts_what_is_running(tmp_path: Path) -> None:
    endless = tmp_path / "endless"
    results = spread(lambda work, path: work(path), [(work_on, endless), (begun, endless)], 2)
    assert next(results) == (1, 1)
    results.close()
    assert endless.read_text(encoding="utf-8") == "ended"
    assert in_order(double, [(1,), (2,)], 2) == [2, 4], "the next pool is whole"
