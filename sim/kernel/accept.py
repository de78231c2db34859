"""An attempt comes to a pool: it starts, waits or is refused (see `sim.world.pool`)."""

from __future__ import annotations

from typing import Any

from sim.kernel.batching import batch_integrate, batch_start
from sim.kernel.pools import append, integrate, share_integrate, share_start, start
from sim.runtime.plain import rare
from sim.types.records import REJECTED

SHARING = BATCHING = False  # bound before compiling


def pool_accept(k: Any, row: int, p: int, now: float) -> bool:
    """Take an attempt in (start or queue it); False when the queue is full."""
    pools = k.pools
    pools.arrived[p] += 1
    if SHARING:
        if pools.present[p] >= pools.agents[p] + pools.queue_max[p]:
            return refuse(k, row, p, now)
        share_integrate(pools, p, now)
        pools.present[p] += 1
        share_start(k, row, p, now)
        return True
    free = pools.in_service[p] < pools.agents[p]
    if not free and pools.waiting[p] >= pools.queue_max[p]:
        return refuse(k, row, p, now)
    if BATCHING:
        batch_integrate(k, p, now)
    else:
        integrate(pools, p, now)
    pools.present[p] += 1
    if not free:
        append(k, row, p)
    elif BATCHING:
        batch_start(k, row, p, now)
    else:
        start(k, row, p, now)
    return True


@rare
def refuse(k: Any, row: int, p: int, now: float) -> bool:
    """The queue is full."""
    k.pools.refused[p] += 1
    k.rows.finished_at[row] = now
    k.rows.status[row] = REJECTED
    return False
