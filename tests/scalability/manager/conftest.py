"""A manager on virtual time with a scripted agent host, a membership that keeps books, and a log that can be read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scalability.manager.rig import Rig


@pytest.fixture
def rig() -> Rig:
    """The source's settings, no nodes."""
    return Rig()


@pytest.fixture(autouse=True)
def closed_rigs() -> Iterator[None]:
    """No task outlives its test."""
    yield
    Rig.close_all()
