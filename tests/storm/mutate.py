"""Mutation testing of what must not be wrong: `python -m tests.storm.mutate [mutants a part]`.

An even sample of each part's mutants is run against the tests named with it, each in a process of its own (forked, the
module replaced as it is imported) under a limit of CPU time; who runs into that is caught too. Survivors and the
score go to results/storm/mutation.csv: a sample of a sample, the tests of a part are not all that read it.
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
CPU_FACTOR, CPU_S_MORE = 4, 10
MUTANTS = 12
MANAGER = "tests/scalability/manager/test_"
PARTS = {  # what no run has had the time for has no row in the table
    "limiter": (
        ("sim/integration/gateway/limiter.py",),
        ("tests/integration/gateway/test_gcra.py", "-k", "not million"),  # five seconds of the eight
    ),
    "ledger": (
        ("sim/bench/ledger.py",),
        ("tests/bench/test_parts_ledger.py",),
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
    count = min(mutants, len(listed))
    chosen = [listed[int((number + 0.5) * len(listed) / count)] for number in range(count)]
    verdicts = []
    for path, tree, site in chosen:
        survived = passes(TOP / path, mutated(tree, site), tests, limit_s)
        verdicts.append(Verdict(part, path, site, survived))
        print(f"{part}: {path}:{site.line} {site.what}: {'SURVIVED' if survived else 'caught'}", flush=True)
    print(f"{part}: {count} of {len(listed)} mutants, {spent_s():.0f} CPU s so far", flush=True)
    return verdicts


def main() -> None:
    """All parts, or those that are named after the number of mutants."""
    for name in PRELOADED:
        __import__(name)
    mutants = int(sys.argv[1]) if len(sys.argv) > 1 else MUTANTS
    verdicts = [one for part in sys.argv[2:] or PARTS for one in judge(part, mutants)]
    with PUBLISHED.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["part", "mutants", "caught", "survivor", "line", "change"])
        for part in dict.fromkeys(one.part for one in verdicts):
            mine = [one for one in verdicts if one.part == part]
            left = [one for one in mine if one.survived]
            writer.writerow([part, len(mine), len(mine) - len(left), "", "", ""])
            writer.writerows([part, "", "", one.path, one.site.line, one.site.what] for one in left)


if __name__ == "__main__":
    main()
