"""One pool of agents as the world sees it: a row of the kernel's columns."""

from __future__ import annotations

import math
from typing import Any

from sim.kernel.batching import batch_integrate
from sim.kernel.pools import integrate, share_integrate
from sim.kernel.state import Kernel


def of_pool(name: str, kind: type) -> Any:
    """A property of a pool that stands in a column."""

    def get(self: PoolColumns) -> Any:
        return getattr(self.k.pools, name).item(self.p)

    def get_bool(self: PoolColumns) -> bool:
        return bool(getattr(self.k.pools, name).item(self.p))

    def put(self: PoolColumns, value: Any) -> None:
        getattr(self.k.pools, name)[self.p] = value

    return property(get_bool if kind is bool else get, put)


class PoolColumns:
    """Row `p` of the kernel's pools; `place` says where it stands."""

    def __init__(self, k: Kernel, p: int, place: Any) -> None:
        self.k, self.p = k, p
        self.node, self.agent_type = place.node, place.agent_type
        pools = k.pools
        pools.node[p], pools.speed[p], pools.queue_max[p] = place.node, place.speed, place.queue_max
        pools.agent_type[p] = place.agent_type

    agents, in_service, present = of_pool("agents", int), of_pool("in_service", int), of_pool("present", int)
    arrived, answered, refused = of_pool("arrived", int), of_pool("answered", int), of_pool("refused", int)
    generation, speed, last_at = of_pool("generation", int), of_pool("speed", float), of_pool("last_at", float)
    area_present_s, area_busy_s = of_pool("area_present_s", float), of_pool("area_busy_s", float)
    work_done_s = of_pool("work_done_s", float)

    def busy_s(self, now: float) -> float:
        """Busy agent-seconds until now; its books stay as they are."""
        pools, p = self.k.pools, self.p
        busy = min(pools.in_service.item(p), pools.agents.item(p))
        area_s: float = pools.area_busy_s.item(p) + busy * (now - pools.last_at.item(p))
        return area_s

    @property
    def slot(self) -> int:
        """The balancer's slot, -1 before it has one."""
        return int(self.k.pools.slot[self.p])

    @slot.setter
    def slot(self, slot: int) -> None:
        self.k.pools.slot[self.p] = slot
        self.k.pools.of_slot[slot] = self.p


class KernelPool(PoolColumns):
    """A pool that nothing strikes."""

    def set_agents(self, agents: int, now: float) -> None:
        """Before the load only: nothing waits here yet."""
        assert not self.k.pools.present[self.p]
        self.k.pools.agents[self.p] = agents

    def close(self, now: float, rows: list[int]) -> float:
        """Integrate up to the end; gives the work (s at speed 1) done on the unfinished attempts `rows`."""
        k, p = self.k, self.p
        started_at, work_s = k.rows.started_at, k.rows.work_s
        if k.uses.tokens:
            batch_integrate(k, p, now)
            return 0.0
        if k.uses.sharing:
            share_integrate(k.pools, p, now)
            first, count = int(k.heaps.start[p]), int(k.heaps.count[p])
            virtual_s = float(k.pools.virtual_s[p])
            pairs = zip(k.heaps.tag[first : first + count], k.heaps.row[first : first + count], strict=True)
            return math.fsum(float(work_s[row]) - (float(tag) - virtual_s) for tag, row in pairs)
        integrate(k.pools, p, now)
        speed = float(k.pools.speed[p])
        return math.fsum((now - float(started_at[row])) * speed for row in rows if started_at[row] <= now)
