"""Every test of this folder runs on both runtimes."""

from __future__ import annotations

import pytest

from tests.conformance.runtime.stage import PLAYS, Play


@pytest.fixture(params=PLAYS)
def play(request: pytest.FixtureRequest) -> Play:
    """`play(body)` on one of the runtimes."""
    return PLAYS[request.param]
