"""Ends what the tests of this folder started, and fails a test that leaves a descriptor behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.plugins import stage


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
