"""Steps of pools for Python, with room for each: one compiled step at a time, and pools that come under load."""

from __future__ import annotations

from typing import Any

from numba import types

from sim.kernel.fragile import command
from sim.kernel.heaps import heaps_steps
from sim.kernel.queue import queue_room
from sim.kernel.state import Kernel

ROOM_MIN = 8  # events; a step pushes fewer
HEAP_ROOM = 64  # of a new pool's heap
WHOLE, REAL = types.int64, types.float64


class Commands:
    """What `FragileKernelPool` calls; `driver` has the kernel and enlarges it. Raises `CannotCompile`."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self._run = driver.entry(command, WHOLE, WHOLE, WHOLE, WHOLE, WHOLE, REAL)

    def __call__(self, what: int, row: int, p: int, serial: int, at: float) -> int:
        """See `fragile.command`."""
        driver = self.driver
        k = driver.k
        shares = k.uses.sharing or k.uses.tokens
        while queue_room(k.queue) < ROOM_MIN or (shares and not heaps_steps(k.heaps)):
            driver.grow()
        return int(self._run(driver.address, what, row, p, serial, at))


def have_pools(k: Kernel, pools_count: int) -> list[Any]:
    """Room for so many pools; gives what was replaced (the structs of these and of `k` are void)."""
    replaced: list[Any] = []
    while len(k.pools.present) < pools_count:
        replaced += [k.pools, k.batch, k.heaps]  # whether they move or not
        k.pools = k.pools.grown()
        if k.uses.tokens:
            k.batch = k.batch.grown()
        if k.uses.sharing or k.uses.tokens:
            k.heaps = k.heaps.of_more_pools(HEAP_ROOM)
    return replaced
