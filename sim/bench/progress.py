"""Progress of a study on standard error: done, total, time left. A bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 30
QUIET_S = 10.0  # between lines when nobody watches


class Progress:
    """Counts finished tasks; `label` says of what."""

    def __init__(self, total: int, label: str, stream: TextIO | None = None) -> None:
        self.total, self.label, self.done = total, label, 0
        self.stream = stream or sys.stderr
        self._started = self._said = time.perf_counter()

    def advance(self) -> None:
        """One task more is done."""
        self.done += 1
        now = time.perf_counter()
        last = self.done == self.total
        text = f"{self.label}: {self.done}/{self.total}{left(now - self._started, self.done, self.total)}"
        if self.stream.isatty():
            filled = WIDTH * self.done // self.total
            end = "\n" if last else ""
            self.stream.write(f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] {text}\x1b[K{end}")
            self.stream.flush()
        elif last or now - self._said > QUIET_S:
            self._said = now
            print(text, file=self.stream, flush=True)


def left(elapsed_s: float, done: int, total: int) -> str:
    """Time left at the pace so far, in words."""
    if done == total:
        return f", took {elapsed_s:.0f} s"
    return f", {elapsed_s / done * (total - done):.0f} s left"
