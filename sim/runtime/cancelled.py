"""Cancellation is `asyncio.CancelledError` in both runtimes.

A class of our own would leak through asyncio.timeout, TaskGroup and anyio when live. This is the one place outside the
live runtime that names asyncio: it takes the error from the module that defines it and touches no event loop.
"""

from asyncio.exceptions import CancelledError as Cancelled

__all__ = ["Cancelled"]
