"""Random configurations: a function of seed and number, and over everything that the schema offers."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sim.bench.check import check
from sim.bench.compose import Composed, compose
from sim.bench.dice import Dice, Overrides, digits, write_inputs
from sim.bench.engines import command_of
from sim.bench.keys import Key, known_keys
from sim.bench.random_configs import check_kinds, configured, draw_overrides, features_of, section_of, smaller
from sim.errors import ConfigError
from sim.registry import lookup, names

SEED, DRAWN, EACH_MIN = 1, 1000, 5
# Keys that move no run (names, places, studies, costs, how a result is judged), or that are a user's own
BESIDE = (
    "name", "baseline", "objective", "price_per_node_hour", "extensions", "engine", "slo.metric", "capacity.", "paths.",
    "launcher.",
    "study.", "stats.replications", "stats.confidence_ratio", "stats.keep_requests", "arrivals.columns.",
    "stats.precision_ratio", "stats.select", "stats.indifference_ratio", "stats.budget_replications",  # how many runs
    "gateway.", "plugins.", "optimizer.",  # one engine alone runs them
    "server.", "node.",  # what runs live
    "arrivals.time_unit", "arrivals.params", "service.params", "balancer.params", "autoscaler.params",
    "faults.zone_outage.nodes",  # must be empty: zones say where
)  # fmt: skip


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inputs(tmp_path_factory.mktemp("inputs"))


def drawn(kinds: str, inputs: Path | None, count: int = DRAWN) -> list[Overrides]:
    return [draw_overrides(SEED, number, kinds, inputs) for number in range(count)]


def words_of(key: Key) -> tuple[str, ...]:
    """Every word that a key takes, () where it takes numbers."""
    if "accepted" in key.metadata:
        return tuple(key.metadata["accepted"])
    if "registry" not in key.metadata:
        return ()
    group = key.metadata["registry"]
    return tuple(name for name in names(group) if lookup(group, name).__module__.startswith("sim."))


@pytest.mark.parametrize("kinds", ["plain", "fire", "all"])
def test_configurations_are_a_function_of_seed_and_number(kinds: str, inputs: Path) -> None:
    first = drawn(kinds, inputs, 60)
    assert drawn(kinds, inputs, 60) == first
    assert len({str(overrides) for overrides in first}) == 60
    assert draw_overrides(SEED + 1, 3, kinds, inputs) != first[3]


def test_every_key_of_the_schema_and_every_word_of_a_key_is_drawn(inputs: Path) -> None:
    """A new key, or a new name in a registry, fails here until it is drawn."""
    found, base = drawn("all", inputs), compose([])
    for key in known_keys().values():
        if key.name.startswith(BESIDE):
            continue
        default: Any = base
        for step in key.name.split("."):
            default = getattr(default, step)
        seen = Counter(str(overrides.get(key.name, default)) for overrides in found)
        changed = DRAWN - seen[str(default)]
        assert changed >= EACH_MIN, f"{key.name} is drawn {changed} times"
        for word in words_of(key):
            if (key.name, word) == ("service.kind", "agent"):  # tasks of 40 s: tests/bench/test_tuned_fleet.py
                continue
            assert seen[word] >= EACH_MIN, f"{key.name}={word} is drawn {seen[word]} times"


def test_strata_are_what_they_say(inputs: Path) -> None:
    counts = Counter(feature for overrides in drawn("all", inputs) for feature in features_of(overrides))
    assert {f"faults at once: {count}" for count in (1, 2, 3, 4)} <= set(counts)
    alone = Counter(key for number, overrides in enumerate(drawn("fire", inputs)) if not number % 3
                    for key in overrides if key.startswith("faults.") and key.endswith("enabled"))  # fmt: skip
    assert len(alone) == 12
    assert min(alone.values()) >= 10
    assert counts["horizon_s"] == DRAWN
    assert not any(feature.startswith(("faults", "retry", "health")) for overrides in drawn("plain", inputs, 200)
                   for feature in features_of(overrides))  # fmt: skip


@pytest.mark.parametrize("kinds", ["plain", "fire"])
def test_most_of_what_is_drawn_is_accepted(kinds: str, inputs: Path) -> None:
    base, refused = compose([]), 0
    for overrides in drawn(kinds, inputs, 300):
        try:
            check(configured(base, overrides, "simpy"))
        except ConfigError:
            refused += 1
    assert refused <= 15


def test_without_a_folder_no_law_reads_a_file() -> None:
    found = drawn("all", None, 300)
    assert not {overrides["arrivals.kind"] for overrides in found} & {"trace", "rates"}
    assert not {overrides["service.kind"] for overrides in found} & {"trace", "empirical"}


def test_smaller_configurations_lose_sections_then_keys_then_sizes() -> None:
    overrides = {
        "horizon_s": 4.0, "fleet.nodes": 3, "fleet.speeds": [1.0, 2.0], "balancer.d": 2, "balancer.kind": "power_of_d",
        "faults.crash.enabled": True, "faults.crash.mttf_s": 1.0,
    }  # fmt: skip
    found = list(smaller(overrides))
    lost = [sorted(set(overrides) - set(one)) for one in found if len(one) < len(overrides)]
    assert lost == [
        ["fleet.speeds"], ["balancer.d", "balancer.kind"], ["faults.crash.enabled", "faults.crash.mttf_s"],
        ["fleet.speeds"], ["balancer.d"], ["balancer.kind"], ["faults.crash.enabled"], ["faults.crash.mttf_s"],
    ]  # fmt: skip
    changed = [[(key, one[key]) for key in one if one[key] != overrides[key]] for one in found[len(lost) :]]
    assert changed == [
        [("fleet.nodes", 1)], [("fleet.nodes", 2)], [("fleet.speeds", [1.0])], [("fleet.speeds", [2.0])],
        [("horizon_s", 2.0)],
    ]  # fmt: skip
    least: Overrides = {"horizon_s": 0.01, "fleet.nodes": 1}
    assert list(smaller(least)) == []
    assert [section_of(key) for key in ("seed", "retry.backoff_s", "health.ejection.base_s", "faults.slow.factor")] == [
        "seed", "retry", "health.ejection", "faults.slow",
    ]  # fmt: skip


def test_a_command_gives_the_configuration_back(inputs: Path) -> None:
    base, composed = compose([]), Composed()
    for overrides in drawn("all", inputs, 40):
        words = shlex.split(command_of(overrides))
        assert words[:3] == ["victor-sim", "validate", "--engines"]
        unchecked = configured(base, overrides, "simpy")
        try:
            check(unchecked)
        except ConfigError:
            continue
        assert compose([*words[3:], "engine=simpy"], composed=composed) == unchecked


def test_dice_and_kinds() -> None:
    dice = Dice(1, 2)
    assert dice.several([4, 5, 6], 9) == [4, 5, 6]
    chosen = [tuple(dice.several(range(5), 2)) for _ in range(200)]
    assert all(low < high for low, high in chosen)
    assert len(set(chosen)) == 10
    assert digits(0.123456) == 0.123
    assert 0.3 <= dice.between(0.3, 0.4) <= 0.4
    with pytest.raises(ConfigError, match="kinds=some: accepted is one of plain, fire, all"):
        check_kinds("some")
