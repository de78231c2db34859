"""Cancellation is `asyncio.CancelledError` in both runtimes: a class of our own would leak through asyncio's
timeouts and task groups when live. It is taken from the module that defines it, without an event loop."""

from asyncio.exceptions import CancelledError as Cancelled

__all__ = ["Cancelled"]
