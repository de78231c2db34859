"""Python's cyclic collector, kept away from what stays for a whole run anyway.

What a deployment makes stays, and the collector walks all of it again and again as it grows: a quarter of the time of
120,000 agents. So nothing is collected while a fleet is made, and what stands then (imported modules too) is looked at
no more until the run ends: 6 to 9 % of the time of a load. What is made and dropped under load is collected as ever.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held_off() -> Iterator[None]:
    """Within the block nothing is collected; afterwards it is as it was before."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Process:
    """Of this process: does a block of ours hold the permanent generation (to count it is to walk it)?"""

    held = False


@contextmanager
def set_aside() -> Iterator[None]:
    """Within the block the collector does not look at what there was before; within another such block it does nothing.

    The permanent generation is one for the whole process: only the block that found it empty takes it back.
    """
    if _Process.held or gc.get_freeze_count():
        yield
        return
    gc.freeze()
    _Process.held = True
    try:
        yield
    finally:
        _Process.held = False
        gc.unfreeze()


@contextmanager
def many_runs() -> Iterator[None]:
    """Many short runs: within the block nothing is collected, at its end what they left.

    A run that was set aside while it ran is garbage that the collector's own thresholds never count: thousands of them
    took gigabytes. Here their garbage is all that is walked.
    """
    with set_aside(), held_off():
        try:
            yield
        finally:
            gc.collect()
