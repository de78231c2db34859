"""victor-sim validate [--quick] [family=all|plain] [engine=NAME] [seed=S] [workers=N]
victor-sim validate --engines [configurations=N] [kinds=plain|fire|all] [seed=S]
victor-sim validate --engines KEY=VALUE ...
victor-sim validate --coverage [--twin] [system=mmc|power_of_two] [servers=C] [engine=NAME] [macro=M] [seed=S]
                    [replications=R] [requests=N]

The simulator against closed-form and published numbers, judged together at family level .001. A row whose interval is
too wide is not decided, and fails. family=plain leaves out what fails, is repaired or set up (its rows cost most of
the time, since every request there is a decision), and is a family of its own. --quick has wider bounds and says so.
--coverage asks how often the 95 % intervals of mean, p95 and p99 sojourn hold the truth, of M/M/c or of a fleet behind
power of two choices at utilization .8, and how often two seeds of one system differ; --twin takes the runs of M/M/c
from a recursion on the same draws instead of the engine. engine=NAME is simpy or compiled instead of what `auto` takes.
--engines draws random configurations and holds the compiled engine against SimPy bit by bit; one that differs is
shrunk, and told as the command that compares exactly it (the last form). All of them go on where they stopped: what is
finished stands in the store (paths.store=DIR) under the code's identity.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sim.experiments.words import Words, parse, settings

STORE, KINDS, ENGINE, FAMILY, SYSTEM = "paths.store", "kinds", "engine", "family", "system"
COUNTED = ("seed", "configurations")


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when the family of rows fails, two engines differ, or the covered share leaves its band."""
    words = parse(arguments, ("--quick", "--coverage", "--twin", "--engines"))
    if "--engines" in words.flags:
        return _engines(words)
    engine = _taken(words, ENGINE, "auto")
    if "--coverage" in words.flags:
        return _coverage(words, engine)
    store, family = _store(words), _taken(words, FAMILY, "all")
    asked = settings(words, {"seed": 1, "workers": 0})
    from sim.bench.ledger import ledger_of
    from sim.bench.progress import Progress
    from sim.bench.validate import run_on, run_validation
    from sim.bench.validate_cases import cases

    run, chosen, progress = run_on(engine), cases(family), Progress(0, "validate")
    ledger = ledger_of(store, "validate", seed=asked["seed"], engine=engine, family=family)
    table = run_validation(asked["seed"], "--quick" in words.flags, asked["workers"], progress.to, chosen, run, ledger)
    print(table.as_text())
    return table.exit_code


def _taken(words: Words, key: str, default: str) -> str:
    """The value of a `key=value` that is no number, taken out of the words."""
    found = [text for text in words.overrides if text.startswith(f"{key}=")]
    words.overrides = [text for text in words.overrides if text not in found]
    return found[-1].removeprefix(f"{key}=") if found else default


def _store(words: Words) -> Path:
    from sim.bench.compose import compose

    return Path(_taken(words, STORE, compose([]).paths.store))


def _engines(words: Words) -> int:
    kinds, store = _taken(words, KINDS, "plain"), _store(words)
    if any(text.partition("=")[0] not in COUNTED[1:] for text in words.overrides if not text.startswith("seed=")):
        return _one(words)
    asked = settings(words, {"seed": 1, "configurations": 1000})
    from sim.bench.dice import write_inputs
    from sim.bench.engines import Equality, random_configurations
    from sim.bench.ledger import ledger_of
    from sim.bench.progress import Progress
    from sim.bench.random_configs import check_kinds

    check_kinds(kinds)
    count, seed = asked["configurations"], asked["seed"]
    progress = Progress(count, "engines")
    inputs = write_inputs(store / "inputs")
    ledger = ledger_of(store, "engines", seed=seed, kinds=kinds, inputs=str(inputs))

    def said(found: Equality) -> None:
        progress.to(found.done_count, count)

    found = random_configurations(count, seed, kinds, said=said, inputs=inputs, ledger=ledger)
    print(found.as_text(seed, kinds))
    return 1 if found.unequal else 0


def _one(words: Words) -> int:
    """One configuration, as it stands on the command line."""
    from sim.bench.compose import compose
    from sim.bench.engines import SIDES, NotSupported, compare_configs
    from sim.errors import ConfigError

    one, other = (compose([*words.overrides, f"engine={side.engine}"]) for side in SIDES)
    try:
        compared = compare_configs(one, other)
    except NotSupported as error:
        raise ConfigError(ENGINE, SIDES[1].engine, f"simpy or auto: {error}") from error
    for difference in compared.different:
        print(difference)
    print(f"{'differs' if compared.different else 'equal bit by bit'}, {compared.requests_count:,} requests")
    return 1 if compared.different else 0


def _coverage(words: Words, engine: str) -> int:
    store = _store(words)
    system = _taken(words, SYSTEM, "mmc")
    servers = 1 if system == "mmc" else 10
    asked = settings(
        words, {"seed": 1, "workers": 0, "macro": 400, "replications": 10, "requests": 100_000, "servers": servers}
    )
    from sim.bench.coverage import coverage
    from sim.bench.coverage_runs import MMC, Setting, product_run, source_of, twin_run
    from sim.bench.ledger import ledger_of
    from sim.bench.progress import Progress
    from sim.bench.validate import check_engine
    from sim.errors import ConfigError

    check_engine(engine)
    setting = Setting(asked["servers"], 0.8, asked["replications"], asked["requests"], system=system)
    twin = "--twin" in words.flags
    if twin and system != MMC:
        raise ConfigError(SYSTEM, system, f"{MMC} with --twin")
    source = "twin" if twin else source_of(setting, engine)
    ledger = ledger_of(store, "coverage", setting=repr(setting), source=source)
    run = twin_run if twin else partial(product_run, engine=engine)
    progress = Progress(asked["macro"], "coverage")
    found = coverage(setting, asked["macro"], asked["seed"], run, asked["workers"], ledger, progress.to)
    print(f"{'twin recursion' if twin else f'engine {source}'}, {setting.system} of {setting.servers}:")
    print(found.as_text())
    return 0 if found.passed else 1
