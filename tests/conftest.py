"""What every test shares: figures without a display, property tests that draw the same cases every time, and real data.

Real traces are never part of the repository. They are looked for in the folder that `VICTOR_SIM_DATA` names, else in
`data/` at the top of the repository, else in `../shared/data` beside it; a test whose file is in none is skipped
by name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import settings

from sim.bench.threads import ask_for_one

REPOSITORY = Path(__file__).resolve().parents[1]
DATA_FOLDERS = (REPOSITORY / "data", REPOSITORY.parent / "shared" / "data")

os.environ.setdefault("MPLBACKEND", "Agg")
ask_for_one(os.environ)  # as every verb and every worker does

# derandomize: the same cases in every run and on every machine; deadline: a busy machine is no failure.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where `FOLLOWED` names folders of tests, coverage follows those alone: it takes time from all others."""
    followed = os.environ.get("FOLLOWED", "").split()
    for item in items:
        if followed and item.path.relative_to(REPOSITORY / "tests").parts[0] not in followed:
            item.add_marker("no_cover")


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """`no_cover` holds in workers too: there pytest-cov begins two collectors, and stops the second alone."""
    if item.get_closest_marker("no_cover") is None:
        return (yield)
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top folder of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_file() -> Callable[[str], Path]:
    """`data_file(name)`: the path of a real data file; skips the test, naming the file, when it is absent."""
    named = os.environ.get("VICTOR_SIM_DATA")
    folders = (Path(named),) if named else DATA_FOLDERS

    def find(name: str) -> Path:
        for folder in folders:
            if (folder / name).is_file():
                return folder / name
        pytest.skip(f"{name} is not there (looked in {', '.join(map(str, folders))})")

    return find
