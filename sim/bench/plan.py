"""From words on the command line to design points: what is fixed, what is swept, and what the study asks.

A sweep is a product over keys. A key takes a list of values, or names sets of overrides (`study.situations`, and any
mapping in `study.sweep`): `rule: {power_of_2: [balancer=power_of_d, balancer.d=2]}`. What the command line fixes or
sweeps replaces an experiment's list of that key. The first swept key is the one that is compared; a point's label
holds the swept keys only.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.bench import forking
from sim.bench import keys as schema_keys
from sim.bench.capacity_grid import grid_of, is_searched
from sim.bench.check import check
from sim.bench.compose import EXPERIMENT, Composed, Override, compose_unchecked, parse, quoted
from sim.bench.extensions import load_extensions
from sim.bench.identity import point_key
from sim.bench.runner import load, try_out, workers_of
from sim.bench.schema import Config
from sim.errors import ConfigError

SITUATION = "situation"  # the key that `study.situations` are swept as
SINGLE = "run"  # the label of a point where nothing is swept
POINTS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Point:
    """One design point: its label, swept keys with their values, config, and key in the store."""

    label: str
    keys: dict[str, str]
    config: Config
    key: str

    @property
    def file_name(self) -> str:
        """The label as a part of a file's name."""
        return self.label.replace("/", "_")


@dataclass(frozen=True, slots=True)
class Asked:
    """The words that a plan is made from."""

    overrides: tuple[str, ...]
    config_dir: Path | None = None  # the user's own config groups
    multirun: bool = False  # sweeps over comma lists are meant


@dataclass(frozen=True, slots=True)
class Plan:
    """A study to run: the config that all points share, and the points in the order of the sweep."""

    name: str
    base: Config
    compared_key: str  # empty where nothing is swept
    baseline: str | None
    points: list[Point]
    asked: Asked


@dataclass(frozen=True, slots=True)
class Swept:
    """One swept key: value as shown -> the overrides it stands for."""

    key: str
    choices: dict[str, list[Override]]


def make_plan(overrides: Sequence[str], config_dir: Path | None = None, multirun: bool = False) -> Plan:
    """All design points of a command, each composed and checked.

    Raises `ConfigError` (or `InputError` for a file) for anything that would not run.
    """
    given = list({one.key: one for one in parse(overrides)}.values())  # a key given twice means its last value
    name = next((one.values[0] for one in given if one.key == EXPERIMENT), None)
    if not multirun and name is None:
        _refuse_sweep(given)
    own = [one for one in given if schema_keys.is_known(one.key, config_dir)]
    fixed = [one for one in own if not one.swept]
    composed: Composed | None = None if config_dir is None else {}
    base = compose_unchecked(fixed, config_dir, composed)
    load_extensions(base.extensions)
    sweep = [*_searched(base), *_sweep(base, given, own)]
    if len({one.key for one in sweep}) < len(sweep):
        raise ConfigError("capacity.key", base.capacity.key, "a key that is not swept as well")
    _check_known([one for one in given if one not in own], sweep, config_dir)
    base.name = base.name or name or ""
    points = _points(fixed, sweep, base, config_dir, composed)
    compared = sweep[0] if sweep else None
    return Plan(
        name=base.name or f"run-{points[0].key[:10]}",
        base=base if sweep else points[0].config,
        compared_key=compared.key if compared else "",
        baseline=_baseline(base, compared, any(one.key == "baseline" for one in own)),
        points=points,
        asked=Asked(tuple(overrides), config_dir, multirun),
    )


def _refuse_sweep(given: Sequence[Override]) -> None:
    for one in given:
        if one.swept:
            value = ",".join(one.values)
            sweep = f"victor-sim run --multirun {one.key}={value} and the rest as it was"
            raise ConfigError(one.key, value, "one value, or with --multirun a sweep (a list is [a,b])", sweep)


