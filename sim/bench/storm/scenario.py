"""One schedule of a storm as plain data: settings, faults, what an operator does, and the order of equal instants.

A scenario is a pure function of its seed (`sim.bench.storm.draw`); shrinking takes things out of it, and what is left
still runs. Up to `heal_at` everything may strike (safety phase), from then on nothing does (liveness phase), arrivals
stop at `horizon_s`. Instants and durations in virtual seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sim.bench.dice import Overrides

SMALL, LARGE = "small", "large"
SIZES = (SMALL, LARGE)
LARGE_EVERY = 21  # of 10,500 schedules 500 are large


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault: `settings` are those of `faults.<kind>.*` beside its instants; `nodes` ordinals, () is all."""

    kind: str
    at_s: float
    for_s: float
    nodes: tuple[int, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()

    def as_text(self) -> str:
        """One line."""
        where = "nodes " + " ".join(map(str, self.nodes)) if self.nodes else "everywhere"
        told = "".join(f" {name}={value}" for name, value in self.settings)
        return f"{self.at_s:g} s: {self.kind} at {where} for {self.for_s:g} s{told}"


@dataclass(frozen=True, slots=True)
class Deed:
    """Something an operator does at an instant: `which` picks among what is there, `value` is what it needs.

    `cut_after_s`: the operator's call is cancelled then, wherever it stands; None: never.
    """

    what: str
    at_s: float
    which: int = 0
    value: float = 0.0
    cut_after_s: float | None = None

    def as_text(self) -> str:
        """One line."""
        cut = "" if self.cut_after_s is None else f", cut off {self.cut_after_s:g} s later"
        return f"{self.at_s:g} s: {self.what} (which {self.which}, value {self.value:g}){cut}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that one run of a storm is made of; `looks` are instants of deep looks, `records_max` of the journal."""

    seed: int
    size: str
    overrides: Overrides
    strikes: tuple[Strike, ...] = ()
    deeds: tuple[Deed, ...] = ()
    heal_at: float = 0.0
    order_word: int = 0  # 0: equal instants keep their order
    records_max: int = 100_000
    looks: tuple[float, ...] = ()

    def without(self, **changes: Any) -> Scenario:
        """A copy with these fields instead."""
        return replace(self, **changes)

    def faults(self) -> list[str]:
        """Kinds of all that strikes, each once, in order."""
        kinds = [strike.kind for strike in self.strikes]
        kinds += [name for name in ("poison_request", "overload") if self.overrides.get(f"faults.{name}.enabled")]
        kinds += [f"deed {deed.what}" for deed in self.deeds]
        return list(dict.fromkeys(kinds))

    def as_text(self) -> str:
        """Everything that was drawn."""
        order = "kept" if not self.order_word else f"permuted by {self.order_word:#x}"
        lines = [f"storm {self.seed}, {self.size}: heals at {self.heal_at:g} s; order of equal instants {order}"]
        lines += [f"  {key}={value}" for key, value in self.overrides.items()]
        lines += [f"  fault {strike.as_text()}" for strike in self.strikes]
        lines += [f"  deed {deed.as_text()}" for deed in self.deeds]
        looks = " ".join(f"{at:g}" for at in self.looks)
        lines.append(f"  deep looks at {looks}; the journal holds {self.records_max} records")
        return "\n".join(lines)


def size_of(seed: int) -> str:
    """Every `LARGE_EVERY`th seed is a large schedule."""
    return LARGE if seed % LARGE_EVERY == LARGE_EVERY - 1 else SMALL
