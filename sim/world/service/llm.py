"""Requests sized in tokens: prompt and output lengths from the trace, or lognormal as published traces are.

Lengths are round-down(median exp(sigma z)), at least 1 and at most `*_tokens_max`; prompt and output are drawn
independently (log correlation of the Azure 2023 traces: .0 to .09). Speeds are the hardware's
(`sim.world.service.hardware`); how a node serves a batch is `sim.world.batching`. Nominal demand of a request, with
every mean over 4,096 equal shares of the laws of lengths:
mean_s = E[prefill] + E[output - 1] x token_s(B, B (E[prompt] + E[output] / 2)), B = 12 sequences (agents a node).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from sim.contracts import ArrivalChunk, Draws
from sim.registry import register
from sim.runtime.draws import OUTPUT, PROMPT
from sim.world.params import ServiceParams
from sim.world.service.hardware import Hardware, hardware
from sim.world.service.normal import normal_quantile

NOMINAL_BATCH = 12
SHARES = 4096


class Lengths:
    """Lognormal token counts, rounded down and cut to 1..`tokens_max`."""

    def __init__(self, median: float, sigma: float, tokens_max: int) -> None:
        self.median, self.sigma, self.tokens_max = median, sigma, tokens_max

    def of(self, uniforms: list[float]) -> list[int]:
        """The quantile of each uniform, in tokens."""
        median, sigma, tokens_max, exp = self.median, self.sigma, self.tokens_max, math.exp
        return [min(max(int(median * exp(sigma * normal_quantile(u))), 1), tokens_max) for u in uniforms]

    def shares(self) -> list[int]:
        """The quantiles in the middle of `SHARES` equal shares: stands for the law where a mean is wanted."""
        return self.of([(number + 0.5) / SHARES for number in range(SHARES)])


class TokenService:
    """Implements `sim.contracts.TokenLaw`."""

    def __init__(self, params: ServiceParams) -> None:
        self.hardware = hardware(params.hardware)
        self.rules = {"prefill_seconds": prefill_seconds, "token_seconds": token_seconds}
        self.prompt = Lengths(params.prompt_tokens_median, params.prompt_tokens_sigma, params.prompt_tokens_max)
        self.output = Lengths(params.output_tokens_median, params.output_tokens_sigma, params.output_tokens_max)

    def mean_s(self) -> float:
        """Seconds of a mean request in a batch of `NOMINAL_BATCH` (see the module); not the trace's own lengths."""
        prompt, output = self.prompt.shares(), self.output.shares()
        prefill_s = math.fsum(self.prefill_s(tokens) for tokens in prompt) / SHARES
        context = math.fsum(prompt) / SHARES + math.fsum(output) / SHARES / 2.0
        decoded = math.fsum(output) / SHARES - 1.0
        return prefill_s + decoded * self.token_s(NOMINAL_BATCH, int(NOMINAL_BATCH * context))

    def tokens(
        self, draws: Draws, entities: NDArray[np.uint64], chunk: ArrivalChunk | None
    ) -> tuple[list[int], list[int]]:
        """Prompt and output tokens of each entity: the chunk's where it has them, else drawn."""
        prompt = chunk.prompt_tokens if chunk is not None else None
        output = chunk.output_tokens if chunk is not None else None
        if prompt is None:
            prompt = self.prompt.of(draws.uniforms_of(PROMPT, entities)[:, 0].tolist())
        if output is None:
            output = self.output.of(draws.uniforms_of(OUTPUT, entities)[:, 0].tolist())
        return prompt, output

    def prefill_s(self, prompt_tokens: int) -> float:
        """Seconds of prefill at speed 1."""
        return prefill_seconds(self.hardware, prompt_tokens)

    def token_s(self, batch: int, context_tokens: int) -> float:
        """Seconds per output token of every sequence in a batch that holds `context_tokens` in all."""
        return token_seconds(self.hardware, batch, context_tokens)


def prefill_seconds(speeds: Hardware, prompt_tokens: int) -> float:
    """The rule of `TokenService.prefill_s`, a plain function."""
    seconds = speeds.prefill_s_per_token * prompt_tokens
    return seconds if seconds > speeds.prefill_floor_s else speeds.prefill_floor_s


def token_seconds(speeds: Hardware, batch: int, context_tokens: int) -> float:
    """The rule of `TokenService.token_s`, a plain function."""
    per_sequences = speeds.token_s_per_sequence * batch
    return speeds.token_base_s + per_sequences + speeds.token_s_per_context * context_tokens


@register("service", "llm")
def llm(params: ServiceParams) -> TokenService:
    """Token-sized requests on `service.hardware`."""
    return TokenService(params)
