"""Agents to try a fleet with: `sleeper` works for `work_s` seconds, `echo` answers at once.

`sleeper` stands for an agent that waits for a model elsewhere: it takes the time and no processor, so that a fleet of
hundreds fits on a laptop, and a calibration knows the demand of each request.
"""

from __future__ import annotations

import asyncio
from typing import Any

WORK_MAX_S = 3_600.0


async def sleeper(content: dict[str, Any]) -> dict[str, Any]:
    """Sleep for `work_s` (0 without); gives how long it really took, seconds. Raises ValueError."""
    work_s = float(content.get("work_s", 0.0))
    if not 0.0 <= work_s <= WORK_MAX_S:
        raise ValueError(f"work_s={work_s}: accepted is 0..{WORK_MAX_S:g}")
    loop = asyncio.get_running_loop()
    begun_at = loop.time()
    await asyncio.sleep(work_s)
    return {"worked_s": loop.time() - begun_at}


async def echo(content: dict[str, Any]) -> dict[str, Any]:
    """The input."""
    return dict(content)
