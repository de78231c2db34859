"""Ends what the tests of this folder started, and fails a test that leaves a descriptor behind.

`pytest tests/integration/plugins -k "attack or escape or isolation" --ledger results/plugins/attacks.csv` keeps a row a
test: what was tried, and whether it was held.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plugins import stage

LEDGER: dict[str, str] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option more, where this folder is named on the command line."""
    parser.addoption("--ledger", metavar="FILE", help="a CSV of the tests and how each ended")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep how a test ended; an error in its preparation counts, and so does one afterwards."""
    if report.when == "call" or report.outcome != "passed":
        LEDGER[report.nodeid.partition("plugins/")[2]] = report.outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the ledger, if one is asked for."""
    path = session.config.getoption("ledger", default=None)
    if path:
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows([("test", "outcome"), *sorted(LEDGER.items())])


@pytest.fixture(scope="session", autouse=True)
def _nurseries() -> Iterator[None]:
    yield
    for nursery in stage.NURSERIES.values():
        nursery.close()


def _descriptors_count() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@pytest.fixture
def worker() -> Iterator[Any]:
    """`worker(source, ...)` makes a `stage.Worker` that ends with the test; no descriptor is left."""
    made: list[stage.Worker] = []

    def make(plugin: Any, **options: Any) -> stage.Worker:
        stage.Worker(stage.source("def run(payload): return payload"), **{**options, "limits": None}).close()
        before.append(_descriptors_count())
        made.append(stage.Worker(plugin, **options))
        return made[-1]

    before: list[int] = []
    yield make
    for each in made:
        each.close()
    if len(made) == 1:
        assert _descriptors_count() == before[0]
