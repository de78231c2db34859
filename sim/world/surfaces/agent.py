"""An agent's outcomes as functions of its parameters, by task: success, latency, errors, satisfaction, cost, resources.

A task is one of K abilities (equal shares of a Beta) and J lengths (equal shares of a lognormal, longer where the task
is harder), so that means over all tasks are finite sums and the truth is exact. With s(n) the seconds of an answer in a
batch of n: n = load x s(n), capped softly by the concurrency B; waiting and refusals are those of M/M/1/K at rate
B / s(B). success = ability x temperature curve x recall(context) x P(length <= max_tokens) x (1 - errors);
satisfaction = success x patience(first token); utility = 100 satisfaction - prices of seconds, dollars and resources.
Seconds, tokens, dollars; ratios in 0..1; utility in points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from sim.world.service.hardware import HARDWARE
from sim.world.surfaces import coefficients as c
from sim.world.surfaces.space import CONCURRENCY, CONTEXT_TOKENS, MAX_TOKENS, TEMPERATURE, Floats

ABILITIES, LENGTHS = 8, 12
PRICED_S_MAX = 120.0  # who has waited for so long minds no more
QUEUE_MAX = 20  # of the M/M/1/K that stands for a node
_MIDDLES = (np.arange(LENGTHS) + 0.5) / LENGTHS
_RANKS = (np.arange(ABILITIES) + 0.5) / ABILITIES
_ABILITY = special.betaincinv(c.ABILITY_A, c.ABILITY_B, _RANKS)
_SPEED = HARDWARE["h100-80gb-tp4"]


@dataclass(frozen=True, slots=True)
class AgentLaw:
    """What kind of agent: the fitted one unless told otherwise."""

    temperature_slope: float = c.TEMPERATURE_SLOPE
    temperature_center: float = c.TEMPERATURE_CENTER
    output_tokens_ratio: float = 1.0  # of the fitted length
    need_tokens_ratio: float = 1.0  # of the fitted need of context
    hard_length_log: float = 0.5  # log length of the hardest task over that of the easiest
    load_per_s: float = 0.16  # requests of the agent's node at load 1
    slowdown: float = 1.0  # of prefill and decoding
    cap_ratio: float = 1.0  # of success
    error_base: float = 0.01
    error_per_concurrency: float = 0.0  # errors more at the largest concurrency
    second_points: float = 0.15  # price of a second, a dollar and the whole node in points of utility
    dollar_points: float = 200.0
    resource_points: float = 15.0


FITTED = AgentLaw()


@dataclass(frozen=True, slots=True)
class Cells:
    """Outcomes by ability and length, (m, K, J) each; `wait_s` and `resources` (m,)."""

    success: Floats
    error: Floats
    completion: Floats
    satisfaction_if_success: Floats
    latency_s: Floats
    priced_s: Floats
    tokens: Floats  # produced
    wait_s: Floats
    cost: Floats
    resources: Floats

    def means(self, law: AgentLaw) -> dict[str, Floats]:
        """Exact means over all tasks, (m,) each."""
        axes = (1, 2)
        satisfaction = np.mean(self.success * self.satisfaction_if_success, axis=axes)
        latency_s, cost = np.mean(self.latency_s, axis=axes), np.mean(self.cost, axis=axes)
        return {
            "response_time": latency_s,
            "success_rate": np.mean(self.success, axis=axes),
            "resource_usage": self.resources,
            "user_satisfaction": satisfaction,
            "task_completion_rate": np.mean(self.completion, axis=axes),
            "error_rate": np.mean(self.error, axis=axes),
            "cost": cost,
            "utility": utility(law, satisfaction, np.mean(self.priced_s, axis=axes), cost, self.resources),
        }


def utility(law: AgentLaw, satisfaction: Floats, priced_s: Floats, cost: Floats, resources: Floats) -> Floats:
    """Points: satisfaction less what seconds, dollars and the node's share are worth."""
    paid = law.second_points * priced_s + law.dollar_points * cost + law.resource_points * resources
    return 100.0 * satisfaction - paid


def cells(law: AgentLaw, points: Floats, load_ratio: float, hardness: float) -> Cells:
    """Outcomes of parameters (m, 4) in one context; `hardness` shifts the log odds of success down."""
    temperature, tokens_max = points[:, TEMPERATURE], points[:, MAX_TOKENS]
    context, concurrency = points[:, CONTEXT_TOKENS], points[:, CONCURRENCY]
    length = _lengths(law, temperature, hardness)
    produced = np.minimum(length, tokens_max[:, None, None])
    fits = special.expit((np.log(tokens_max)[:, None, None] - np.log(length)) / 0.05)  # an answer that just fits
    wait_s, refused, batch = _queue(law, produced.mean(axis=(1, 2)), context, concurrency, load_ratio)
    prefill_s = law.slowdown * np.maximum(_SPEED.prefill_floor_s, _SPEED.prefill_s_per_token * context)
    token_s = law.slowdown * _token_s(batch, context)
    reserved = concurrency * context * c.CACHE_BYTES_PER_TOKEN / c.CACHE_BYTES
    spilled = special.expit((reserved - 1.1) / 0.05)  # more than the cards hold
    failing = special.expit((temperature - c.ERROR_CENTER) / c.ERROR_WIDTH)
    per_slot = law.error_per_concurrency * np.log(concurrency) / np.log(64.0)
    kept = (1.0 - failing) * (1.0 - refused) * (1.0 - spilled) * (1.0 - law.error_base) * (1.0 - per_slot)
    ability = _abilities(hardness)
    quality = law.cap_ratio * _temperature(law, temperature) * _recall(law, context)
    completion = kept[:, None, None] * fits
    success = np.minimum(ability[None, :, None] * quality[:, None, None], 1.0) * completion
    first_s = wait_s + prefill_s
    patience = 1.0 / (1.0 + (first_s / (2.0 * c.PATIENCE_S)) ** 4)
    latency_s = (wait_s + prefill_s)[:, None, None] + produced * token_s[:, None, None]
    cost = context[:, None, None] * c.INPUT_PRICE_PER_TOKEN + produced * c.OUTPUT_PRICE_PER_TOKEN
    whole = np.ones_like(produced)
    return Cells(
        success=success,
        error=(1.0 - kept)[:, None, None] * whole,
        completion=completion,
        satisfaction_if_success=patience[:, None, None] * whole,
        latency_s=latency_s,
        priced_s=np.minimum(latency_s, PRICED_S_MAX),
        tokens=produced,
        wait_s=wait_s,
        cost=cost,
        resources=np.minimum(reserved, 1.0),
    )


