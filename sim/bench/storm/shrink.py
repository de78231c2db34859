"""A failing schedule made small: fewer faults and deeds by delta debugging, then fewer settings.

ddmin (Zeller and Hildebrandt 2002) over the list of strikes and deeds; then one feature of the settings after another
is taken out while the same still breaks; order and looks go back to the plain ones where that keeps the failure. The
same: the invariant, and in the checker's words the same statement (`kind_of`), since one bug may hide another; where it
is one of liveness, no less may be promised either: left out, a set-up of a second is one of the default's minute, and a
run too short for that breaks the promise for a reason of its own. At most `RUNS_MAX` candidates are run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from sim.bench.dice import Overrides
from sim.bench.random_configs import smaller
from sim.bench.storm.base import value_of
from sim.bench.storm.bounds import detection_s, recovery_s
from sim.bench.storm.findings import Violation
from sim.bench.storm.run import Outcome, run_storm
from sim.bench.storm.scenario import Deed, Scenario, Strike
from sim.errors import ConfigError

RUNS_MAX = 300
KEPT = ("seed", "horizon_s", "drain_s", "warmup", "arrivals.", "service.", "fleet.nodes", "fleet.agents_per_node")
Item = Strike | Deed
Run = Callable[[Scenario], Outcome]


def kind_of(violation: Violation) -> tuple[str, str]:
    """The invariant and what is said of it, without numbers and lists; of an error its type and who raised it."""
    if violation.invariant == "X1":
        error, where = violation.told.partition(":")[0], violation.told.rpartition(" [")[2]
        return "X1", f"{error} in {where.partition(':')[0]}"
    return violation.invariant, re.sub(r"[\[({].*[\])}]|[0-9][0-9.e+-]*", "#", violation.told)


class Shrinker:
    """Keeps the smallest scenario that still breaks in the way of the first violation (`kind`)."""

    def __init__(self, outcome: Outcome, runs_max: int = RUNS_MAX, run: Run = run_storm) -> None:
        self.kind, self.run = kind_of(outcome.violations[0]), run
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
        if self.kind not in map(kind_of, outcome.violations):
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

    def _fewer(self, overrides: Overrides) -> Iterator[Overrides]:
        lives = self.kind[0].startswith("L")
        for candidate in smaller(overrides):
            gone = [key for key in overrides if key not in candidate]
            if not gone or any(key.startswith(KEPT) for key in gone):
                continue
            if not lives or not promises_less(candidate, overrides):
                yield candidate


def promises_less(fewer: Overrides, overrides: Overrides) -> bool:
    """Whether with fewer settings a loss may be found (D) or healed (R) later, or nobody says that there was one."""
    later = any(bound(fewer) > bound(overrides) for bound in (detection_s, recovery_s))
    silent = [value_of(found, "health.detector") == "none" for found in (fewer, overrides)]
    return later or silent == [True, False]


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
