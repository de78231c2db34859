"""Mutation testing of what must not be wrong: `python -m tests.storm.mutate [mutants a part] [part ...]`.

An even sample of each part's mutants is run against the tests named with it, each in a process of its own (forked, the
module replaced as it is imported) under a limit of CPU time; who runs into that is caught too. Who survives meets the
further tests of the part, if there are any. Survivors and the score go to results/storm/mutation.csv, where the rows of
parts that were not asked for stay: the tests of a part are not all that read it.
"""

from __future__ import annotations

import ast
import csv
import importlib.abc
import importlib.util
import os
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.storm.mutants import Site, mutated, sites

TOP = Path(__file__).parents[2]
PUBLISHED = TOP / "results" / "storm" / "mutation.csv"
PRELOADED = ("numpy", "simpy", "msgspec", "omegaconf")  # imported once, never under test
CPU_FACTOR, CPU_S_MORE, FURTHER_CPU_S = 4, 10, 120
MUTANTS = 12
MANAGER = "tests/scalability/manager/test_"
FURTHER = {  # asked of survivors alone, since they take long
    "manager": ("tests/scalability/manager", "--benchmark-skip", f"--ignore={MANAGER}killed_at_every_await.py"),
}
COLUMNS = ["part", "of", "mutants", "caught", "survivor", "line", "change"]
PARTS = {  # what no run has had the time for has no row in the table
    "limiter": (
        ("sim/integration/gateway/limiter.py",),
        ("tests/integration/gateway/test_gcra.py", "-k", "not million"),  # five seconds of the eight
    ),
    "ledger": (
        ("sim/bench/ledger.py", "sim/bench/appender.py"),
        ("tests/bench/test_parts_ledger.py", "tests/bench/test_two_appenders.py"),
    ),
    "plugin protocol": (
        ("sim/integration/plugins/protocol.py", "sim/integration/plugins/folds.py"),
        ("tests/integration/plugins/test_hook_calls.py", "tests/integration/plugins/test_protocol.py"),
    ),
    "manager": (
        tuple(f"sim/scalability/manager/{name}.py" for name in ("ledger", "deployment", "registration", "assignment")),
        tuple(f"{MANAGER}{name}.py" for name in ("deployment", "epochs", "failover", "stranded", "journal", "removal")),
    ),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one mutant."""

    part: str
    of: int  # mutants of the part, of which it is one of a sample
    path: str
    site: Site
    survived: bool


class Replaced(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a tree in the place of its file."""

    def __init__(self, path: Path, tree: ast.Module) -> None:
        self.name = ".".join(path.relative_to(TOP).with_suffix("").parts)
        self.path, self.code = path, compile(tree, str(path), "exec")

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> Any:
        """Its own module only."""
        return importlib.util.spec_from_loader(fullname, self) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed code."""
        module.__file__ = str(self.path)
        exec(self.code, module.__dict__)


def passes(path: Path, tree: ast.Module, tests: Sequence[str], cpu_s: int) -> bool:
    """Whether the tests pass with that tree; in a process of its own."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        sys.meta_path.insert(0, Replaced(path, tree))
        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
    finally:
        os._exit(code)


def spent_s() -> float:
    """CPU seconds of the children that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def judge(part: str, mutants: int) -> list[Verdict]:
    """An even sample of a part's mutants; raises AssertionError where its tests fail on the code as it is."""
    paths, tests = PARTS[part]
    found = [(path, ast.parse((TOP / path).read_text(encoding="utf-8"))) for path in paths]
    began_s = spent_s()
    assert passes(TOP / paths[0], found[0][1], tests, 600), f"the tests of {part} fail as it is"
    limit_s = int(CPU_FACTOR * (spent_s() - began_s)) + CPU_S_MORE
    listed = [(path, tree, site) for path, tree in found for site in sites(tree)]
    count, further = min(mutants, len(listed)), FURTHER.get(part, ())
    chosen = [listed[int((number + 0.5) * len(listed) / count)] for number in range(count)]
    verdicts = []
    for path, tree, site in chosen:
        survived = passes(TOP / path, mutated(tree, site), tests, limit_s)
        if survived and further:
            survived = passes(TOP / path, mutated(tree, site), further, FURTHER_CPU_S)
        verdicts.append(Verdict(part, len(listed), path, site, survived))
        print(f"{part}: {path}:{site.line} {site.what}: {'SURVIVED' if survived else 'caught'}", flush=True)
    print(f"{part}: {count} of {len(listed)} mutants, {spent_s():.0f} CPU s so far", flush=True)
    return verdicts


def main() -> None:
    """All parts, or those that are named after the number of mutants."""
    for name in PRELOADED:
        __import__(name)
    mutants = int(sys.argv[1]) if len(sys.argv) > 1 else MUTANTS
    publish([one for part in sys.argv[2:] or PARTS for one in judge(part, mutants)], PUBLISHED)


def publish(verdicts: Sequence[Verdict], path: Path) -> None:
    """Write the rows of the parts that were judged; those of the others stay."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [list(row.values()) for row in csv.DictReader(file)]
    parts = dict.fromkeys(one.part for one in verdicts)
    rows = [row for row in rows if row[0] not in parts]
    for part in parts:
        mine = [one for one in verdicts if one.part == part]
        left = [one for one in mine if one.survived]
        rows.append([part, str(mine[0].of), str(len(mine)), str(len(mine) - len(left)), "", "", ""])
        rows += [[part, "", "", "", one.path, str(one.site.line), one.site.what] for one in left]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
