"""What the optimizer's tests stand on: a smooth truth with noise by draws, samples of it, and a twin that obeys it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import ndtri

from sim.contracts import Draws
from sim.intelligence.protocol import Parameter, Window
from sim.intelligence.space import Space
from sim.runtime.draws import CounterDraws, purpose
from sim.types.metrics import AgentMetrics

NOISE = purpose("tests, noise")
DAY_S = 86_400.0
START = {"temperature": 0.7, "max_tokens": 1_000.0}
SPACE = Space((Parameter("temperature", 0.0, 1.6), Parameter("max_tokens", 128.0, 8_192.0, True, True)))


def seconds_of(params: Mapping[str, float]) -> float:
    """True mean response time: 2 s at temperature .4 and 512 tokens, more around it."""
    unit = SPACE.to_unit(params)
    best = SPACE.to_unit({"temperature": 0.4, "max_tokens": 512.0})
    return float(2.0 * np.exp(2.0 * ((unit - best) ** 2).sum()))


def sample_of(
    number: int, params: Mapping[str, float], draws: Draws, at: float, noise: float = 0.05, arm: str = "incumbent"
) -> AgentMetrics:
    """A sample whose response time carries normal noise on the log scale."""
    shift = noise * float(ndtri(draws.uniform(NOISE, number)))
    time_s = seconds_of(params) * float(np.exp(shift))
    rates: dict[str, Any] = {
        "success_rate": 0.85,
        "user_satisfaction": 0.8,
        "task_completion_rate": 0.9,
        "error_rate": 0.05,
    }
    return AgentMetrics(
        "agent-1", at, time_s, cpu_usage=0.3, memory_usage=0.4, interaction_count=100, context_length=1_000.0,
        model_parameters=dict(params), arm=arm, variances={"response_time": (noise * time_s) ** 2 * 100.0}, **rates,
    )  # fmt: skip


def spread_params(number: int, draws: Draws, width: float = 0.4) -> dict[str, float]:
    """Settings around the one that stands."""
    unit = SPACE.to_unit(START) + width * (draws.uniforms(NOISE, 10_000 + number, 1, 2)[0] - 0.5)
    return SPACE.to_params(np.clip(unit, 0.0, 1.0))


def window(params: Mapping[str, float], value: float, name: str = "utility", n: int = 100, **more: Any) -> Window:
    """A window with one target."""
    return Window(dict(params), {}, n, {name: value}, {name: 1.0}, **more)


class NoisyTwin:
    """Pairs under the truth; `shift_s` is added to the new arm. `errors` is its error rate."""

    def __init__(self, draws: Draws, shift_s: float = 0.0, errors: float = 0.0) -> None:
        self.draws, self.shift_s, self.errors = draws, shift_s, errors
        self.pairs_count = 0

    async def pair(
        self, agent_id: str, old: Mapping[str, float], new: Mapping[str, float], number: int
    ) -> tuple[Window, Window]:
        self.pairs_count += 1
        noise = 0.1 * ndtri(self.draws.uniforms(NOISE, 50_000 + number, 1, 2)[0])
        found = []
        for arm, params, extra in ((0, old, 0.0), (1, new, self.shift_s)):
            means = {"response_time": seconds_of(params) + extra + float(noise[arm]), "error_rate": arm * self.errors}
            found.append(Window(dict(params), {}, 100, means, {"response_time": 1.0, "error_rate": 0.01}))
        return found[0], found[1]


class Setter:
    """Remembers what was applied."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, float]]] = []

    async def apply(self, agent_id: str, params: Mapping[str, float], arm: str) -> None:
        self.calls.append((agent_id, dict(params)))


def draws(seed: int = 1) -> Draws:
    """Chance of a test."""
    return CounterDraws(seed, 0)


def normals(run: int, count: int) -> list[float]:
    """Standard normal values of a run."""
    return [float(value) for value in ndtri(CounterDraws(11, 0).uniforms(NOISE, run, 1, count)[0])]
