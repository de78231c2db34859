"""Episodes and outages from an event log, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from sim.bench.history import HistoryLog, episodes_of, history_of, outages_of
from sim.runtime.events import EventLog, Row

NODES = ["a", "b", "c"]
Told = tuple[float, str, str, dict[str, Any]]


def log_of(*events: Told) -> list[Row]:
    """The rows of a log; agents 1 and 2 are ready on a, 3 on b from the start."""
    log = EventLog()
    for number, node in (("1", "a"), ("2", "a"), ("3", "b")):
        log.write(0.0, "agent_ready", f"agent-{number}", node=node, reason="deployed")
    for at, kind, subject, fields in events:
        log.write(at, kind, subject, **fields)
    return list(log.rows)


def began(at: float, node: str, kind: str = "crash", occurrence: int = 0) -> Told:
    return at, "fault_began", node, {"kind": kind, "occurrence": occurrence}


def ended(at: float, node: str, kind: str = "crash", occurrence: int = 0) -> Told:
    return at, "fault_ended", node, {"kind": kind, "occurrence": occurrence, "reason": "repaired"}


def status(at: float, node: str, new: str, old: str = "online") -> Told:
    return at, "node_status", node, {"old": old, "new": new, "reason": "silent"}


def event(at: float, kind: str, subject: str, **fields: Any) -> Told:
    return at, kind, subject, fields


def agent(at: float, number: int, now: str, node: str = "") -> Told:
    return at, f"agent_{now}", f"agent-{number}", {"node": node, "reason": ""}


CRASH = (
    began(10.0, "a"), status(12.0, "a", "offline"), event(12.0, "node_fenced", "a", epoch=1, reason="silent"),
    agent(12.0, 1, "pending"), agent(12.0, 2, "pending"), agent(12.0, 1, "starting", "b"), agent(13.0, 1, "ready", "b"),
    agent(14.0, 2, "starting", "c"), ended(15.0, "a"), agent(16.0, 2, "ready", "c"), status(17.0, "a", "online"),
)  # fmt: skip


def spans(rows: list[Row], ended_at: float = 100.0) -> list[tuple[object, ...]]:
    """(kind, node, began, ended, detected, failed over) of each episode, None for NaN."""
    found = episodes_of(rows, NODES, ended_at)
    columns = (found.kind, found.node, found.began_at, found.ended_at, found.detected_at, found.failed_over_at)
    return [tuple(None if value != value else value for value in row) for row in zip(*columns, strict=True)]


def outs(rows: list[Row], ended_at: float = 100.0) -> list[tuple[object, ...]]:
    """(node, cause, began, ended, founded) of each outage."""
    found = outages_of(rows, NODES, ended_at)
    columns = (found.node, found.cause, found.began_at, found.ended_at, found.founded)
    return [tuple(None if value != value else value for value in row) for row in zip(*columns, strict=True)]


def test_a_crash_is_detected_and_failed_over() -> None:
    rows = log_of(*CRASH)
    assert spans(rows) == [("crash", 0, 10.0, 15.0, 12.0, 16.0)]
    assert outs(rows) == [(0, "health", 12.0, 17.0, 1)]


def test_what_the_end_of_the_run_cuts_off() -> None:
    rows = log_of(*CRASH)
    assert spans(rows, 14.5) == [("crash", 0, 10.0, None, 12.0, None)]  # one agent is not back
    assert outs(rows, 14.5) == [(0, "health", 12.0, None, 1)]
    assert spans(rows, 9.0) == outs(rows, 9.0) == []


def test_what_nobody_noticed() -> None:
    rows = log_of(
        began(10.0, "a"), ended(11.0, "a"), status(12.0, "a", "offline"), began(50.0, "b", "slow"),
        event(50.0, "node_ejected", "a", reason="errors", for_s=30.0),
    )  # fmt: skip
    assert spans(rows) == [("crash", 0, 10.0, 11.0, None, None), ("slow", 1, 50.0, None, None, None)]
    assert outs(rows) == [(0, "health", 12.0, None, 1), (0, "ejection", 50.0, None, 1)]


def test_an_agent_that_stays_did_not_fail_over_and_one_that_is_stopped_is_not_waited_for() -> None:
    rows = log_of(
        began(10.0, "a"), event(11.0, "breaker_opened", "a", reason="failures"), agent(11.5, 2, "stopped"),
        ended(12.0, "a"), agent(30.0, 1, "pending"), agent(31.0, 1, "ready", "b"),
    )  # fmt: skip
    assert spans(rows) == [("crash", 0, 10.0, 12.0, 11.0, None)]
    rows = log_of(
        began(10.0, "a"), status(11.0, "a", "offline"), agent(11.0, 1, "pending"), agent(12.0, 1, "ready", "c"),
        agent(12.0, 2, "pending"), ended(13.0, "a"), agent(14.0, 2, "stopped"),
    )  # fmt: skip
    assert spans(rows) == [("crash", 0, 10.0, 13.0, 11.0, 12.0)]


def test_a_node_without_agents_has_no_failover_and_faults_of_one_node_are_seen_together() -> None:
    rows = log_of(
        began(1.0, "c", "pause", 3), began(2.0, "c", "slow", 3), event(4.0, "node_ejected", "c", reason="", for_s=1.0),
        status(5.0, "c", "offline"), ended(6.0, "c", "slow", 3), ended(7.0, "c", "pause", 3),
        ended(7.0, "c", "pause", 9),
    )  # fmt: skip
    assert spans(rows) == [("pause", 2, 1.0, 7.0, 4.0, None), ("slow", 2, 2.0, 6.0, 4.0, None)]


def test_causes_overlap_and_a_breaker_that_opens_again_is_one_outage() -> None:
    rows = log_of(
        event(1.0, "breaker_opened", "b", reason=""), event(2.0, "breaker_half_open", "b", reason=""),
        event(2.5, "breaker_opened", "b", reason=""), event(3.0, "node_ejected", "b", reason="", for_s=9.0),
        event(4.0, "breaker_closed", "b", reason=""), event(4.5, "node_readmitted", "c", reason=""),
        event(5.0, "node_readmitted", "b", reason=""), status(6.0, "b", "draining"), status(7.0, "b", "offline"),
        event(8.0, "node_removed", "b", reason=""), event(9.0, "node_registered", "d"),
    )  # fmt: skip
    assert outs(rows) == [(1, "breaker", 1.0, 4.0, 0), (1, "ejection", 3.0, 5.0, 0), (1, "health", 7.0, 8.0, 0)]


def test_what_the_autoscaler_wants_from_its_first_nodes_on() -> None:
    rows = log_of(
        event(1.0, "scale_out", "fleet", reason="", desired=4), event(2.0, "scale_out", "fleet", reason="", desired=4),
        event(2.5, "scale_held", "fleet", reason="", desired=4), event(3.0, "scale_in", "fleet", reason="", desired=3),
        event(3.5, "scale_out", "node-7", reason="the manager's own rule, of a node"),
    )  # fmt: skip
    steps = history_of(rows, 10.0).scale_steps(2)
    assert (steps.at.tolist(), steps.desired_nodes.tolist()) == ([0.0, 1.0, 3.0], [2, 4, 3])


@pytest.mark.parametrize(
    ("kind", "subject", "at", "founded"),
    [
        ("pause", "a", 5.0, 1), ("pause", "b", 5.0, 0), ("errors", "fleet", 5.0, 1), ("flapping", "a", 5.0, 0),
        ("pause", "a", 80.0, 1), ("pause", "a", 80.1, 0), ("zone_outage", "fleet", 79.0, 1), ("flapping", "a", 79.0, 0),
    ],
)  # fmt: skip
def test_what_explains_an_outage(kind: str, subject: str, at: float, founded: int) -> None:
    events = [began(1.0, subject, kind), ended(20.0, subject, kind), status(at, "a", "offline")]
    assert outs(log_of(*sorted(events, key=lambda one: one[0]))) == [(0, "health", at, None, founded)]


def test_types_of_the_tables() -> None:
    episodes, outages = episodes_of([], NODES, math.inf), outages_of([], NODES, math.inf)
    assert (str(episodes.node.dtype), str(outages.founded.dtype)) == ("int32", "int8")
    assert (len(episodes.kind), len(outages.began_at)) == (0, 0)
    assert spans(log_of(began(1.0, "gone"))) == [("crash", -1, 1.0, None, None, None)]


def test_a_log_that_reads_itself_knows_what_it_no_longer_keeps() -> None:
    log = HistoryLog()
    for at, kind, subject, fields in (agent(0.0, 1, "ready", "a"), *CRASH):
        log.write(at, kind, subject, **fields)
    log.rows.clear()
    found = log.history.episodes(NODES)
    assert (found.detected_at.tolist(), found.failed_over_at.tolist()) == ([12.0], [13.0])  # agent-2 was not there
    assert log.history.outages(NODES).ended_at.tolist() == [17.0]
