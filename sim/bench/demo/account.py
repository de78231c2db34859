"""The demo's final report: each part that was promised, whether it happened, and the figures that say so.

Everything is read from the event log, the gateway's counters and answers, and the snapshots of the objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sim.bench.demo.settings import AGENTS, ENDPOINTS, NODES, PLUGINS, SAMPLES_AN_AGENT
from sim.bench.demo.stage import Stage
from sim.bench.demo.story import REFUSED, Told
from sim.runtime.events import Row
from sim.types.fleet import NodeStatus

TASKS = "POST /v1/tasks"


@dataclass(frozen=True, slots=True)
class Part:
    """One promise."""

    name: str
    happened: bool
    told: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """Instants of a failure's story; None for what did not come."""

    node_id: str
    struck_at: float
    found_at: float | None
    placed_at: float | None  # the last of its agents is ready again
    back_at: float | None


def account(stage: Stage, told: Told, served: dict[str, int]) -> list[Part]:
    """All parts; `served`: answered requests by node."""
    rows = list(stage.log.rows)
    enabled = [each for each in told.plugins if each["state"] == "enabled"]
    endpoints = answered(stage)
    tasks = {status: count for (name, status), count in stage.gateway.metrics.requests.items() if name == TASKS}
    spread = ", ".join(f"{name} {count}" for name, count in served.items())
    outs, ins = (_scalings(rows, kind) for kind in ("scale_out", "scale_in"))
    needed = stage.optimizer.config.min_data_points
    first, full = _sampled(stage, SAMPLES_AN_AGENT), _sampled(stage, needed)
    samples = f"{first} agents with {SAMPLES_AN_AGENT} or more, {full} with the {needed} that a proposal needs"
    return [
        Part("nodes registered", len(told.nodes) >= NODES, f"{len(told.nodes)} through the gateway"),
        Part("agents deployed", len(told.agents) >= AGENTS, f"{len(told.agents)} through the gateway"),
        Part("plugins", len(enabled) >= PLUGINS and told.hook_calls > 0,
             f"{len(enabled)} enabled, their hooks called {told.hook_calls} times"),
        Part("endpoints", len(endpoints) >= ENDPOINTS, f"{len(endpoints)} answered: {', '.join(endpoints)}"),
        Part("requests", sum(tasks.values()) > 0 and tasks.get(200, 0) > 0.9 * sum(tasks.values()),
             f"{sum(tasks.values())} tasks, answered {_counts(tasks)}"),
        Part("balancer", sum(count > 0 for count in served.values()) >= NODES, f"answered by {spread}"),
        Part("autoscaler", bool(outs and ins), f"{len(outs)} steps out, {len(ins)} in: {_first(outs)}; {_first(ins)}"),
        _failure(recovery_of(rows, stage.struck())),
        Part("samples", first >= AGENTS and full > 0, samples),
        *_optimization(rows, told),
    ]  # fmt: skip


def answered(stage: Stage) -> list[str]:
    """Endpoints with at least one answer that is no refusal, by name."""
    return sorted({name for name, status in stage.gateway.metrics.requests if status < REFUSED})


def recovery_of(rows: Iterable[Row], struck: tuple[str, float] | None) -> Recovery | None:
    """What became of the node that was struck, read from the events."""
    if struck is None:
        return None
    node_id, struck_at = struck
    places: dict[str, str] = {}
    waiting: dict[str, None] = {}
    found_at = placed_at = back_at = None
    for row in rows:
        fields = dict(row.fields)
        if row.kind == "agent_ready":
            places[row.subject] = str(fields["node"])
            if waiting.pop(row.subject, row) is None:
                placed_at = row.at
        elif row.kind == "node_status" and row.subject == node_id and row.at >= struck_at:
            if found_at is None and fields["new"] == NodeStatus.OFFLINE.value:
                found_at = row.at
                waiting = {agent: None for agent, place in places.items() if place == node_id}
            elif found_at is not None and back_at is None and fields["new"] == NodeStatus.ONLINE.value:
                back_at = row.at
    return Recovery(node_id, struck_at, found_at, None if waiting else placed_at, back_at)


def report(parts: Iterable[Part], told: Told, stage: Stage) -> list[str]:
    """The lines of the report; the last one counts."""
    enabled = sum(each["state"] == "enabled" for each in told.plugins)
    lines = [f"  {'yes' if part.happened else 'NO ':3} {part.name:22} {part.told}" for part in parts]
    counts = (len(told.nodes), len(told.agents), enabled, len(answered(stage)))
    return [
        "what was promised, and what happened:",
        *lines,
        "{} nodes, {} agents, {} plugins, {} endpoints".format(*counts),
    ]


def _failure(found: Recovery | None) -> Part:
    if found is None:
        return Part("failure and recovery", False, "no node was struck")
    steps = [("down", found.found_at), ("its agents ready elsewhere", found.placed_at), ("back", found.back_at)]
    words = [f"{name} {'never' if at is None else f'after {at - found.struck_at:.1f} s'}" for name, at in steps]
    happened = None not in (found.found_at, found.placed_at, found.back_at)
    return Part(
        "failure and recovery", happened, f"{found.node_id} died at {found.struck_at:.1f} s: {', '.join(words)}"
    )


def _optimization(rows: list[Row], told: Told) -> list[Part]:
    proposed, proved = told.proposed, told.proved
    verified = [dict(row.fields) for row in rows if row.kind == "promoted"]
    pairs = verified[-1]["pairs"] if verified else 0
    claim = "nothing" if proposed is None else (
        f"{proposed.agent_id}: {proposed.improvement_percentage:.1f} % of {proposed.target.value} claimed"
    )  # fmt: skip
    applied = proved is not None and proved.is_applied
    proof = f"{pairs} pairs of windows"
    if proved is not None and applied:
        low, high = proved.ci_low_percentage, proved.ci_high_percentage
        proof += f": {proved.improvement_percentage:.1f} % (90 % CI {low:.1f} to {high:.1f})"
    setting = "" if proved is None else ", ".join(f"{name} {value:.4g}" for name, value in proved.parameters.items())
    return [
        Part("optimization proposed", proposed is not None, claim),
        Part("verified", applied and bool(verified), proof if applied else "no proof held"),
        Part("applied", applied, setting if applied else "nothing"),
    ]


def _sampled(stage: Stage, count: int) -> int:
    return sum(len(mind.windows) >= count for mind in stage.optimizer.minds.values())


def _scalings(rows: list[Row], kind: str) -> list[Row]:
    return [row for row in rows if row.kind == kind and row.subject == "fleet"]


def _first(rows: list[Row]) -> str:
    if not rows:
        return "none"
    return f"{rows[0].kind} at {rows[0].at:.0f} s ({dict(rows[0].fields).get('reason', '')})"


def _counts(tasks: dict[int, int]) -> str:
    return ", ".join(f"{status}: {count}" for status, count in sorted(tasks.items()))
