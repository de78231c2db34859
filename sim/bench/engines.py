"""Are the two engines one? Random configurations through both, their records compared bit by bit.

One that differs is shrunk: sections and keys go back to their defaults and sizes are halved, as long as the two still
differ; the smallest is told as the command that shows it. What the second engine refuses is counted under the feature
that it names, never as equal. Equality says that the engines are the same, not that they are right: known answers and
the naive engines of the tests say that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim.bench.assemble import run_replication
from sim.bench.check import check
from sim.bench.compose import compose, quoted
from sim.bench.dice import Overrides
from sim.bench.engine_differences import Difference, differences
from sim.bench.ledger import Ledger
from sim.bench.random_configs import configured, draw_overrides, features_of, smaller
from sim.bench.schema import Config
from sim.errors import ConfigError, SimError
from sim.types.records import RunRecord

SHRINK_MAX = 500  # comparisons for one difference
REDRAWS_MAX = 10  # times the configurations that are asked for
SMALLEST_TOLD = 12  # differences of one configuration that are told
EQUAL, DIFFERS, REFUSED, NOT_SUPPORTED = "equal", "differs", "refused", "not supported"
Run = Callable[[Config], RunRecord]


class NotSupported(SimError):
    """The second engine does not run this; the text names the feature."""


def run_one(config: Config) -> RunRecord:
    """Replication 0."""
    return run_replication(config, 0)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two engines that are compared."""

    engine: str
    run: Run = run_one


SIDES = (Side("simpy"), Side("compiled"))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, and the number of rows (or, of a streamed run, of requests) that were compared."""

    different: list[Difference]
    requests_count: int


@dataclass(slots=True)
class Equality:
    """What came out of many configurations."""

    equal_count: int = 0
    requests_count: int = 0
    refused_count: int = 0  # that the assembly refuses whatever the engine; drawn again
    not_supported: Counter[str] = field(default_factory=Counter)  # by the feature that the second engine names
    features: Counter[str] = field(default_factory=Counter)  # of what was compared
    unequal: list[tuple[int, list[str], str]] = field(default_factory=list)  # number, what differs, smallest command

    @property
    def done_count(self) -> int:
        """Configurations that the assembly accepted."""
        return self.equal_count + len(self.unequal) + self.not_supported.total()

    def as_text(self, seed: int, kinds: str = "plain") -> str:
        """How many were equal, what was compared how often, what was not, every difference with its command."""
        equal = f"{self.equal_count} of {self.done_count} configurations equal bit by bit"
        refused = f"{self.refused_count} drawn that no engine accepts"
        lines = [
            f"seed {seed}, {kinds}: {equal}, {self.requests_count:,} requests ({refused})",
            "compared: " + ", ".join(f"{name} {times}" for name, times in sorted(self.features.items())),
        ]
        lines += [f"not supported: {times} {feature}" for feature, times in sorted(self.not_supported.items())]
        for number, names, command in self.unequal:
            lines += [f"number {number} differs", *(f"  {name}" for name in names), f"  {command}"]
        return "\n".join(lines)


def command_of(overrides: Overrides) -> str:
    """The command that compares exactly this configuration."""
    words = (f"{key}={quoted(value)}" for key, value in overrides.items())
    return " ".join(["victor-sim validate --engines", *(f'"{w}"' if set(w) & set("[{' ") else w for w in words)])


def compare_configs(one: Config, other: Config, sides: tuple[Side, Side] = SIDES) -> Comparison:
    """Run both; raises `ConfigError` for what no engine accepts, `NotSupported` for what the second does not."""
    check(one)
    first = sides[0].run(one)
    count = len(first.attempts) if first.stream is None else first.arrivals_count
    try:
        second = sides[1].run(other)
    except ConfigError as error:
        if error.key == "engine":
            raise NotSupported(error.accepted.removeprefix("simpy or auto: ")) from error
        return Comparison([Difference("accepted", 1, None, "runs", str(error))], count)
    return Comparison(differences(first, second), count)


def compare(base: Config, overrides: Overrides, sides: tuple[Side, Side] = SIDES) -> Comparison:
    """The same for keys over a base."""
    one, other = (configured(base, overrides, side.engine) for side in sides)
    return compare_configs(one, other, sides)


def shrink(base: Config, overrides: Overrides, sides: tuple[Side, Side] = SIDES) -> Overrides:
    """The smallest configuration that is found to differ still: the first smaller one that does, again and again."""

    def differs(candidate: Overrides) -> bool:
        try:
            return bool(compare(base, candidate, sides).different)
        except (ConfigError, NotSupported):
            return False

    smallest, tried, found = overrides, 0, True
    while found:
        found = False
        for candidate in smaller(smallest):
            tried += 1
            if tried > SHRINK_MAX:
                return smallest
            if differs(candidate):
                smallest, found = candidate, True
                break
    return smallest


def random_configurations(
    count: int,
    seed: int,
    kinds: str = "plain",
    sides: tuple[Side, Side] = SIDES,
    said: Callable[[Equality], None] | None = None,
    inputs: Path | None = None,
    ledger: Ledger | None = None,
) -> Equality:
    """Compare `count` accepted configurations of a seed; `said` is called after each, `ledger` knows those done before.

    `inputs`: a folder of `write_inputs`, for laws that read files. Raises `ConfigError` when too few are accepted.
    """
    found, base, number = Equality(), compose([]), 0
    kept = Ledger(None) if ledger is None else ledger
    while found.done_count < count:
        if number >= REDRAWS_MAX * count:
            raise ConfigError("configurations", count, f"fewer: of {number} drawn {found.done_count} are accepted")
        overrides, name = draw_overrides(seed, number, kinds, inputs), str(number)
        if name not in kept.parts:
            kept.write(name, _judged(base, overrides, sides, number))
        _count(found, number, overrides, kept.parts[name])
        number += 1
        if said is not None:
            said(found)
    return found


def _judged(base: Config, overrides: Overrides, sides: tuple[Side, Side], number: int) -> dict[str, Any]:
    """What came out of one, as plain data; anything unexpected is raised with the command that shows it."""
    try:
        compared = compare(base, overrides, sides)
        if not compared.different:
            return {"outcome": EQUAL, "requests": compared.requests_count}
        smallest = shrink(base, overrides, sides)
        names = [str(one) for one in compare(base, smallest, sides).different[:SMALLEST_TOLD]]
        return {"outcome": DIFFERS, "requests": compared.requests_count, "names": names, "keys": command_of(smallest)}
    except NotSupported as error:
        return {"outcome": NOT_SUPPORTED, "feature": str(error)}
    except ConfigError:
        return {"outcome": REFUSED}
    except Exception as error:
        error.add_note(f"configuration {number}: {command_of(overrides)}")
        raise


def _count(found: Equality, number: int, overrides: Overrides, judged: dict[str, Any]) -> None:
    outcome = judged["outcome"]
    if outcome == REFUSED:
        found.refused_count += 1
    elif outcome == NOT_SUPPORTED:
        found.not_supported[judged["feature"]] += 1
    else:
        found.requests_count += judged["requests"]
        found.features.update(features_of(overrides))
        if outcome == EQUAL:
            found.equal_count += 1
        else:
            found.unequal.append((number, judged["names"], judged["keys"]))
