"""No task of a stage outlives its test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scalability.health.rig import Stage


@pytest.fixture(autouse=True)
def closed_stages() -> Iterator[None]:
    yield
    while Stage.open:
        Stage.open.pop().close()
