"""Runs of token-sized requests: the batch is bounded, tokens are conserved, speeds stay within the hardware's."""

from __future__ import annotations

import numpy as np
import pytest

from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.types.records import OK, AttemptTable, RunRecord
from sim.world.params import ServiceParams
from tests.integration.runs import small_config, valid_run

SEED = 8
BATCH = 4
LAW = lookup("service", "llm")(ServiceParams(kind="llm"))


@pytest.fixture(scope="module")
def record() -> RunRecord:
    fleet = {"nodes": 2, "agents_per_node": BATCH, "speeds": [1.0, 0.5]}
    config = small_config(seed=SEED, horizon_s=60.0, fleet=fleet, service={"kind": "llm"}, balancer={"kind": "random"})
    return valid_run(config)


def batch_max(table: AttemptTable, node: int, begin: str, end: str) -> int:
    """Most attempts of a node between two of their instants at once; an end comes before a begin of its instant."""
    mine = table.node == node
    steps = [(at, 1) for at in getattr(table, begin)[mine]] + [(at, -1) for at in getattr(table, end)[mine]]
    most = now = 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    return most


def test_instants_and_batch(record: RunRecord) -> None:
    table = record.attempts
    assert table.first_token_at is not None
    assert len(table) > 250
    assert np.all(table.status == OK)
    assert np.all(table.arrived_at <= table.started_at)
    assert np.all(table.started_at < table.first_token_at)
    assert np.all(table.first_token_at <= table.finished_at)
    assert [batch_max(table, node, "started_at", "finished_at") for node in (0, 1)] == [BATCH, BATCH]
    assert max(batch_max(table, node, "first_token_at", "finished_at") for node in (0, 1)) <= BATCH


def test_tokens_are_those_drawn_and_one_token_ends_with_the_prefill(record: RunRecord) -> None:
    table = record.attempts
    assert table.prompt_tokens is not None
    assert table.output_tokens is not None
    prompt, output = LAW.tokens(CounterDraws(SEED, 0), table.request.astype(np.uint64), None)
    assert table.prompt_tokens.tolist() == prompt
    assert table.output_tokens.tolist() == output
    single = table.output_tokens == 1
    assert np.count_nonzero(single) > 5
    assert np.array_equal(table.finished_at[single], table.first_token_at[single])  # type: ignore[index]
    assert np.all(table.finished_at[~single] > table.first_token_at[~single])  # type: ignore[index]


def test_speeds_stay_between_alone_and_in_a_full_batch(record: RunRecord) -> None:
    table = record.attempts
    assert table.prompt_tokens is not None
    assert table.output_tokens is not None
    assert table.first_token_at is not None
    speed = record.nodes.speed[table.node]
    prefill_s = np.array([LAW.prefill_s(tokens) for tokens in table.prompt_tokens.tolist()])
    to_first_s = (table.first_token_at - table.started_at) * speed
    assert np.all(to_first_s >= prefill_s * (1.0 - 1e-9))
    assert np.all(to_first_s <= BATCH * max(prefill_s) * (1.0 + 1e-9))
    decoded = table.output_tokens - 1
    decode_s = (table.finished_at - table.first_token_at) * speed
    context_max = BATCH * int(table.prompt_tokens.max() + table.output_tokens.max())
    assert np.all(decode_s >= decoded * LAW.token_s(1, 1) * (1.0 - 1e-9))
    assert np.all(decode_s <= decoded * LAW.token_s(BATCH, context_max) * (1.0 + 1e-9))


def test_the_prefill_is_never_idle_while_one_is_wanted(record: RunRecord) -> None:
    """Prefill seconds done in a busy period of the prefill are its length times the speed: work is conserved."""
    table = record.attempts
    assert table.prompt_tokens is not None
    assert table.first_token_at is not None
    for node in (0, 1):
        mine = np.flatnonzero(table.node == node)
        order = mine[np.argsort(table.started_at[mine], kind="stable")]
        busy_s, until = 0.0, -1.0
        for row in order.tolist():
            begin, end = float(table.started_at[row]), float(table.first_token_at[row])
            busy_s += max(0.0, end - max(begin, until))
            until = max(until, end)
        wanted_s = sum(LAW.prefill_s(tokens) for tokens in table.prompt_tokens[mine].tolist())
        assert busy_s * record.nodes.speed[node] == pytest.approx(wanted_s, rel=1e-9)
