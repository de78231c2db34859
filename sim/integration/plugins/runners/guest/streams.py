"""Standard output and error of a worker: text into the plugin's log, dropped when it is full, never blocking."""

from __future__ import annotations

import io
import os
import sys


class LogStream(io.TextIOBase):
    """A text file that never raises and never blocks; `dropped_count` writes were lost."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.dropped_count = 0

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Give what fits to the log; tells the caller that all was taken."""
        try:
            os.write(self._fd, text.encode(errors="replace"))
        except OSError:
            self.dropped_count += 1
        return len(text)


def to_log() -> None:
    """Descriptors 1 and 2 are the log; no input."""
    os.set_blocking(1, False)
    for name, stream in (("stdout", LogStream(1)), ("stderr", LogStream(2)), ("stdin", None)):
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
