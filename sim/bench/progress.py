"""Progress of a study on standard error: done, total, time left. A bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

WIDTH = 30
QUIET_S = 10.0  # between lines where nobody watches
MINUTE_S = 60.0


class Progress:
    """Counts finished tasks; `label` says of what, `clock` gives seconds."""

    def __init__(
        self, total: int, label: str, stream: TextIO | None = None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.total, self.label, self.done = total, label, 0
        self.stream = stream or sys.stderr
        self._clock = clock
        self._started = self._said = clock()
        if total and self.stream.isatty():
            self._draw(f"{label}: 0/{total}", last=False)

    def advance(self) -> None:
        """One task more is done."""
        self.to(self.done + 1, self.total)

    def to(self, done: int, total: int) -> None:
        """`done` tasks are, of `total` as far as is known now."""
        self.done, self.total = done, total
        now = self._clock()
        last = done == total
        text = f"{self.label}: {done}/{total}, {left(now - self._started, done, total)}"
        if self.stream.isatty():
            self._draw(text, last)
        elif last or now - self._said > QUIET_S:
            self._said = now
            print(text, file=self.stream, flush=True)

    def _draw(self, text: str, last: bool) -> None:
        filled = WIDTH * self.done // self.total
        self.stream.write(f"\r[{'#' * filled}{'.' * (WIDTH - filled)}] {text}\x1b[K" + ("\n" if last else ""))
        self.stream.flush()


def say(text: str) -> None:
    """One line of what is being done now, where it may take a while before there is more to tell."""
    print(text, file=sys.stderr, flush=True)


def left(elapsed_s: float, done: int, total: int) -> str:
    """Time left at the pace so far, in words; time taken when all is done."""
    if done == total:
        return f"took {words_of(elapsed_s)}"
    return f"{words_of(elapsed_s / done * (total - done))} left"


def words_of(duration_s: float) -> str:
    """A duration for people: `8 s`, `2 min 5 s`, `3 h 10 min`."""
    seconds = int(duration_s + 0.5)
    if seconds < MINUTE_S:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < MINUTE_S:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"
