"""Random configurations over everything that the schema offers; number n of a seed is a pure function of both.

Kinds: `plain` (one attempt a request, nothing strikes), `fire` (attempts, health, scaling, failover, faults), and
`all`, of which every fourth is plain. What is drawn may contradict itself; then it is refused, counted, drawn again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sim.bench.dice import Dice, Overrides
from sim.bench.random_fire import STRATA, draw_fire
from sim.bench.random_load import draw_load
from sim.bench.schema import Config
from sim.errors import ConfigError

KINDS = ("plain", "fire", "all")
PLAIN_EVERY = 4


def draw_overrides(seed: int, number: int, kinds: str = "plain", inputs: Path | None = None) -> Overrides:
    """Configuration `number` of a seed, as dotted keys and values; `inputs`: a folder of `dice.write_inputs`."""
    assert kinds in KINDS, kinds
    dice = Dice(seed, number)
    found = draw_load(dice, inputs)
    if kinds == "fire" or (kinds == "all" and number % PLAIN_EVERY):
        draw_fire(dice, found, STRATA[number % len(STRATA)])
    return found


def check_kinds(kinds: str) -> None:
    """Raises `ConfigError` for a word that is none of `KINDS`."""
    if kinds not in KINDS:
        raise ConfigError("kinds", kinds, "one of " + ", ".join(KINDS))


def configured(base: Config, overrides: Overrides, engine: str) -> Config:
    """`base` with the keys set: sections in which one is are copies, the others are those of `base`."""
    config = copy.copy(base)
    own: dict[str, Any] = {"": config}  # sections that are this config's alone
    for key, value in (*overrides.items(), ("engine", engine)):
        prefix, _, name = key.rpartition(".")
        setattr(_own(own, prefix), name, copy.deepcopy(value))
    return config


def _own(own: dict[str, Any], prefix: str) -> Any:
    """The section of that prefix, copied if it was not yet, within those that hold it."""
    if prefix not in own:
        outer, _, name = prefix.rpartition(".")
        part = _own(own, outer)
        own[prefix] = copy.copy(getattr(part, name))
        setattr(part, name, own[prefix])
    return own[prefix]


def features_of(overrides: Overrides) -> Iterator[str]:
    """What a configuration tries, as words to be counted: keys, and words as `key=word`."""
    for key, value in overrides.items():
        word = isinstance(value, str) and not key.endswith(".path") and key != "warmup"
        yield f"{key}={value}" if word else key
    faults = [key for key in overrides if key.startswith("faults.") and key.endswith(".enabled")]
    if faults:
        yield f"faults at once: {len(faults)}"


def smaller(overrides: Overrides) -> Iterator[Overrides]:
    """Candidates that are smaller by one step: without a section, without a key, with half of a size.

    Sizes and the length of the run have no useful default, so that they shrink but never go; the length last, since a
    load in shares of the fleet's capacity leaves a short run of a small fleet without requests.
    """
    sections = {section_of(key): None for key in overrides if section_of(key) != key}
    for section in sections:
        left = {key: value for key, value in overrides.items() if section_of(key) != section or key in SIZES}
        if len(left) < len(overrides):
            yield left
    for key in overrides:
        if key not in SIZES:
            yield {name: value for name, value in overrides.items() if name != key}
    for key, value in sorted(overrides.items(), key=lambda item: item[0] == "horizon_s"):
        for less in _less(key, value):
            yield {**overrides, key: less}


SIZES = {"fleet.nodes": 1, "fleet.agents_per_node": 1, "horizon_s": 0.01}  # with their smallest


def section_of(key: str) -> str:
    """`balancer` of balancer.d, `faults.crash` of faults.crash.at_s; a key at the top is its own."""
    parts = key.split(".")
    return ".".join(parts[: 2 if parts[0] == "faults" or len(parts) > 2 else 1]) if len(parts) > 1 else key


def _less(key: str, value: Any) -> Iterator[Any]:
    if key == "horizon_s":
        if value > SIZES[key]:
            yield value / 2.0
    elif key in SIZES:
        if value > SIZES[key]:
            yield value // 2
            yield value - 1
    elif isinstance(value, list) and len(value) > 1:
        yield value[: len(value) // 2]
        yield value[len(value) // 2 :]
