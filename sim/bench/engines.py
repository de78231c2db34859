"""Are the two engines one? Random configurations through both, request tables compared bit by bit.

A configuration is a function of (seed, number): a list of keys and values over the whole plain half of the schema. One
that differs is shrunk: keys are dropped, and the load is shortened, as long as the two still differ. Equality says that
the engines are the same, not that they are right; known answers and the naive engine of the tests say that.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sim.bench.assemble import run_replication
from sim.bench.compose import compose
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.runtime.draws import CounterDraws, purpose
from sim.types.records import RunRecord

DICE = purpose("engines, random configurations")
TABLE = (
    "request", "attempt", "arrived_at", "started_at", "finished_at", "node", "status", "work_s", "first_token_at",
    "prompt_tokens", "output_tokens",
)  # fmt: skip
BOOKS = (
    "area_present_s", "area_busy_s", "work_done_s", "truncated_work_s", "arrived", "answered", "refused", "truncated",
)  # fmt: skip
STRATEGIES = (
    "random", "round_robin", "weighted_round_robin", "least_connections", "weighted_least_connections", "power_of_d",
    "join_idle_queue", "consistent_hash", "response_time", "prequal",
)  # fmt: skip
COUNTS = ("least_connections", "weighted_least_connections", "power_of_d")
HORIZON_S, HORIZON_MIN_S = 40.0, 0.5

Overrides = dict[str, Any]
Run = Callable[[Config], RunRecord]


class Dice:
    """Choices of one configuration, one draw after another."""

    def __init__(self, seed: int, number: int) -> None:
        self._draws, self._thrown = CounterDraws(seed, number), 0

    def throw(self) -> float:
        """A uniform in (0, 1)."""
        self._thrown += 1
        return self._draws.uniform(DICE, self._thrown)

    def of(self, *choices: Any) -> Any:
        """One of them."""
        return choices[int(self.throw() * len(choices))]

    def happens(self, prob: float) -> bool:
        """With that chance."""
        return self.throw() < prob

    def between(self, low: float, high: float) -> float:
        """Uniform, three digits."""
        return round(low + (high - low) * self.throw(), 3)


def draw_overrides(seed: int, number: int) -> Overrides:
    """Configuration `number` of a seed, as dotted keys and values."""
    dice = Dice(seed, number)
    kind = dice.of(*STRATEGIES)
    found: Overrides = {
        "seed": 1 + int(dice.throw() * 1_000_000),
        "horizon_s": HORIZON_S,
        "drain_s": dice.of(0.0, 2.0, 1000.0),
        "balancer.kind": kind,
        "fleet.nodes": dice.of(1, 2, 3, 5, 8),
        "fleet.agents_per_node": dice.of(1, 2, 4),
        "arrivals.utilization_ratio": dice.between(0.3, 1.3),
        "service.kind": dice.of("exponential", "deterministic", "lognormal", "hyperexponential", "llm"),
        "arrivals.kind": dice.of("poisson", "deterministic", "gamma", "mmpp", "diurnal", "flash_crowd"),
    }
    if dice.happens(0.4):
        found["fleet.speeds"] = dice.of([1.0, 2.0], [0.5, 1.0, 2.0], [1.0, 1.25])
    if dice.happens(0.4):
        found["fleet.queue_max"] = dice.of(0, 1, 3)
    if dice.happens(0.2):
        found["fleet.weights"] = "equal"
    if dice.happens(0.25):
        found["fleet.agent_types"] = dice.of({"a": 1, "b": 2}, {"a": 2, "b": 1, "c": 1})
        found["fleet.agents_per_node"] = sum(found["fleet.agent_types"].values())
        if dice.happens(0.7):
            found["arrivals.type_mix"] = {name: dice.between(0.2, 1.0) for name in found["fleet.agent_types"]}
    _draw_balancer(dice, kind, found)
    _draw_load(dice, found)
    return found


def _draw_balancer(dice: Dice, kind: str, found: Overrides) -> None:
    if dice.happens(0.4):
        found["balancer.dispatchers"] = dice.of(2, 3, 4)
    if kind == "power_of_d":
        found["balancer.d"] = dice.of(1, 2, 2, 3, 10)
    if dice.happens(0.5):
        found["balancer.ties"] = dice.of("random", "rotate", "lowest")
    if kind in COUNTS and dice.happens(0.4):
        found["balancer.signal"] = "polled"
        found["balancer.refresh_s"] = dice.of(0.1, 0.25, 1.0, 5.0)
        found["balancer.count_own_dispatches"] = dice.happens(0.5)
    elif kind == "prequal":
        found["balancer.signal"] = "probed"
        found["balancer.probe_delay_s"] = dice.of(0.0, 0.01, 0.3)
        found["balancer.probe_pool_max"] = dice.of(2, 4, 16)
        found["balancer.probe_age_s"] = dice.of(0.2, 1.0, 5.0)
    elif dice.happens(0.3):
        found["balancer.queue"] = "central"
        found["balancer.queue_max"] = dice.of(0, 3, 1_000_000)
    if kind == "consistent_hash":
        found["arrivals.keys_count"] = dice.of(0, 5, 100)
        found["balancer.load_factor"] = dice.of(1.0, 1.25, 2.0)
    if kind == "response_time":
        found["balancer.ewma_tau_s"] = dice.of(0.5, 10.0)


def _draw_load(dice: Dice, found: Overrides) -> None:
    service = found["service.kind"]
    if service != "llm":
        found["service.mean_s"] = dice.of(0.05, 0.25, 1.0)
        if dice.happens(0.35):
            found["service.discipline"] = "ps"
    if service in ("lognormal", "hyperexponential"):
        found["service.scv"] = dice.of(1.0, 4.0, 20.0)
    if found["arrivals.kind"] == "gamma":
        found["arrivals.cv"] = dice.of(0.0, 0.5, 2.0)
    if found["arrivals.kind"] in ("diurnal", "flash_crowd"):
        found["arrivals.period_s"] = 20.0
        found["arrivals.peak_at"], found["arrivals.peak_s"] = 10.0, 10.0
    if found["arrivals.kind"] == "mmpp":
        found["arrivals.burst_s"], found["arrivals.calm_s"] = 2.0, 8.0


def configured(base: Config, overrides: Overrides, engine: str) -> Config:
    """A copy of `base` with the keys set."""
    config = copy.deepcopy(base)
    for key, value in (*overrides.items(), ("engine", engine)):
        *path, name = key.split(".")
        part: Any = config
        for step in path:
            part = getattr(part, step)
        setattr(part, name, copy.deepcopy(value))
    return config


def differences(one: RunRecord, other: RunRecord) -> list[str]:
    """What two records of one run do not have in common, by name; empty when they are equal bit by bit."""
    found = []
    for name in TABLE:
        mine, its = getattr(one.attempts, name), getattr(other.attempts, name)
        if (mine is None) != (its is None) or (mine is not None and mine.tobytes() != its.astype(mine.dtype).tobytes()):
            found.append(name)
    found += [name for name in BOOKS if getattr(one.nodes, name).tobytes() != getattr(other.nodes, name).tobytes()]
    scalars = ("ended_at", "arrivals_count", "central_area_s", "digest", "horizon_s")
    return found + [name for name in scalars if getattr(one, name) != getattr(other, name)]


def run_one(config: Config) -> RunRecord:
    """Replication 0."""
    return run_replication(config, 0)


@dataclass(slots=True)
class Equality:
    """What came out of many configurations."""

    equal_count: int = 0
    requests_count: int = 0
    refused_count: int = 0  # configurations that the assembly refuses in both engines; drawn and left out
    features: Counter[str] = field(default_factory=Counter)
    unequal: list[tuple[Overrides, list[str]]] = field(default_factory=list)  # shrunk

    def as_text(self, seed: int) -> str:
        """How many were equal, how often each feature was drawn, and every difference with the keys that make it."""
        count = self.equal_count + len(self.unequal)
        equal = f"seed {seed}: {self.equal_count} of {count} configurations equal bit by bit"
        lines = [
            f"{equal}, {self.requests_count:,} requests ({self.refused_count} drawn that no engine accepts)",
            "drawn: " + ", ".join(f"{name} {times}" for name, times in sorted(self.features.items())),
        ]
        for overrides, names in self.unequal:
            keys = " ".join(f"{key}={value}" for key, value in overrides.items())
            lines.append(f"differs in {', '.join(names)}: {keys}")
        return "\n".join(lines)


def compare(base: Config, overrides: Overrides, run: Run = run_one) -> tuple[list[str], int]:
    """Names of what differs between the engines, and the number of requests; raises `ConfigError`."""
    simpy = run(configured(base, overrides, "simpy"))
    compiled = run(configured(base, overrides, "compiled"))
    return differences(simpy, compiled), len(simpy.attempts)


def shrink(base: Config, overrides: Overrides, run: Run = run_one) -> Overrides:
    """The smallest set of keys that is found to differ still, from the left to the right until nothing more goes."""

    def differs(candidate: Overrides) -> bool:
        try:
            return bool(compare(base, candidate, run)[0])
        except ConfigError:
            return False

    smallest, again = dict(overrides), True
    while again:
        again = False
        for candidate in _smaller(smallest):
            if differs(candidate):
                smallest, again = candidate, True
                break
    return smallest


def _smaller(overrides: Overrides) -> Iterator[Overrides]:
    for key in overrides:
        if key not in ("horizon_s", "arrivals.utilization_ratio"):
            yield {name: value for name, value in overrides.items() if name != key}
    if overrides["horizon_s"] > HORIZON_MIN_S:
        yield {**overrides, "horizon_s": overrides["horizon_s"] / 2.0}


def random_configurations(count: int, seed: int, run: Run = run_one, said: Any = None) -> Equality:
    """Compare `count` accepted configurations of a seed; `said(number, equality)` is called after each."""
    found, base, number = Equality(), compose([]), 0
    while found.equal_count + len(found.unequal) < count:
        overrides = draw_overrides(seed, number)
        number += 1
        try:
            differing, requests = compare(base, overrides, run)
        except ConfigError:
            found.refused_count += 1
            continue
        found.requests_count += requests
        found.features.update(f"{key}={value}" for key, value in overrides.items() if isinstance(value, str))
        found.features.update(key for key, value in overrides.items() if not isinstance(value, str))
        if differing:
            found.unequal.append((shrink(base, overrides, run), differing))
        else:
            found.equal_count += 1
        if said is not None:
            said(number, found)
    return found
