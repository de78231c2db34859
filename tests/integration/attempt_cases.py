"""Small configurations for the naive engine of attempts, drawn by number, and the same as the simulator's config."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from sim.bench.schema import Config
from tests.integration.fire_runs import fire_config

REQUESTS = 120  # in the mean


@dataclass(frozen=True)
class AttemptCase:
    """One small configuration; `crashes` and `pauses` are instants at which `crash_nodes`, `pause_nodes` are struck."""

    seed: int
    nodes: int
    agents: int
    queue_max: int
    central_max: int
    power_of_two: bool
    rate_per_s: float
    mean_s: float
    horizon_s: float
    drain_s: float
    attempts_max: int
    timeout_s: float | None
    deadline_s: float | None
    propagation: str
    backoff_s: float
    backoff_max_s: float
    budget_ratio: float | None
    budget_depth: int
    requeue: bool
    crashes: tuple[float, ...]
    crash_s: float
    crash_nodes: tuple[int, ...]
    pauses: tuple[float, ...]
    pause_s: float
    pause_nodes: tuple[int, ...]


def instants_of(draw: random.Random, horizon_s: float, for_s: float) -> tuple[float, ...]:
    """Up to three instants, further apart than an episode is long."""
    instants: list[float] = []
    at = 0.0
    for _ in range(draw.choice((0, 1, 2, 3))):
        at += for_s + draw.uniform(0.05, 0.4) * horizon_s
        instants.append(at)
    return tuple(at for at in instants if at < horizon_s)


def drawn_case(number: int) -> AttemptCase:
    """Case `number`; rule, propagation and what a crash does in turn, the rest by a generator of that seed."""
    draw = random.Random(1000 + number)
    nodes, agents, mean_s = draw.choice((1, 2, 3, 5)), draw.choice((1, 2, 4)), draw.choice((0.5, 1.0))
    rate_per_s = nodes * agents / mean_s * draw.choice((0.5, 0.9, 1.3))
    horizon_s = REQUESTS / rate_per_s
    requeue = number % 2 == 1
    deadline_s = draw.choice((None, 2.0 * mean_s, 8.0 * mean_s))
    timeout_s = draw.choice((None, 1.5 * mean_s, 5.0 * mean_s))
    if deadline_s is None and timeout_s is None and not requeue:
        timeout_s = 3.0 * mean_s
    if deadline_s is not None and timeout_s is not None:
        timeout_s = min(timeout_s, deadline_s)
    attempts_max = draw.choice((1, 2, 4))
    crash_s, pause_s = draw.uniform(0.02, 0.2) * horizon_s, draw.uniform(0.02, 0.15) * horizon_s
    return AttemptCase(
        seed=draw.randrange(2**62),
        nodes=nodes,
        agents=agents,
        queue_max=draw.choice((0, 2, 1_000)),
        central_max=draw.choice((0, 3, 1_000)),
        power_of_two=number // 2 % 2 == 1,
        rate_per_s=rate_per_s,
        mean_s=mean_s,
        horizon_s=horizon_s,
        drain_s=draw.choice((0.0, 1e6)),
        attempts_max=attempts_max,
        timeout_s=timeout_s,
        deadline_s=deadline_s,
        propagation=("none", "dequeue", "kill")[number // 4 % 3],
        backoff_s=draw.choice((0.0, 0.1, 1.0)),
        backoff_max_s=draw.choice((1.0, 3.0)),
        budget_ratio=draw.choice((None, 0.1, 0.5)) if attempts_max > 1 else None,
        budget_depth=draw.choice((1, 10)),
        requeue=requeue,
        crashes=instants_of(draw, horizon_s, crash_s),
        crash_s=crash_s,
        crash_nodes=tuple(sorted(draw.sample(range(nodes), draw.randint(1, nodes)))),
        pauses=instants_of(draw, horizon_s, pause_s),
        pause_s=pause_s,
        pause_nodes=tuple(sorted(draw.sample(range(nodes), draw.randint(1, nodes)))),
    )


def config_of(case: AttemptCase) -> Config:
    """The same case as the simulator's config."""
    keys: dict[str, Any] = {
        "fleet.nodes": case.nodes,
        "fleet.agents_per_node": case.agents,
        "fleet.capacity_agents": None,
        "fleet.queue_max": case.queue_max,
        "balancer.kind": "power_of_d" if case.power_of_two else "round_robin",
        "balancer.queue_max": case.central_max,
        "arrivals.rate_per_s": case.rate_per_s,
        "service.mean_s": case.mean_s,
        "horizon_s": case.horizon_s,
        "drain_s": case.drain_s,
        "retry.attempts_max": case.attempts_max,
        "retry.attempt_timeout_s": case.timeout_s,
        "retry.backoff_s": case.backoff_s,
        "retry.backoff_max_s": case.backoff_max_s,
        "retry.budget_ratio": case.budget_ratio,
        "retry.budget_depth": case.budget_depth,
        "deadline_s": case.deadline_s,
        "deadline_propagation": case.propagation,
        "faults.crash.in_flight": "requeue" if case.requeue else "lose",
    }
    plans = (
        ("crash", case.crashes, case.crash_s, case.crash_nodes),
        ("pause", case.pauses, case.pause_s, case.pause_nodes),
    )
    for kind, instants, for_s, nodes in plans:
        if instants:
            keys |= {f"faults.{kind}.enabled": True, f"faults.{kind}.at_s": list(instants)}
            keys |= {f"faults.{kind}.for_s": for_s, f"faults.{kind}.nodes": list(nodes)}
    return fire_config(keys, seed=case.seed)
