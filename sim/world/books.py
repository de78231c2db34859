"""What the nodes' own books say at the end: one row a machine, summed over its pools."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sim.types.records import TRUNCATED, NodeTable
from sim.world.columns import Columns
from sim.world.fragile import Fragile
from sim.world.machines import WorldNode

COUNTS = ("agents", "arrived", "answered", "refused", "present")
SUMS = ("area_present_s", "area_busy_s", "work_done_s")


def arrived_rows(columns: Any, closed: bool) -> Any:
    """Rows of what has come, in the order of the table; columns that make a row when it comes say so themselves."""
    known = getattr(columns, "arrived_rows", None)  # a closed client's next request is not known yet
    arrived = np.flatnonzero(~np.isnan(np.asarray(columns.arrived_at))) if known is None else known()
    if closed:  # rows of clients lie in blocks, as they were drawn
        arrived = np.asarray(arrived)
        arrived = arrived[np.argsort(np.asarray(columns.request)[arrived], kind="stable")]
    return arrived


def node_table(nodes: Mapping[str, WorldNode], columns: Columns, types: tuple[str, ...], ended_at: float) -> NodeTable:
    """Close every pool's books at `ended_at`; attempts still at a plain pool are the table's open rows."""
    unfinished: dict[tuple[int, int], list[int]] = {}  # (node, type) -> rows at the end
    if not columns.several:  # a pool that may be struck knows them itself
        for row in np.flatnonzero(np.asarray(columns.status) == TRUNCATED).tolist():
            place = (columns.node[row], columns.pool_type[row] if len(types) > 1 else 0)
            unfinished.setdefault(place, []).append(row)
    left = []
    for node in nodes.values():
        pools = [(types.index(name), pool) for name, pool in node.pools.items()]
        left.append(math.fsum(pool.close(ended_at, unfinished.get((node.ordinal, kind), [])) for kind, pool in pools))
    struck = columns.several

    def books(name: str) -> list[float]:
        return [math.fsum(getattr(pool, name) for pool in node.pools.values()) for node in nodes.values()]

    floats = {name: np.array(books(name), dtype=np.float64) for name in SUMS}
    counts = {name: np.array(books(name), dtype=np.float64).astype(np.int64) for name in COUNTS}
    return NodeTable(
        node_id=list(nodes),
        zone=[node.zone for node in nodes.values()],
        speed=np.array([node.speed for node in nodes.values()]),
        agents=np.array(_agents(nodes), dtype=np.int64) if struck else counts["agents"],
        born_at=np.array([node.born_at for node in nodes.values()]),
        gone_at=np.array([node.gone_at for node in nodes.values()]),
        area_present_s=floats["area_present_s"],
        area_busy_s=floats["area_busy_s"],
        work_done_s=floats["work_done_s"],
        truncated_work_s=np.array(left, dtype=np.float64),
        arrived=counts["arrived"],
        answered=counts["answered"],
        refused=counts["refused"],
        truncated=counts["present"],
        dropped=np.array(books("dropped"), dtype=np.float64).astype(np.int64) if struck else None,
        area_work_s=np.array(books("area_work_s"), dtype=np.float64) if struck else None,
    )


def _agents(nodes: Mapping[str, WorldNode]) -> list[int]:
    """Agents that were deployed on each machine last, whether it works or not."""
    found = []
    for node in nodes.values():
        pools: list[Fragile] = list(node.pools.values())  # type: ignore[arg-type] # a struck world's are
        found.append(sum(pool.assigned for pool in pools))
    return found
