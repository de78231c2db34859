"""Where secrets come from when live: the operating system. Simulations have draws instead."""

from __future__ import annotations

import os


def system_entropy(count: int) -> bytes:
    """So many bytes that nobody can guess."""
    return os.urandom(count)
