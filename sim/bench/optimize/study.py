"""All trials of a study over workers, each kept in a ledger as it ends, so that asking again goes on where it stopped.

Trials of a seed use the same draws whatever the method: comparisons are paired. A trial's key is its surface, method
and seed; the ledger's key holds windows, tasks and the code. At most `TRIALS_MAX` trials.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import joblib

from sim.bench.ledger import Ledger
from sim.bench.optimize.methods import METHODS
from sim.bench.optimize.trial import EVERY, FIRST, run_trial
from sim.bench.optimize.yardstick import Yardstick, yardstick
from sim.bench.pool import in_order, spread
from sim.errors import ConfigError, WorkerLost
from sim.registry import names

TRIALS_MAX = 100_000
WINDOWS_MAX = 10_000
Record = dict[str, Any]
_OPTIMIZE = ("naive", "problem", "random_search", "tpe", "trial")
BASELINE_PARTS = (  # of the code, what a baseline's trial rests on
    *(f"bench/optimize/{name}.py" for name in _OPTIMIZE), "intelligence/protocol.py", "runtime/draws.py",
    "runtime/philox.py", "world/service/hardware.py", "world/surfaces",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StudyAsked:
    """What is asked: every surface x method x seed."""

    surfaces: tuple[str, ...]
    methods: tuple[str, ...]
    seeds: tuple[int, ...]
    windows: int = 100
    tasks: int = 200

    def __post_init__(self) -> None:
        for key, found, known in (
            ("surface", self.surfaces, names("surface")),
            ("methods", self.methods, list(METHODS)),
        ):
            for name in found:
                if name not in known:
                    raise ConfigError(key, name, "of " + ", ".join(known))
        if not FIRST <= self.windows <= WINDOWS_MAX:
            raise ConfigError("windows", self.windows, f"a whole number of {FIRST} to {WINDOWS_MAX}")
        if not 1 <= len(self.trials) <= TRIALS_MAX:
            raise ConfigError("seeds", len(self.seeds), f"1 to {TRIALS_MAX} trials in all")

    @property
    def trials(self) -> list[tuple[str, str, int]]:
        """Surface, method, seed; seeds outermost, so that an interrupted study has whole seeds."""
        return [(surface, method, seed) for seed in self.seeds for surface in self.surfaces for method in self.methods]

    @property
    def judged_at(self) -> tuple[int, ...]:
        """Windows after which recommendations are judged."""
        return tuple(window for window in range(FIRST, self.windows + 1) if window % EVERY == 0)


def waiting_of(asked: StudyAsked, ledger: Ledger) -> list[tuple[str, str, int]]:
    """The trials that are not in the ledger."""
    return [trial for trial in asked.trials if _key(trial) not in ledger.parts]


def run_study(asked: StudyAsked, ledger: Ledger, workers: int, said: Callable[[int, int], None]) -> list[Record]:
    """Records of all trials in the order of `asked.trials`; raises what a trial raised.

    `said` hears after each trial how many of those that had to run are done.
    """
    waiting, done = waiting_of(asked, ledger), 0
    calls = [(*trial, asked.windows, asked.tasks) for trial in waiting]
    with closing(spread(run_trial, calls, workers or joblib.cpu_count())) as coming:
        for number, record in coming:
            if isinstance(record, WorkerLost):
                raise record
            ledger.write(_key(waiting[number]), record)
            done += 1
            said(done, len(waiting))
    return [ledger.parts[_key(trial)] for trial in asked.trials]


def yardsticks(asked: StudyAsked, workers: int) -> dict[str, Yardstick]:
    """The truth of every surface at every judged window."""
    calls = [(name, asked.judged_at) for name in asked.surfaces]
    return dict(zip(asked.surfaces, in_order(yardstick, calls, workers or joblib.cpu_count()), strict=True))


def _key(trial: tuple[str, str, int]) -> str:
    return "/".join(map(str, trial))
