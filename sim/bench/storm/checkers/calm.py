"""After the storm: L1 to L5, each by a stated deadline in virtual time (`sim.bench.storm.bounds`).

At heal + R every machine that works and that nobody keeps out is in service, no agent waits while there is room for
it, every state has its copies; at the end every request has ended, and the last ones into a sound fleet with room to
spare were answered (or timed out, where a limit is set). What the settings do not promise is not judged: no detector at
all, an autoscaler whose machines come exponentially late, a load that retries could hold up (metastable failures are
settings, not bugs), a fleet that may be ejected or broken off as a whole after each failure, what a machine was asked
where no detector says that it is lost. Under phi_accrual with jittered heartbeats a window of few samples promises
nothing about the next one: L1 is not judged there, nor L2 and L3 where it took a node out since the healing (R is short
of one recovery then), and a fleet is not sound while it does. Nor is it while a scale-in ends a drain whose time was
over too early.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sim.bench.fire import Fire
from sim.bench.schema import Config
from sim.bench.storm.checkers.nodes import NodeBooks
from sim.bench.storm.checkers.requests import Requests
from sim.bench.storm.findings import Findings
from sim.runtime.events import Row
from sim.scalability.manager.registration import DRAINED
from sim.types.fleet import AgentStatus, NodeStatus
from sim.types.records import OK, STATUSES, TIMED_OUT, TRUNCATED, RunRecord

LAST = 3  # requests that are looked at


def judge_nodes(findings: Findings, fire: Fire, books: NodeBooks, heal_at: float, now: float) -> None:
    """L1: own book of statuses, at heal + R; who was ejected since for new failures is not kept out by the storm."""
    machines = fire.world.machines
    for node_id, node in books.nodes.items():
        if not machines.there(node_id):
            continue
        out = books.why_not(node_id)
        kept = node.status in ("draining", "maintenance")
        anew = node.status == "online" and (not node.ejected or node.ejected_at > heal_at)
        anew = anew and (node.breaker != "open" or node.breaker_at > heal_at)
        findings.hold("L1", out is None or kept or anew, now, node_id, lambda o=out: f"it works, and {o}")  # type: ignore[misc]


def judge_agents(findings: Findings, fire: Fire, now: float) -> None:
    """L2 and L3."""
    manager = fire.manager
    pending = manager.agents_count(AgentStatus.PENDING)
    free = {info.node_id: info.capacity - info.current_load for info in manager.list_nodes(NodeStatus.ONLINE)}
    room = sum(free.values())
    text = f"{pending} agents wait, although {room} places are free"
    findings.hold("L2", not pending or not room, now, "agents", lambda: text)
    status = manager.status()
    orphans = f"{status.orphans} places are still held for bodies that nobody answers for"
    findings.hold("L2", not status.orphans, now, "agents", lambda: orphans)
    copies = manager.config.copies
    if status.nodes["online"] >= copies:
        told = f"{status.states_under_replicated} states have fewer than {copies} copies"
        lost = sum(1 for _ in _lost(manager))
        findings.hold("L3", status.states_under_replicated <= lost, now, "states", lambda: told)


def _lost(manager: Any) -> list[str]:
    """States that nobody holds any more: they cannot be copied."""
    entries = manager._states.entries
    return [agent_id for agent_id, entry in entries.items() if not entry.holders]


def is_guessed(config: Config) -> bool:
    """Whether the detector may call a sound machine dead, and nobody can say when."""
    return config.health.detector == "phi_accrual" and bool(config.health.jitter_ratio)


def unsound_at(rows: Sequence[Row], config: Config) -> list[float]:
    """Instants at which the settings cost requests without any fault."""
    cut = [row.at for row in rows if row.kind == "node_drained" and dict(row.fields)["reason"] != DRAINED]
    return sorted([*cut, *(guessed_at(rows) if is_guessed(config) else ())])


def guessed_at(rows: Sequence[Row]) -> list[float]:
    """Instants at which the detector took a node out."""
    return [row.at for row in rows if row.kind == "node_status" and dict(row.fields)["new"] == "offline"]


def judge_requests(
    findings: Findings, config: Config, record: RunRecord, requests: Requests, rows: Sequence[Row], calm_at: float,
    gated: bool,
) -> None:  # fmt: skip
    """L4 and L5; `gated`: some never come further than the gateway."""
    table = record.attempts
    left = record.counts["requests_truncated"] if gated else len(requests.sent) - len(requests.ended)
    left -= len(outlasting(record) & (requests.sent.keys() - requests.ended.keys()))
    told = f"{left} never ended, {record.ended_at - record.horizon_s:g} s after the last arrival"
    kept_out = is_held_up(config, record) or is_broken_off(config, record, rows)
    if left and (kept_out or is_asked_in_vain(config, record, rows)):
        findings.seen("a fleet that its settings keep out")
        return
    findings.hold("L4", not left, record.ended_at, "requests", lambda: told)
    if not is_roomy(config):
        return
    first, limited = table.attempt == 0, config.deadline_s is not None or config.retry.attempt_timeout_s is not None
    late = np.flatnonzero(first & (table.arrived_at >= calm_at))[-LAST:]
    unsound = np.asarray(unsound_at(rows, config))
    for request in table.request[late].tolist():
        attempts = table.request == request
        since, until = np.min(table.arrived_at[attempts]), np.max(table.finished_at[attempts])
        if np.any((since <= unsound) & (unsound <= until)):
            findings.seen("a late request that the settings cost")
            continue
        mine = table.status[attempts]
        fine = bool(np.any(mine == OK)) or (limited and int(mine[-1]) in (TIMED_OUT, TRUNCATED))
        text = f"it came to a sound fleet with room to spare, and ended as {STATUSES[int(mine[-1])]}"
        findings.hold("L5", fine, record.ended_at, f"request {request}", lambda t=text: t)  # type: ignore[misc]


def outlasting(record: RunRecord) -> set[int]:
    """Requests whose node was at more work than it, alone, could do from its arrival to the end: theirs or before."""
    table = record.attempts
    cut = (table.status == TRUNCATED) & (table.node >= 0)
    alone_s = table.work_s / record.nodes.speed[table.node]
    long = cut & (table.arrived_at + alone_s > record.ended_at)
    return set(table.request[cut & np.isin(table.node, table.node[long])].tolist())


def is_held_up(config: Config, record: RunRecord) -> bool:
    """Whether ejections may outlast the run: where they may take every node, each failed attempt may cost one."""
    ejection = config.health.ejection
    each_s = config.retry.attempts_max * (ejection.max_s + ejection.jitter_s + ejection.interval_s)
    scaled = config.autoscaler.kind != "none"
    fewest = min(config.fleet.nodes, config.autoscaler.min_nodes) if scaled else config.fleet.nodes
    whole = ejection.ejected_max_ratio >= 1.0 or fewest <= 1  # one may always be ejected
    return ejection.enabled and whole and _waiting(record) * each_s > record.ended_at - record.horizon_s


def is_broken_off(config: Config, record: RunRecord, rows: Sequence[Row]) -> bool:
    """Whether breakers may outlast the run: each failed attempt may open one for `open_s`, and they did so to the end.

    Every node there is open by then, and for no longer than it may be: a breaker that is stuck keeps nobody out.
    """
    breaker = config.breaker
    each_s = config.retry.attempts_max * breaker.open_s
    if not breaker.enabled or _waiting(record) * each_s <= record.ended_at - record.horizon_s:
        return False
    last: dict[str, Row] = {}  # of each node there: its registration, or what its breaker did last
    for row in rows:
        if row.kind == "node_registered" or row.kind.startswith("breaker_"):
            last[row.subject] = row
        elif row.kind == "node_removed":
            last.pop(row.subject, None)
    since = record.ended_at - breaker.open_s
    return bool(last) and all(row.kind == "breaker_opened" and row.at >= since for row in last.values())


def _waiting(record: RunRecord) -> int:
    """Requests that had not ended when the last one came."""
    table = record.attempts
    return np.unique(table.request[table.finished_at > record.horizon_s]).size


def is_asked_in_vain(config: Config, record: RunRecord, rows: Sequence[Row]) -> bool:
    """Whether somebody waits to the end for what a machine was asked, and nothing says that it is lost.

    There is no detector, or the outage that swallowed the question was over before the detector could know of it.
    """
    waiting = {row.subject for row in rows if row.kind == "agent_stopped" and row.at == record.ended_at}
    if config.failover.deployment_timeout_s <= record.ended_at or not waiting:
        return False
    asked = [row for row in rows if row.kind == "agent_starting" and row.subject in waiting]
    return config.health.detector == "none" or any(_is_unnoticed(row, rows) for row in asked)


def _is_unnoticed(asked: Row, rows: Sequence[Row]) -> bool:
    node = dict(asked.fields)["node"]
    later = [(row.kind, dict(row.fields)) for row in rows if row.subject == node and row.at >= asked.at]
    lost = any(kind == "node_status" and told["new"] == "offline" for kind, told in later)
    return not lost and any(kind == "fault_ended" and told["reason"] == "over" for kind, told in later)


def is_roomy(config: Config) -> bool:
    """Whether nothing in the settings may turn a late request away."""
    poison, admission = config.faults.poison_request.enabled, config.admission.kind != "none"
    small = config.fleet.queue_max < 1_000 or config.balancer.queue_max < 1_000
    gated = config.gateway.enabled or bool(config.plugins.enabled)
    return not (poison or admission or small or gated)
