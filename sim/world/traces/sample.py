"""The sample trace that ships with the package: 200 synthetic requests in the format of the Azure LLM traces.

Made from a seed by the laws that stand in for that trace (`fit`), not from its rows: bursts of 2 s at 18.5 times the
mean rate of 2.57/s, lognormal lengths. Instants are rounded down to 100 ns, seven fraction digits as in the original.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain, islice
from pathlib import Path

import numpy as np

from sim.runtime.draws import CounterDraws
from sim.world.arrivals.modulated import mmpp
from sim.world.params import ArrivalParams, ServiceParams
from sim.world.service.llm import TokenService

SAMPLE = Path(__file__).parents[1] / "data" / "sample_trace.csv"
SEED, ROWS = 5, 200  # a seed whose rows come at about the mean rate
STARTS = datetime(2024, 1, 1, 9)
RATE_PER_S = 2.57
BURSTS = ArrivalParams(burst_ratio=18.5, burst_s=2.0, calm_s=35.0)
LENGTHS = ServiceParams(prompt_tokens_sigma=0.985, prompt_tokens_max=7436, output_tokens_sigma=1.24)


def sample_lines(seed: int = SEED, rows: int = ROWS) -> Iterator[str]:
    """Header and rows, each with its line end."""
    draws = CounterDraws(seed, 0)
    prompt, output = TokenService(LENGTHS).tokens(draws, np.arange(rows, dtype=np.uint64), None)
    instants = chain.from_iterable(chunk.at for chunk in mmpp(BURSTS, RATE_PER_S).chunks(draws, float("inf")))
    yield "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    for at, prompt_tokens, output_tokens in zip(islice(instants, rows), prompt, output, strict=True):
        ticks = int(at * 1e7)  # of 100 ns
        moment = STARTS + timedelta(seconds=ticks // 10**7)
        yield f"{moment:%Y-%m-%d %H:%M:%S}.{ticks % 10**7:07d},{prompt_tokens},{output_tokens}\n"


def write_sample(path: Path = SAMPLE) -> None:
    """Write the sample again (the tests hold the shipped file to `sample_lines`)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(sample_lines()), encoding="utf-8")
