"""What `--quiet` lets through to standard error: what went wrong and what to do next, and no progress.

Errors are lines that begin with `victor-sim:` or `next:`; a bar, a count or a note of another form is left out. A line
is passed on when it is whole, so that nothing of a bar that is drawn over itself stands before it.
"""

from __future__ import annotations

import io
from typing import TextIO

TOLD = ("victor-sim:", "next:")
LINE_CHARS_MAX = 1_000_000  # of a line that does not end; what is older is let go


class OnlyErrors(io.TextIOBase):
    """A stream in the place of `stream` that passes lines of errors on to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._begun = stream, ""

    def write(self, text: str) -> int:
        """Take some text; gives how many characters it has."""
        *whole, begun = (self._begun + text).split("\n")
        self._begun = begun[-LINE_CHARS_MAX:]
        for line in whole:
            if line.startswith(TOLD):
                self._stream.write(f"{line}\n")
        return len(text)

    def flush(self) -> None:
        """What was passed on is out."""
        self._stream.flush()
