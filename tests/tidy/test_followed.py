"""What is marked `no_cover` is followed by no collector, in a worker either: else the tests take half as long again."""

from __future__ import annotations

import sys

import pytest


@pytest.mark.no_cover
def test_what_is_not_to_be_followed_is_not() -> None:
    assert sys.gettrace() is None
