"""A failing schedule made small: fewer faults and deeds by delta debugging, then fewer settings.

ddmin (Zeller and Hildebrandt 2002) over the list of strikes and deeds; then one feature of the settings after another
is taken out while the same invariant still breaks; order and looks go back to the plain ones where that keeps the
failure. Every candidate is run: at most `RUNS_MAX`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sim.bench.dice import Overrides
from sim.bench.random_configs import smaller
from sim.bench.storm.run import Outcome, run_storm
from sim.bench.storm.scenario import Deed, Scenario, Strike
from sim.errors import ConfigError

RUNS_MAX = 300
KEPT = ("seed", "horizon_s", "drain_s", "warmup", "arrivals.", "service.", "fleet.nodes", "fleet.agents_per_node")
Item = Strike | Deed
Run = Callable[[Scenario], Outcome]


class Shrinker:
    """Keeps the smallest scenario that still breaks `invariant`."""

    def __init__(self, outcome: Outcome, runs_max: int = RUNS_MAX, run: Run = run_storm) -> None:
        self.invariant, self.run = outcome.violations[0].invariant, run
        self.smallest, self.best = outcome.scenario, outcome
        self.runs_max, self.runs_count = runs_max, 0

    def fails(self, scenario: Scenario) -> bool:
        """Whether it still breaks; then it is the smallest so far."""
        if self.runs_count >= self.runs_max:
            return False
        self.runs_count += 1
        try:
            outcome = self.run(scenario)
        except ConfigError:
            return False
        if not outcome.findings.broken[self.invariant]:
            return False
        self.smallest, self.best = scenario, outcome
        return True

    def shrink(self) -> Outcome:
        """The outcome of the smallest scenario that was found."""
        self._events()
        for changes in ({"order_word": 0}, {"looks": self.smallest.looks[:1]}, {"looks": ()}, {"records_max": 100_000}):
            self.fails(replace(self.smallest, **changes))
        self._settings()
        self._events()
        return self.best

    def _events(self) -> None:
        items: list[Item] = [*self.smallest.strikes, *self.smallest.deeds]

        def breaks(kept: list[Item]) -> bool:
            return self.fails(self._with(kept))

        ddmin(items, breaks)

    def _with(self, kept: list[Item]) -> Scenario:
        strikes = tuple(one for one in kept if isinstance(one, Strike))
        return replace(self.smallest, strikes=strikes, deeds=tuple(one for one in kept if isinstance(one, Deed)))

    def _settings(self) -> None:
        found = True
        while found and self.runs_count < self.runs_max:
            found = False
            for candidate in self._fewer(self.smallest.overrides):
                if self.fails(replace(self.smallest, overrides=candidate)):
                    found = True
                    break

    @staticmethod
    def _fewer(overrides: Overrides) -> Any:
        for candidate in smaller(overrides):
            gone = [key for key in overrides if key not in candidate]
            if gone and not any(key.startswith(KEPT) for key in gone):
                yield candidate


def ddmin(items: list[Item], breaks: Callable[[list[Item]], bool]) -> list[Item]:
    """A list of items that breaks and of which no single one can be left out (if `breaks` was asked often enough)."""
    if breaks([]):
        return []
    parts = 2
    while len(items) >= 2:
        size = max(1, len(items) // parts)
        pieces = [items[at : at + size] for at in range(0, len(items), size)]
        for piece in pieces:
            rest = [item for item in items if item not in piece]
            if breaks(piece):
                items, parts = piece, 2
                break
            if len(pieces) > 2 and breaks(rest):
                items, parts = rest, max(parts - 1, 2)
                break
        else:
            if size == 1:
                return items
            parts = min(len(items), 2 * parts)
    return items