def answer_s(law: AgentLaw, tokens: float, context: float, batch: int) -> float:
    """Seconds of an answer of so many tokens in a batch of `batch` sequences, prefill included."""
    prefill_s = max(_SPEED.prefill_floor_s, _SPEED.prefill_s_per_token * context)
    token_s = _SPEED.token_base_s + _SPEED.token_s_per_sequence * batch + _SPEED.token_s_per_context * batch * context
    return law.slowdown * (prefill_s + tokens * token_s)


def _abilities(hardness: float) -> Floats:
    shifted: Floats = special.expit(special.logit(np.clip(_ABILITY, 1e-4, 1.0 - 1e-4)) - hardness)
    return shifted


def _lengths(law: AgentLaw, temperature: Floats, hardness: float) -> Floats:
    """Tokens of the whole answer, (m, K, J): harder tasks and high temperatures are longer."""
    median = law.output_tokens_ratio * c.OUTPUT_TOKENS_MEAN * np.exp(-(c.OUTPUT_LOG_SD**2) / 2.0)
    hard = law.hard_length_log * (0.5 - _RANKS[:, None] + 0.5 * hardness)
    grown = c.TOKEN_GROWTH * np.exp(c.TOKEN_GROWTH_RATE * (temperature - 1.0))
    log = np.log(median) + hard + c.OUTPUT_LOG_SD * special.ndtri(_MIDDLES)[None, :]
    tokens: Floats = np.exp(log[None, :, :] + grown[:, None, None])
    return tokens


def _temperature(law: AgentLaw, temperature: Floats) -> Floats:
    """Success over that at temperature 0, without the cap, which the abilities hold already."""
    fall = special.expit((law.temperature_center - temperature) / c.TEMPERATURE_WIDTH)
    rise: Floats = 1.0 + law.temperature_slope / c.TEMPERATURE_CAP * temperature
    return fall * rise


def _recall(law: AgentLaw, context: Floats) -> Floats:
    """Share of tasks whose material is in the context, times what such a long context leaves of the score."""
    need = np.log(c.NEED_TOKENS_MEDIAN * law.need_tokens_ratio)
    found = special.ndtr((np.log(context) - need) / c.NEED_LOG_SD)
    score = np.interp(np.log(context), np.log(c.RULER_TOKENS), np.array(c.RULER_SCORE) / c.RULER_SCORE[0])
    return np.asarray(found * score, dtype=np.float64)


def _token_s(batch: Floats, context: Floats) -> Floats:
    per_context = _SPEED.token_s_per_context * batch * context
    return np.asarray(_SPEED.token_base_s + _SPEED.token_s_per_sequence * batch + per_context)


def _queue(
    law: AgentLaw, tokens: Floats, context: Floats, concurrency: Floats, load_ratio: float
) -> tuple[Floats, Floats, Floats]:
    """Mean wait (s), share refused, sequences in a batch."""
    rate = law.load_per_s * load_ratio
    prefill_s = np.maximum(_SPEED.prefill_floor_s, _SPEED.prefill_s_per_token * context)
    fixed_s = law.slowdown * (prefill_s + tokens * _SPEED.token_base_s)
    per_slot_s = law.slowdown * tokens * (_SPEED.token_s_per_sequence + _SPEED.token_s_per_context * context)
    open_share = np.maximum(1.0 - rate * per_slot_s, 0.02)
    wanted = rate * fixed_s / open_share  # n = rate x s(n), solved
    batch = (wanted**-4.0 + concurrency**-4.0) ** -0.25
    service_s = (fixed_s + per_slot_s * concurrency) / concurrency
    rho = np.clip(rate * service_s, 1e-6, 50.0)
    rho = np.where(np.abs(rho - 1.0) < 1e-4, 1.0 + 1e-4, rho)
    top = rho ** (QUEUE_MAX + 1)
    refused = rho**QUEUE_MAX * (1.0 - rho) / (1.0 - top)
    inside = rho / (1.0 - rho) - (QUEUE_MAX + 1) * top / (1.0 - top)
    wait_s = np.maximum(inside / (rate * (1.0 - refused)) - service_s, 0.0)
    return wait_s, refused, batch
