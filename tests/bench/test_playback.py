"""A finished run as a page plays it: counts by bin against a count by hand over the attempts, bounds, its events."""

from __future__ import annotations

import json
import math
from functools import cache

import numpy as np
import pytest

from sim.bench import assemble
from sim.bench.compose import compose
from sim.bench.playback import BINS, capped, node_agents, node_loads, playback
from sim.runtime.events import Row
from sim.types.records import OK, RunRecord

FIRE = (
    "fleet.nodes=4", "fleet.agents_per_node=2", "arrivals.utilization_ratio=.7", "horizon_s=300", "faults=[crash,slow]",
    "faults.crash.mttf_s=150", "faults.slow.mttf_s=300", "health=aggressive", "failover=default", "retry=default",
    "deadline_s=20", "autoscaler=threshold", "autoscaler.min_nodes=2", "autoscaler.max_nodes=6",
)  # fmt: skip


@cache
def run(*overrides: str) -> tuple[RunRecord, tuple[Row, ...]]:
    """One replication and its events."""
    assembly = assemble.assemble(compose(list(overrides)), 0)
    record = assembly.run()
    return record, tuple(assembly.log.rows)


def test_load_is_what_the_attempts_say() -> None:
    record, rows = run(*FIRE)
    told = playback(record, rows, len(rows))
    at, table = np.linspace(0.0, record.ended_at, BINS + 1), record.attempts
    assert table.placed_at is not None
    assert table.left_at is not None
    for bin_number in (0, 60, 151, BINS):
        now = at[bin_number]
        for node in range(len(record.nodes.node_id)):
            by_hand = sum(
                1 for row in range(len(table))
                if table.node[row] == node and table.placed_at[row] <= now
                and not table.left_at[row] <= now
            )  # fmt: skip
            assert told["nodes"][node]["in_flight"][bin_number] == by_hand
        waiting = sum(
            1 for row in range(len(table))
            if table.arrived_at[row] <= now and not table.started_at[row] <= now and not table.finished_at[row] <= now
        )  # fmt: skip
        assert told["bins"]["waiting"][bin_number] == waiting
    loads = node_loads(record, at)
    assert loads is not None
    assert loads.max() > 2, "nodes had to queue"
    assert told["bins"]["in_flight"] == loads.sum(axis=0).tolist()


def test_every_request_ends_in_one_bin_and_latency_begins_with_its_first_attempt() -> None:
    record, rows = run(*FIRE)
    told, table = playback(record, rows, len(rows)), record.attempts
    first = {int(table.request[row]): table.arrived_at[row] for row in range(len(table)) if table.attempt[row] == 0}
    last: dict[int, tuple[int, float, int]] = {}
    for row in range(len(table)):
        one = (int(table.attempt[row]), float(table.finished_at[row]), int(table.status[row]))
        last[int(table.request[row])] = max(last.get(int(table.request[row]), one), one, key=lambda two: two[0])
    ended = [(end, status) for _, end, status in last.values() if not math.isnan(end)]
    width_s = record.ended_at / BINS
    ok, bad = sum(told["bins"]["ok_per_s"]) * width_s, sum(told["bins"]["bad_per_s"]) * width_s
    assert ok == pytest.approx(sum(status == OK for _, status in ended), rel=1e-3)
    assert bad == pytest.approx(sum(status != OK for _, status in ended), rel=1e-3)
    assert bad > 0
    place = int(np.argmax(told["bins"]["ok_per_s"]))
    here = sorted(
        end - first[request] for request, (_, end, status) in last.items()
        if status == OK and (place - 1) * width_s < end <= place * width_s
    )  # fmt: skip
    assert len(here) > 5
    assert told["bins"]["p50_s"][place] == pytest.approx(here[math.ceil(len(here) / 2) - 1], rel=1e-3)
    assert told["bins"]["p99_s"][place] == pytest.approx(here[-1], rel=1e-3)
    assert max(one for one in told["bins"]["p99_s"] if one is not None) > 2.0


def test_agents_follow_crashes_and_scaling() -> None:
    record, _ = run(*FIRE)
    at = np.linspace(0.0, record.ended_at, BINS + 1)
    agents, steps = node_agents(record, at), record.agent_steps
    assert steps is not None
    for node in range(len(record.nodes.node_id)):
        assert agents[node][-1] == steps.step[steps.node == node].sum()
    assert agents[0].min() == 0, "it crashed"
    assert agents[0].max() == 2


def test_a_plain_run_and_one_without_requests_are_told_too() -> None:
    plain, rows = run("fleet.nodes=3", "fleet.agents_per_node=2", "horizon_s=60", "engine=simpy")
    told = playback(plain, rows, len(rows))
    assert [node["agents"][7] for node in told["nodes"]] == [2, 2, 2]
    assert "desired" not in told["bins"]
    assert told["bins"]["nodes_ready"] == [3] * (BINS + 1)
    streamed, rows = run(
        "fleet.nodes=3", "fleet.agents_per_node=2", "horizon_s=60", "stats.requests_max=0", "stats.keep_requests=false"
    )
    told = playback(streamed, rows, len(rows))
    assert told["nodes"][0]["in_flight"] is None  # not known is not 0
    assert "waiting" not in told["bins"]
    json.dumps(told, allow_nan=False)


def test_a_page_holds_the_rare_kinds_and_says_what_it_left_out() -> None:
    rows = [Row(float(n), "often" if n % 3 else "seldom", "a", ()) for n in range(30)]
    kept, told = capped(rows, 5, events_max=15)
    assert [row.at for row in kept] == [float(n) for n in range(0, 30, 3)]
    assert told == "Left out of this page: 20 of often, the 5 oldest."
    assert capped(rows, 0, events_max=30) == (rows, "")
