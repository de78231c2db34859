"""How fast hardware serves tokens: Llama-2-70B in fp16 on the 2023 stack, fitted to 420 profiled runs.

Prefill seconds = max(floor, slope x prompt tokens): floor = mean of the ten runs of 128 and 256 tokens, slope = least
squares through the origin over the runs of 512 tokens and more (R^2 .999 .997 .994 .985 in the order below). Seconds
per output token = base + per_sequence x batch + per_context x context tokens of the whole batch, least squares over all
runs with the prompt as context (R^2 .969 .967 .945 .958). The runs bend at about 2,000 tokens, where the line is .11
.39 .42 .64 above them; from 8,000 tokens on it is within .1. Runs repeat within a CV of .2 to 2.8 %.
Source: the performance model published with Splitwise (Patel et al., ISCA 2024; Mutinifni/splitwise-sim, MIT licence).
"""

from __future__ import annotations

from dataclasses import dataclass

from sim.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Hardware:
    """Coefficients in seconds (per token, per sequence of the batch, per context token)."""

    prefill_floor_s: float
    prefill_s_per_token: float
    token_base_s: float
    token_s_per_sequence: float
    token_s_per_context: float


HARDWARE = {
    "h100-80gb-tp4": Hardware(0.0516, 0.1077e-3, 28.9e-3, 0.295e-3, 7.8e-8),
    "h100-80gb-tp8": Hardware(0.0539, 0.0915e-3, 29.9e-3, 0.223e-3, 1.6e-7),
    "a100-80gb-tp4": Hardware(0.0725, 0.3241e-3, 43.5e-3, 0.232e-3, 3.6e-7),
    "a100-80gb-tp8": Hardware(0.0661, 0.2268e-3, 44.2e-3, 0.237e-3, 3.0e-7),
}


def hardware(name: str) -> Hardware:
    """Coefficients by name; raises `ConfigError` that lists what there is."""
    if name not in HARDWARE:
        raise ConfigError("service.hardware", name, "one of " + ", ".join(HARDWARE))
    return HARDWARE[name]
