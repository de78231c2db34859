"""Running a coroutine of a live test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

PATIENCE_S = 20.0  # a test that hangs fails


def live(body: Callable[..., Awaitable[None]], *arguments: Any) -> None:
    """Run a coroutine on asyncio, not longer than `PATIENCE_S`."""
    asyncio.run(asyncio.wait_for(body(*arguments), PATIENCE_S))
