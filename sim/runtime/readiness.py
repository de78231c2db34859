"""Waiting for a descriptor, as both runtimes do it: the one place where a wait is for another process.

`poll_for` blocks the whole process and counts on the machine's monotonic clock, since no virtual time passes while
another process thinks. It rounds up to whole milliseconds.
"""

from __future__ import annotations

import math
import select
import time


def poll_for(fd: int, within_s: float, writing: bool = False) -> float:
    """Seconds that are left of `within_s` once `fd` can be read (or written), or has hung up; -1 when they passed."""
    poller = select.poll()
    poller.register(fd, select.POLLOUT if writing else select.POLLIN)
    started_at = time.monotonic()
    if not poller.poll(math.ceil(max(within_s, 0.0) * 1000)):
        return -1.0
    return max(within_s - (time.monotonic() - started_at), 0.0)
