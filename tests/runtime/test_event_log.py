"""The event log and its digest."""

from __future__ import annotations

import os
import subprocess
import sys
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.contracts import EventSink
from sim.runtime.events import EventLog, canonical
from tests.runtime.small_program import digest_of

SEED = 11


class Status(Enum):
    """As the control plane has them."""

    UP = "up"


def digest_elsewhere(repository: Path, hash_seed: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "tests.runtime.small_program", str(SEED)],
        cwd=repository,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def test_the_same_seed_gives_the_same_digest_in_every_process(repository: Path) -> None:
    here = digest_of(SEED)
    assert [digest_elsewhere(repository, hash_seed) for hash_seed in ("1", "4242")] == [here, here], f"seed {SEED}"
    assert digest_of(SEED + 1) != here


def test_the_digest_covers_more_rows_than_are_kept() -> None:
    short, long = EventLog(rows_max=3), EventLog(rows_max=1000)
    for log in (short, long):
        for step in range(10):
            log.write(float(step), "kind", "subject", step=step)
    assert [row.at for row in short.rows] == [7.0, 8.0, 9.0]
    assert (short.count, len(long.rows), long.rows[2].fields) == (10, 10, (("step", 2),))
    assert short.digest() == long.digest()
    assert len(short.digest()) == 32


def digest_with(at: float = 1.0, kind: str = "kind", subject: str = "subject", **fields: object) -> str:
    log = EventLog()
    log.write(at, kind, subject, **fields)
    return log.digest()


def test_every_part_counts() -> None:
    digests = {
        digest_with(),
        digest_with(at=1.0000000000000002),
        digest_with(kind="other"),
        digest_with(subject="other"),
        digest_with(reason=""),
        digest_with(reason="slow"),
        digest_with(cause="slow"),
        digest_with(reason="slow", cause=None),
        digest_with(reason=1),
        digest_with(reason=1.0),
        digest_with(reason=True),
        digest_with(reason="1"),
        digest_with(reason=Status.UP),
        digest_with(reason=["a", "b"]),
        digest_with(reason=["a,s1:b"]),
        digest_with(reason={"a", "b"}),
        digest_with(reason={"a": "b"}),
        digest_with(reason=0.0),
        digest_with(reason=-0.0),
    }
    assert len(digests) == 19


def test_two_rows_are_not_one() -> None:
    two, one = EventLog(), EventLog()
    two.write(1.0, "a", "b")
    two.write(2.0, "c", "d")
    one.write(1.0, "a", "b\n[f0x1.0000000000000p+1,s1:c,s1:d,[]]")
    assert two.digest() != one.digest()


@pytest.mark.parametrize(
    ("value", "same"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({3, 1, 2}, frozenset([2, 3, 1])),
        ((1, 2.5), [1, 2.5]),
        (np.float64(0.1), 0.1),
        (np.int64(7), 7),
        (np.bool_(True), True),
        ({1: "a", "1": "b"}, {"1": "b", 1: "a"}),
    ],
)
def test_what_is_equal_reads_the_same(value: Any, same: Any) -> None:
    assert canonical(value) == canonical(same)
    assert digest_with(reason=value) == digest_with(reason=same)


@pytest.mark.parametrize("value", [object(), lambda: None, [object()], LookupError("broken"), b"bytes"])
def test_a_value_that_may_print_an_address_is_refused(value: object) -> None:
    log = EventLog()
    with pytest.raises(TypeError, match="an event cannot hold a"):
        log.write(1.0, "kind", "subject", reason=value)
    assert (log.count, log.digest()) == (0, EventLog().digest())


def test_it_is_the_sink_of_the_contracts() -> None:
    sink: EventSink = EventLog()
    sink.write(1, "kind", "subject", reason="an int is an instant too")
    assert digest_with(reason="x") == digest_with(at=1, reason="x")
