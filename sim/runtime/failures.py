"""One policy, in both runtimes, for tasks that fail while nobody joins them.

A failure is kept: who joins late still gets it. What nobody joined is raised, as one ExceptionGroup, when the run ends
or the runtime is closed, so that no failure is lost and none ends a run in its middle. The first `failures_max` are
kept, the others are counted and named in the message. A cancelled task is no failure.
"""

from __future__ import annotations

from sim.runtime.cancelled import Cancelled


class Failures:
    """Failures that were not joined, by task, in the order they happened."""

    def __init__(self, failures_max: int = 100) -> None:
        self.failures_max = failures_max
        self._kept: dict[object, BaseException] = {}
        self._more_count = 0

    def ended(self, task: object, error: BaseException | None) -> None:
        """A task without a joiner ended. A cancel is no failure; Ctrl-C and exit have left through the run already."""
        if error is None or isinstance(error, Cancelled | KeyboardInterrupt | SystemExit):
            return
        if len(self._kept) < self.failures_max:
            self._kept[task] = error
        else:
            self._more_count += 1

    def joined(self, task: object) -> None:
        """A task got a joiner, who takes care of its failure (one that is only counted stays counted)."""
        self._kept.pop(task, None)

    def raise_all(self) -> None:
        """Raise what nobody joined and forget it; nothing when there is nothing."""
        errors, more = list(self._kept.values()), self._more_count
        self._kept, self._more_count = {}, 0
        if errors:
            others = f" (and {more} more)" if more else ""
            raise BaseExceptionGroup(f"tasks failed and nobody joined them{others}", errors)