def _sweep(base: Config, given: Sequence[Override], own: Sequence[Override]) -> list[Swept]:
    """The experiment's keys first, in its order, as the command line changes them; then its own."""
    declared: dict[str, Any] = dict(base.study.sweep)
    if base.study.situations:
        declared.setdefault(SITUATION, base.study.situations)
    asked = {one.key: one for one in given}
    swept: list[Swept] = []
    for key, values in declared.items():
        if isinstance(values, Mapping):
            choices = {str(label): parse([str(text) for text in texts]) for label, texts in values.items()}
            swept.append(Swept(key, _selected(key, choices, asked.get(key))))
        else:
            swept.append(_listed(key, asked[key].values if key in asked else [quoted(value) for value in values]))
    done = {one.key for one in swept}
    return swept + [_listed(one.key, list(one.values)) for one in own if one.swept and one.key not in done]


def _searched(base: Config) -> list[Swept]:
    """The key that a search for capacity walks, with the ends of its grid."""
    if not is_searched(base):
        return []
    grid = grid_of(base)
    return [_listed(grid.key, sorted((grid.text(0), grid.text(grid.count - 1)), key=float))]


def _listed(key: str, values: Sequence[str]) -> Swept:
    return Swept(key, {value.strip("'"): [Override(key, (value,), False)] for value in values})


def _selected(key: str, choices: dict[str, list[Override]], asked: Override | None) -> dict[str, list[Override]]:
    """The named choices that the command line keeps, all where it says nothing."""
    if asked is None:
        return choices
    wanted = [value.strip("'") for value in asked.values]
    for value in wanted:
        if value not in choices:
            raise ConfigError(key, value, "one of " + ", ".join(choices))
    return {value: choices[value] for value in wanted}


def _check_known(unknown: Sequence[Override], sweep: Sequence[Swept], config_dir: Path | None) -> None:
    named = [one.key for one in sweep]
    for one in unknown:
        if one.key not in named:
            near = schema_keys.near(one.key, [*schema_keys.option_names(config_dir), *named])
            raise ConfigError(one.key, ",".join(one.values), near, schema_keys.EVERY_KEY)


def _points(
    fixed: list[Override], sweep: list[Swept], base: Config, config_dir: Path | None, composed: Composed | None
) -> list[Point]:
    count = 1
    for one in sweep:
        count *= len(one.choices)
    if not 1 <= count <= POINTS_MAX:
        raise ConfigError("sweep", f"{count} points", f"1 to {POINTS_MAX:,} points")
    listed = {one.key for one in sweep}
    shared = [one for one in fixed if one.key not in listed]
    points, beside = [], False
    for values in itertools.product(*(one.choices for one in sweep)):
        chosen = dict(zip((one.key for one in sweep), values, strict=True))
        own = [override for one in sweep for override in one.choices[chosen[one.key]]]
        config = compose_unchecked([*own, *shared], config_dir, composed)  # what is fixed by hand wins over a situation
        check(config)
        # What only a strategy or a law refuses is refused before anything runs. Extensions each process has its own,
        # and one that is to run points itself needs the engine anyway.
        if not config.extensions and workers_of(config) > 1 and forking.also(load, config):
            beside = True
        else:
            try_out(config)
        config.name = base.name
        label = " ".join(f"{key}={value}" for key, value in chosen.items()) or SINGLE
        points.append(Point(label, chosen, config, point_key(config)))
    if beside and not forking.all_well():  # nothing is compiled yet, or one is refused: this process tells which
        for point in points:
            try_out(point.config)
    return points


def _baseline(base: Config, compared: Swept | None, asked: bool) -> str | None:
    """The value of the compared key that the others are held against: the first unless it is named.

    An experiment's baseline that the command line's sweep left out gives way; one that was `asked` for does not.
    """
    if is_searched(base):
        return None
    values = list(compared.choices) if compared else []
    if base.baseline is None or not (asked or base.baseline in values):
        return values[0] if len(values) > 1 else None
    if base.baseline not in values:
        accepted = f"a value of {compared.key}: {', '.join(values)}" if compared else "null where nothing is swept"
        raise ConfigError("baseline", base.baseline, accepted)
    return base.baseline
