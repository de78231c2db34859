"""Windows of one that is tuned: the settings that stand and are on trial, and the outcomes of either, by window.

An outcome belongs to the window and arm in which its answer began; windows that nobody took are forgotten beyond
`WINDOWS_MAX`, so that memory is bounded.
"""

from __future__ import annotations

from sim.world.surfaces.surface import Point

WINDOWS_MAX = 8  # that outcomes are kept for
KEPT_MAX = 100_000  # outcomes of an arm in a window
STANDING, TRIAL = 0, 1
Outcomes = list[dict[str, float]]


class Windows:
    """Begins with `standing` and nothing on trial."""

    def __init__(self, standing: Point) -> None:
        self.standing = standing
        self.trial: Point | None = None
        self.window = 0  # ordinal of the one that runs
        self.kept: dict[int, tuple[Outcomes, Outcomes]] = {0: ([], [])}
        self.dropped_count = 0

    def next_window(self, trial: Point | None) -> int:
        """A window begins with this setting on trial; gives its ordinal."""
        self.window, self.trial = self.window + 1, trial
        self.kept[self.window] = ([], [])
        while len(self.kept) > WINDOWS_MAX:
            del self.kept[min(self.kept)]
        return self.window

    def take(self, window: int) -> tuple[Outcomes, Outcomes]:
        """Outcomes so far of what began in a window, under the standing and the trial setting."""
        return self.kept.pop(window, ([], []))
