"""A call of a worker that was interrupted while the process that asked was not."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from sim.bench.pool import in_order


def interrupted(times: int, folder: Path) -> int:
    """Gives how often it was called, after it was interrupted so many times."""
    before = len(list(folder.iterdir()))
    (folder / str(before)).touch()
    if before < times:
        os.kill(os.getpid(), signal.SIGINT)
    return before + 1


def test_a_call_that_alone_was_interrupted_is_made_again_once(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
    assert in_order(interrupted, [(0, folders[0]), (1, folders[1])], 2) == [1, 2]
    with pytest.raises(KeyboardInterrupt):
        in_order(interrupted, [(2, folders[2]), (0, tmp_path)], 2)
