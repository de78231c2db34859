"""The study behind `victor-sim optimize`: words to what is asked, trials from the ledger or run, scores by method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sim.bench.ledger import ledger_of
from sim.bench.optimize.goals import Goal, Scores
from sim.bench.optimize.methods import OWN
from sim.bench.optimize.study import BASELINE_PARTS, Record, StudyAsked, run_study, waiting_of, yardsticks
from sim.bench.progress import Progress
from sim.errors import ConfigError
from sim.registry import names

ALL = "all"


@dataclass(frozen=True, slots=True)
class StudyFound:
    """Scores of all methods; the first one asked for is the one that is held to the goals."""

    asked: StudyAsked
    scores: Scores

    @property
    def method(self) -> str:
        """Held to the goals."""
        return self.asked.methods[0]

    def goals(self, method: str | None = None) -> list[Goal]:
        """The table of a method."""
        return self.scores.goals(method or self.method)

    def as_text(self) -> str:
        """Goals in lines."""
        lines = []
        for goal in self.goals():
            word = {True: "reached", False: "NOT reached", None: "not measured"}[goal.reached]
            lines.append(f"{goal.name}: {told(goal)} ({goal.asked}): {word}{'; ' + goal.note if goal.note else ''}")
        return "\n".join(lines)


def told(goal: Goal) -> str:
    """The measured value with its interval."""
    found = goal.measured
    if goal.reached is None:
        return "–"
    interval = f" [{found.low:.3g}, {found.high:.3g}]" if found.low == found.low else ""
    return f"{found.value:.3g}{interval}"


def asked_of(values: Mapping[str, str]) -> tuple[StudyAsked, int]:
    """What is asked and over how many workers; raises `ConfigError`."""
    surfaces = tuple(names("surface")) if values["surface"] == ALL else tuple(values["surface"].split(","))
    numbers = {}
    for key in ("windows", "tasks", "workers"):
        if not values[key].isdecimal() or (key == "tasks" and int(values[key]) < 2):
            raise ConfigError(key, values[key], "a whole number, tasks at least 2")
        numbers[key] = int(values[key])
    asked = StudyAsked(
        surfaces, tuple(values["methods"].split(",")), _seeds(values["seeds"]), numbers["windows"], numbers["tasks"]
    )
    return asked, numbers["workers"]


def _seeds(text: str) -> tuple[int, ...]:
    """`7`, `1..30` or `1,4,9`."""
    first, dots, last = text.partition("..")
    parts = [first, last] if dots else text.split(",")
    if not all(part.isdecimal() for part in parts) or (dots and int(last) < int(first)):
        raise ConfigError("seeds", text, "7, 1..30 or 1,4,9")
    return tuple(range(int(first), int(last) + 1)) if dots else tuple(dict.fromkeys(int(part) for part in parts))


def _shifted(progress: Progress, before: int) -> Callable[[int, int], None]:
    return lambda done, _: progress.to(before + done, progress.total)


def run_command(asked: StudyAsked, workers: int, store: Path) -> StudyFound:
    """Everything that is asked, from the ledgers where it stands there.

    The other methods' trials do not hang on the optimizer's code and have a ledger of their own: after a change to the
    optimizer only its trials run again, and only they are counted as to come.
    """
    studies = []
    for is_own, code in ((True, ()), (False, BASELINE_PARTS)):
        methods = tuple(method for method in asked.methods if (method in OWN) == is_own)
        if methods:
            ledger = ledger_of(store, "optimize", code, windows=asked.windows, tasks=asked.tasks)
            studies.append((replace(asked, methods=methods), ledger))
    progress = Progress(sum(len(waiting_of(part, ledger)) for part, ledger in studies), "optimize")
    found: dict[tuple[str, str, int], Record] = {}
    for part, ledger in studies:
        records = run_study(part, ledger, workers, _shifted(progress, progress.done))
        found |= dict(zip(part.trials, records, strict=True))
    return StudyFound(
        asked, Scores([found[trial] for trial in asked.trials], yardsticks(asked, workers), asked.judged_at)
    )
