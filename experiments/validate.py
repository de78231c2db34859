"""victor-sim validate [--quick] [--engine NAME] [seed=S] [workers=N]
victor-sim validate --engines [configurations=N] [seed=S]
victor-sim validate --coverage [--twin] [macro=M] [replications=R] [requests=N] [servers=C] [seed=S] [workers=N]

The simulator against closed-form and published numbers, judged together at family level .001. A row whose interval is
too wide is not decided, and fails. --quick has wider bounds and says so. --coverage asks how often the 95 % interval of
the mean sojourn of M/M/c at utilization .8 holds the known value; --twin takes the runs from a recursion on the same
draws instead of the engine. --engine names one (simpy, compiled) instead of what `auto` takes. --engines draws random
configurations and holds the compiled engine against SimPy bit by bit; one that differs is shrunk to its fewest keys.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.experiments.words import Words, parse, settings


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when the family of rows fails, or the covered share leaves its band."""
    words = parse(arguments, ("--quick", "--coverage", "--twin", "--engines"), ("--engine",))
    if "--coverage" in words.flags:
        return _coverage(words)
    if "--engines" in words.flags:
        return _engines(words)
    asked = settings(words, {"seed": 1, "workers": 0})
    from sim.bench.progress import Progress
    from sim.bench.validate import run_on, run_validation

    progress = Progress(0, "validate")
    run = run_on(words.values.get("--engine", "auto"))
    table = run_validation(asked["seed"], "--quick" in words.flags, asked["workers"], progress.to, run=run)
    print(table.as_text())
    return table.exit_code


def _engines(words: Words) -> int:
    asked = settings(words, {"seed": 1, "configurations": 1000})
    from sim.bench.engines import Equality, random_configurations
    from sim.bench.progress import Progress

    count, seed = asked["configurations"], asked["seed"]
    progress = Progress(count, "engines")

    def said(number: int, found: Equality) -> None:
        progress.to(found.equal_count + len(found.unequal), count)

    found = random_configurations(count, seed, said=said)
    print(found.as_text(seed))
    return 1 if found.unequal else 0


def _coverage(words: Words) -> int:
    asked = settings(
        words, {"seed": 1, "workers": 0, "macro": 400, "replications": 10, "requests": 100_000, "servers": 1}
    )
    from sim.bench.coverage import Setting, coverage, product_run, twin_run

    setting = Setting(asked["servers"], 0.8, asked["replications"], asked["requests"])
    twin = "--twin" in words.flags
    found = coverage(setting, asked["macro"], asked["seed"], twin_run if twin else product_run, asked["workers"])
    print(f"{'twin recursion' if twin else 'engine'}: {found.as_text()}")
    return 0 if found.passed else 1
