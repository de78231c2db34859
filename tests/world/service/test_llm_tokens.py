"""Token-sized requests: lengths, the speeds of the hardware, and their refit from the profiled runs."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sim.bench.compose import compose
from sim.contracts import ArrivalChunk
from sim.errors import ConfigError
from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.world.params import ServiceParams
from sim.world.service.hardware import HARDWARE, hardware
from sim.world.service.llm import NOMINAL_BATCH, TokenService
from tests.world.arrivals.loads import Z

DRAWS = CounterDraws(21, 0)
ENTITIES = np.arange(40_000, dtype=np.uint64)
FITTED = ServiceParams(prompt_tokens_sigma=0.985, prompt_tokens_max=7436, output_tokens_sigma=1.24)


def share_of(values: list[int], limit: float) -> float:
    return float(np.mean(np.array(values) <= limit))


def test_lengths_are_lognormal_within_their_bounds() -> None:
    prompt, output = TokenService(FITTED).tokens(DRAWS, ENTITIES, None)
    assert (min(output), max(prompt)) == (1, 7436)
    for values, median, sigma in ((prompt, 1469.0, 0.985), (output, 13.0, 1.24)):
        for z in (-1.0, 0.0, 1.0, 1.5):
            limit = int(median * math.exp(sigma * z)) + 1 - 1e-9  # lengths are rounded down
            share = 0.5 * math.erfc(-math.log((int(limit) + 1) / median) / sigma / math.sqrt(2.0))
            assert abs(share_of(values, limit) - share) < Z * math.sqrt(0.25 / len(values)), f"seed 21: z {z}"
    correlation = float(np.corrcoef(np.log(prompt), np.log(output))[0, 1])
    assert abs(correlation) < Z / math.sqrt(len(prompt))


def test_the_config_is_fitted_to_the_published_quantiles() -> None:
    service = compose(["service=llm"]).service
    assert (service.prompt_tokens_median, service.prompt_tokens_sigma, service.prompt_tokens_max) == (
        1469.0,
        0.985,
        7436,
    )
    assert (service.output_tokens_median, service.output_tokens_sigma) == (13.0, 1.24)
    prompt, output = TokenService(FITTED).tokens(DRAWS, ENTITIES, None)
    published = ((prompt, (1469.0, 5188.0, 7436.0), 0.02), (output, (13.0, 55.0, 251.0), 0.16))
    for values, figures, misfit in published:  # a lognormal cannot go through three points: misfit of the fit itself
        for level, figure in zip((0.5, 0.9, 0.99), figures, strict=True):
            sampling = Z * math.sqrt(level * (1.0 - level) / len(values))
            low, high = np.quantile(values, [level - sampling, min(level + sampling, 1.0)])
            assert low <= figure * (1.0 + misfit) + 1.0, f"p{level}"
            assert high >= figure * (1.0 - misfit) - 1.0, f"p{level}"


def test_a_trace_brings_its_own_lengths() -> None:
    law = TokenService(FITTED)
    drawn_prompt, drawn_output = law.tokens(DRAWS, ENTITIES[:2], None)
    chunk = ArrivalChunk(0, [0.0, 1.0], prompt_tokens=[5, 6])
    assert law.tokens(DRAWS, ENTITIES[:2], chunk) == ([5, 6], drawn_output)
    chunk = ArrivalChunk(0, [0.0, 1.0], output_tokens=[7, 8])
    assert law.tokens(DRAWS, ENTITIES[:2], chunk) == (drawn_prompt, [7, 8])


def test_speeds_are_the_formulas() -> None:
    law = lookup("service", "llm")(ServiceParams(hardware="h100-80gb-tp4"))
    assert law.prefill_s(1) == law.prefill_s(400) == 0.0516
    assert law.prefill_s(2000) == pytest.approx(0.2154)
    assert law.token_s(1, 0) == pytest.approx(0.029195)
    assert law.token_s(10, 20_000) == pytest.approx(0.0289 + 0.00295 + 0.00156)
    assert all(h.prefill_s_per_token * 400 < 2.0 * h.prefill_floor_s for h in HARDWARE.values())


def test_the_nominal_demand_is_that_of_a_mean_request() -> None:
    law = TokenService(FITTED)
    prompt, output = law.tokens(DRAWS, ENTITIES, None)
    prefill = np.array([law.prefill_s(tokens) for tokens in prompt])
    per_token = law.token_s(NOMINAL_BATCH, int(NOMINAL_BATCH * (np.mean(prompt) + np.mean(output) / 2.0)))
    seconds = prefill + (np.array(output) - 1.0) * per_token
    error = float(seconds.std() / math.sqrt(len(seconds)))
    # 4,096 equal shares cut the far tail of the output: less than .5 % of the mean
    assert abs(law.mean_s() - seconds.mean()) < Z * error + 0.005 * law.mean_s()
    assert law.mean_s() == pytest.approx(1.148, abs=0.001)


def test_unknown_hardware_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"service\.hardware=abacus: accepted is one of h100-80gb-tp4, h100-80gb-tp8"):
        hardware("abacus")


@pytest.mark.parametrize(
    ("name", "prefill_r2", "token_r2"),
    [
        ("h100-80gb-tp4", 0.999, 0.969),
        ("h100-80gb-tp8", 0.997, 0.966),
        ("a100-80gb-tp4", 0.994, 0.944),
        ("a100-80gb-tp8", 0.985, 0.958),
    ],
)
def test_the_coefficients_are_those_of_the_profiled_runs(
    name: str, prefill_r2: float, token_r2: float, data_file: Callable[[str], Path]
) -> None:
    machine, parallel = name.rsplit("-tp", 1)
    with data_file("splitwise_perf_model.csv").open(newline="") as file:
        runs = [
            {key: float(run[key]) for key in ("prompt_size", "batch_size", "prompt_time", "token_time")}
            for run in csv.DictReader(file)
            if (run["model"], run["hardware"], run["tensor_parallel"]) == ("llama2-70b", machine, parallel)
        ]
    assert len(runs) == 105
    prompt, batch, prefill_ms, token_ms = (
        np.array(column) for column in zip(*(run.values() for run in runs), strict=True)
    )
    tokens, prefill_s, token_s = prompt * batch, prefill_ms / 1e3, token_ms / 1e3
    row = HARDWARE[name]
    floor = prefill_s[tokens <= 256.0].mean()
    long = tokens >= 512.0
    slope = np.sum(tokens[long] * prefill_s[long]) / np.sum(tokens[long] ** 2)
    base, per_sequence, per_context = np.linalg.lstsq(
        np.column_stack([np.ones_like(batch), batch, batch * prompt]), token_s, rcond=None
    )[0]
    # the table gives three digits (contexts two): half a unit of the last one
    assert row.prefill_floor_s == pytest.approx(floor, abs=0.5e-4)
    assert row.prefill_s_per_token == pytest.approx(slope, abs=0.5e-7)
    assert row.token_base_s == pytest.approx(base, abs=0.5e-4)
    assert row.token_s_per_sequence == pytest.approx(per_sequence, abs=0.5e-6)
    assert row.token_s_per_context == pytest.approx(per_context, abs=0.5e-8)
    told = np.maximum(row.prefill_floor_s, row.prefill_s_per_token * tokens)
    assert _r2(prefill_s[long], told[long]) > prefill_r2
    linear = row.token_base_s + row.token_s_per_sequence * batch + row.token_s_per_context * batch * prompt
    assert _r2(token_s, linear) > token_r2


def _r2(measured: np.ndarray, told: np.ndarray) -> float:
    return 1.0 - float(np.sum((measured - told) ** 2) / np.sum((measured - measured.mean()) ** 2))
