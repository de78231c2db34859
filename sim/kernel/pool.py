"""One pool of agents as the world sees it: a row of the kernel's columns."""

from __future__ import annotations

import math
from typing import Any

from sim.kernel import pools as rules
from sim.kernel.state import Kernel


class KernelPool:
    """Row `p` of the kernel's pools; `place` says where it stands."""

    __slots__ = ("agent_type", "k", "node", "p")

    def __init__(self, k: Kernel, p: int, place: Any) -> None:
        self.k, self.p = k, p
        self.node, self.agent_type = place.node, place.agent_type
        pools = k.pools
        pools.node[p], pools.speed[p], pools.queue_max[p] = place.node, place.speed, place.queue_max
        pools.agent_type[p] = place.agent_type

    def _of(name: str, kind: type) -> Any:  # type: ignore[misc] # noqa: N805 # makes the properties below
        def get(self: KernelPool) -> Any:
            return kind(getattr(self.k.pools, name)[self.p])

        def put(self: KernelPool, value: Any) -> None:
            getattr(self.k.pools, name)[self.p] = value

        return property(get, put)

    agents, in_service, present = _of("agents", int), _of("in_service", int), _of("present", int)
    arrived, answered, refused = _of("arrived", int), _of("answered", int), _of("refused", int)
    generation, speed, last_at = _of("generation", int), _of("speed", float), _of("last_at", float)
    area_present_s, area_busy_s, work_done_s = (
        _of("area_present_s", float), _of("area_busy_s", float), _of("work_done_s", float),
    )  # fmt: skip

    @property
    def slot(self) -> int:
        """The balancer's slot, -1 before it has one."""
        return int(self.k.pools.slot[self.p])

    @slot.setter
    def slot(self, slot: int) -> None:
        self.k.pools.slot[self.p] = slot
        self.k.pools.of_slot[slot] = self.p

    def set_agents(self, agents: int, now: float) -> None:
        """Before the load only: nothing waits here yet."""
        assert not self.k.pools.present[self.p]
        self.k.pools.agents[self.p] = agents

    def close(self, now: float, rows: list[int]) -> float:
        """Integrate up to the end; gives the work (s at speed 1) done on the unfinished attempts `rows`."""
        k, p = self.k, self.p
        started_at, work_s = k.rows.started_at, k.rows.work_s
        if k.uses.tokens:
            rules.batch_integrate(k, p, now)
            return 0.0
        if k.uses.sharing:
            rules.share_integrate(k.pools, p, now)
            first, count = int(k.heaps.start[p]), int(k.heaps.count[p])
            virtual_s = float(k.pools.virtual_s[p])
            pairs = zip(k.heaps.tag[first : first + count], k.heaps.row[first : first + count], strict=True)
            return math.fsum(float(work_s[row]) - (float(tag) - virtual_s) for tag, row in pairs)
        rules.integrate(k.pools, p, now)
        speed = float(k.pools.speed[p])
        return math.fsum((now - float(started_at[row])) * speed for row in rows if started_at[row] <= now)
