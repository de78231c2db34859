"""What a fleet can serve: closed forms, and the throughput of a saturated node."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from sim.bench.capacity import capacity_per_s, tokens_capacity_per_s
from sim.registry import lookup
from sim.world.params import ServiceParams
from tests.integration.runs import small_config, valid_run
from tests.world.scripted import scripted_run


class FixedTokens:
    """Prompt and output lengths by entity, in turn; prefill `prefill_s` a token, decode `base_s + each_s n`."""

    def __init__(self, lengths: list[tuple[int, int]], prefill_s: float, base_s: float, each_s: float) -> None:
        self.lengths, self.seconds, self.base_s, self.each_s = lengths, prefill_s, base_s, each_s

    def tokens(self, draws: Any, entities: Any, chunk: Any) -> tuple[list[int], list[int]]:
        rows = [self.lengths[int(entity) % len(self.lengths)] for entity in entities.tolist()]
        return [prompt for prompt, _ in rows], [output for _, output in rows]

    def prefill_s(self, prompt_tokens: int) -> float:
        return self.seconds * prompt_tokens

    def token_s(self, batch: int, context_tokens: int) -> float:
        return self.base_s + self.each_s * batch


@pytest.mark.parametrize("kind", ["exponential", "deterministic", "lognormal"])
def test_demands_in_seconds(kind: str) -> None:
    fleet = {"nodes": 5, "agents_per_node": 3, "speeds": [0.5, 2.0]}  # speeds .5 2 .5 2 .5
    service = lookup("service", kind)(ServiceParams(kind=kind, mean_s=0.25))
    assert capacity_per_s(small_config(fleet=fleet), service) == pytest.approx(5.5 * 3 / 0.25, rel=1e-15)


def test_a_utilization_ratio_is_of_that() -> None:
    config = small_config(horizon_s=200.1, fleet={"speeds": [0.5, 1.0, 2.0]}, arrivals={"kind": "deterministic"})
    record = valid_run(config)  # .9 x 3.5 x 2 agents / 1 s = 6.3 a second
    assert record.arrivals_count == math.floor(200.1 * 6.3)
    busy_s = math.fsum(record.nodes.work_done_s)
    assert busy_s == pytest.approx(math.fsum(record.attempts.work_s), rel=1e-12)


def test_tokens_of_one_place_take_turns() -> None:
    law = FixedTokens([(10, 5)], 0.1, 0.5, 0.25)
    assert tokens_capacity_per_s(law, 1) == pytest.approx(1.0 / (1.0 + 4 * 0.75), rel=1e-12)


def test_tokens_without_decode_are_bound_by_prefill() -> None:
    law = FixedTokens([(10, 1)], 0.1, 0.5, 0.25)
    for batch in (1, 3, 50):
        assert tokens_capacity_per_s(law, batch) == pytest.approx(1.0, rel=1e-12)


def test_tokens_without_prefill_are_bound_by_the_full_batch() -> None:
    law = FixedTokens([(0, 11)], 0.1, 0.5, 0.25)
    for batch in (1, 4, 32):
        assert tokens_capacity_per_s(law, batch) == pytest.approx(batch / (10 * (0.5 + 0.25 * batch)), rel=1e-12)


@pytest.mark.parametrize("batch", [2, 5, 12])
def test_decode_that_does_not_slow_down_is_the_machine_repair_model(batch: int) -> None:
    """Repair p, life d, one repairer: G(N) = sum of p^(N-n) d^n / n!, throughput G(N-1) / G(N)."""
    prefill_s, decode_s = 2.0, 7 * 0.5
    law = FixedTokens([(20, 8)], 0.1, 0.5, 0.0)

    def total(places: int) -> float:
        terms = [prefill_s ** (places - n) * decode_s**n / math.factorial(n) for n in range(places + 1)]
        return math.fsum(terms)

    assert tokens_capacity_per_s(law, batch) == pytest.approx(total(batch - 1) / total(batch), rel=1e-12)
    assert tokens_capacity_per_s(law, 100_000) == pytest.approx(1.0 / prefill_s, rel=1e-9)


def test_the_context_is_what_a_decoding_request_holds() -> None:
    """Its prompt and half its decoded tokens, weighted by how long it decodes."""
    seen: list[tuple[int, int]] = []

    class Noting(FixedTokens):
        def token_s(self, batch: int, context_tokens: int) -> float:
            seen.append((batch, context_tokens))
            return 1.0

    tokens_capacity_per_s(Noting([(10, 5), (30, 1), (20, 13), (10, 5)], 0.1, 0.0, 0.0), 3)
    mean = (2 * 4 * 12 + 12 * 26) / 20
    assert seen == [(places, int(places * mean)) for places in (1, 2, 3)]


def test_agents_of_a_type_batch_by_themselves() -> None:
    law = FixedTokens([(10, 5), (20, 9)], 0.01, 0.05, 0.02)
    typed = small_config(fleet={"nodes": 2, "agents_per_node": 5, "agent_types": {"a": 2, "b": 3}, "speeds": [2.0]})
    expected = 4.0 * (tokens_capacity_per_s(law, 2) + tokens_capacity_per_s(law, 3))
    assert capacity_per_s(typed, law) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("batch", "speed"), [(1, 1.0), (4, 2.0), (9, 1.0)])
def test_a_saturated_node_serves_as_much(batch: int, speed: float) -> None:
    """4,096 requests at once, in six orders; means are exact, so that only the order is left to chance."""
    chance = random.Random(19)
    lengths = [(1 + int(chance.expovariate(0.05)), 1 + int(chance.expovariate(0.1))) for _ in range(4096)]
    expected = speed * tokens_capacity_per_s(FixedTokens(lengths, 0.01, 0.05, 0.01), batch)
    served = []
    for _ in range(6):
        chance.shuffle(lengths)
        law = FixedTokens(lengths, 0.01, 0.05, 0.01)
        record, _ = scripted_run(
            at=[0.0] * 4096, token_law=law, agents=batch, speed=speed, queue_max=4096, horizon_s=1.0, drain_s=1e6
        )
        last_start_at = float(record.attempts.started_at.max())  # until then every place is taken
        served.append(np.count_nonzero(record.attempts.finished_at <= last_start_at) / last_start_at)
    error = float(np.std(served, ddof=1)) / math.sqrt(len(served))
    ends = 2.0 * batch / 4096 * expected  # the batch fills at 0 and is cut off at the last start
    tolerance = student.ppf(0.9995, len(served) - 1) * error + ends
    assert abs(float(np.mean(served)) - expected) <= tolerance
    assert tolerance < 0.05 * expected
