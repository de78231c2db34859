"""The agent of the self-test: it notes that it begins, works, and gives its number back.

The note is one line appended to the file named in the environment, on the way to disk before the work begins, so that
a run that was cut short by a kill is known as well.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

LOG = "VICTOR_SIM_SELFTEST_LOG"


async def noted(content: dict[str, Any]) -> dict[str, Any]:
    """Number `n`, after `work_s` seconds."""
    handle = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, b"%d\n" % int(content["n"]))
    finally:
        os.close(handle)
    await asyncio.sleep(float(content["work_s"]))
    return {"n": content["n"]}
