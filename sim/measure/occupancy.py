"""Busy agents over time, from the attempt table: min(attempts in service, agents) of each node.

A node with a queue (and a batch of token requests) never serves more than its agents, so that each start adds one and
each end takes one away; under processor sharing all attempts present are in service and the minimum needs the
presence in order of time. There a node with several agent types is taken as one pool, an upper bound. Attempts still
there at the end are busy until `ended_at`. Where agents come and go, `agent_steps` tell how many can serve. Time
integrals are in agent-seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.measure.books import node_ends
from sim.measure.summary import Floats, HeatMap
from sim.types.records import AgentSteps, NodeTable, RunRecord

NODES_MAX = 200  # rows of a heat map
BINS_MAX = 400
ROUNDING = 1e-9  # of a window: areas that are smaller are what sums that cancel leave behind


@dataclass(frozen=True, slots=True)
class BusySteps:
    """Changes of the number of busy agents: at `at` node `node` gains `step`; arrays of shape (changes,)."""

    node: NDArray[np.int64]
    at: Floats
    step: Floats


def busy_steps(record: RunRecord) -> BusySteps:
    """Every change of the number of busy agents, not sorted."""
    table = record.attempts
    served = np.flatnonzero((table.node >= 0) & ~np.isnan(table.started_at))
    ended_at = node_ends(record)[served]
    node = np.concatenate((table.node[served], table.node[served])).astype(np.int64)
    at = np.concatenate((table.started_at[served], ended_at))
    step = np.repeat((1.0, -1.0), len(served))
    if not record.processor_sharing or table.first_token_at is not None:
        return BusySteps(node, at, step)
    if record.agent_steps is not None:
        return _shared_by_changing_agents(BusySteps(node, at, step), record.agent_steps)
    order = np.lexsort((at, node))  # presence returns to 0 at the end of each node, so that one sum serves all
    node, at = node[order], at[order]
    busy = np.minimum(np.cumsum(step[order]), record.nodes.agents[node])
    return BusySteps(node, at, np.diff(busy, prepend=0.0))


def _shared_by_changing_agents(present: BusySteps, agents: AgentSteps) -> BusySteps:
    """Steps of min(present, agents): both counts in one order of time, node by node."""
    node = np.concatenate((present.node, agents.node.astype(np.int64)))
    at = np.concatenate((present.at, agents.at))
    order = np.lexsort((at, node))
    node, at = node[order], at[order]
    steps = np.zeros((2, len(node)))
    steps[0, : len(present.at)], steps[1, len(present.at) :] = present.step, agents.step
    steps = steps[:, order]
    first = np.diff(node, prepend=-1) != 0
    sums = np.cumsum(steps, axis=1)
    before = (sums - steps)[:, first]  # what the nodes before leave in the sums
    busy = np.min(sums - before[:, np.cumsum(first) - 1], axis=0)
    return BusySteps(node, at, np.where(first, busy, np.diff(busy, prepend=0.0)))


def ready_s(record: RunRecord, start_s: float, end_s: float) -> Floats:
    """Agent-seconds that can serve over [start_s, end_s], shape (nodes,); exactly 0 where no agent was there."""
    if record.agent_steps is not None:
        area_s = busy_area_s(_of_agents(record.agent_steps), len(record.nodes.node_id), start_s, end_s)
        return np.where(area_s > ROUNDING * (end_s - start_s), area_s, 0.0)
    there_s = present_s(record.nodes, np.array([start_s]), np.array([end_s]))[:, 0]
    return np.asarray(record.nodes.agents * there_s, dtype=np.float64)


def _of_agents(steps: AgentSteps) -> BusySteps:
    return BusySteps(steps.node.astype(np.int64), steps.at, steps.step.astype(np.float64))


def busy_area_s(steps: BusySteps, nodes_count: int, start_s: float, end_s: float) -> Floats:
    """Integral of busy agents over [start_s, end_s], shape (nodes,)."""
    seconds = steps.step * np.clip(end_s - steps.at, 0.0, end_s - start_s)
    return np.asarray(np.bincount(steps.node, weights=seconds, minlength=nodes_count), dtype=np.float64)


def present_s(nodes: NodeTable, start_s: Floats, end_s: Floats) -> Floats:
    """How long each node is there within the windows, shapes (windows,) -> (nodes, windows)."""
    gone_at = np.where(np.isnan(nodes.gone_at), np.inf, nodes.gone_at)
    first = np.maximum(nodes.born_at[:, None], start_s[None, :])
    return np.asarray(np.maximum(np.minimum(gone_at[:, None], end_s[None, :]) - first, 0.0), dtype=np.float64)


def heat_map(record: RunRecord, bins_count: int = 200) -> HeatMap:
    """Utilization by node and time over [0, horizon]; beyond `NODES_MAX` nodes, neighbors share a row.

    Raises ValueError when there are more than `BINS_MAX` bins.
    """
    if not 1 <= bins_count <= BINS_MAX:
        raise ValueError(f"bins_count={bins_count}: accepted is 1 to {BINS_MAX}")
    nodes = record.nodes
    nodes_count = len(nodes.node_id)
    edges = np.linspace(0.0, record.horizon_s, bins_count + 1)
    busy = _binned(busy_steps(record), nodes_count, edges)
    if record.agent_steps is None:
        agent_s = nodes.agents[:, None] * present_s(nodes, edges[:-1], edges[1:])
    else:
        agent_s = _binned(_of_agents(record.agent_steps), nodes_count, edges)
    rows = min(nodes_count, NODES_MAX)
    bounds = np.arange(rows) * nodes_count // rows
    busy, agent_s = np.add.reduceat(busy, bounds), np.add.reduceat(agent_s, bounds)
    utilization = np.full_like(busy, np.nan)
    np.divide(busy, agent_s, out=utilization, where=agent_s > ROUNDING * (edges[1] - edges[0]))
    ends = np.append(bounds[1:], nodes_count) - 1
    pairs = zip(bounds.tolist(), ends.tolist(), strict=True)
    names = [nodes.node_id[a] if a == b else f"{nodes.node_id[a]} to {nodes.node_id[b]}" for a, b in pairs]
    return HeatMap(edges, names, utilization)


def _binned(steps: BusySteps, nodes_count: int, edges: Floats) -> Floats:
    """Integral of busy agents in each bin: a step adds the rest of its own bin and all of each later one."""
    bins_count = len(edges) - 1
    width_s = edges[-1] / bins_count
    inside = steps.at < edges[-1]
    node, at, step = steps.node[inside], steps.at[inside], steps.step[inside]
    bin_of = np.clip(np.searchsorted(edges, at, side="right") - 1, 0, bins_count - 1)
    cell = node * bins_count + bin_of
    shape = (nodes_count, bins_count)
    cells = nodes_count * bins_count
    rest = np.bincount(cell, weights=step * (edges[bin_of + 1] - at), minlength=cells).reshape(shape)
    level = np.cumsum(np.bincount(cell, weights=step, minlength=cells).reshape(shape), axis=1)
    before = np.concatenate((np.zeros((nodes_count, 1)), level[:, :-1]), axis=1)
    return np.asarray(rest + before * width_s, dtype=np.float64)
