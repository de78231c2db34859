"""Where machines come from: each takes a provisioning time, is like the fleet's first ones, and can be given back.

Implements `contracts.NodeProvider`. Names go on from the fleet's: node-10 after node-0 to node-9; speeds and zones in
turn likewise. Times are deterministic or exponential (purpose PROVISIONING, entity = ordinal of the request).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sim.contracts import Draws
from sim.runtime.draws import PROVISIONING
from sim.runtime.virtual import VirtualRuntime
from sim.types.fleet import NodeInfo
from sim.world.fragile import Fragile
from sim.world.machines import Machines


@dataclass(frozen=True, slots=True)
class ProviderParams:
    """How long a machine takes; seconds."""

    provisioning_s: float = 60.0
    exponential: bool = False


class MachineProvider:
    """`describe(ordinal)` gives the node that a machine of this birth serial is, `add` puts it into the world."""

    def __init__(
        self, runtime: VirtualRuntime, machines: Machines, draws: Draws, params: ProviderParams,
        describe: Callable[[int], NodeInfo], add: Callable[[NodeInfo], None],
    ) -> None:  # fmt: skip
        self.runtime, self.machines, self.draws, self.params = runtime, machines, draws, params
        self.describe, self.add = describe, add
        self.asked_count = 0

    async def provide(self) -> NodeInfo:
        """A new machine, once it is there."""
        number = self.asked_count
        self.asked_count += 1
        delay_s = self.params.provisioning_s
        if self.params.exponential:
            delay_s *= -math.log(self.draws.uniform(PROVISIONING, number))
        if delay_s:
            await self.runtime.sleep(delay_s)
        info = self.describe(len(self.machines.all))
        self.add(info)
        return info

    async def drained(self, node_id: str) -> None:
        """Ends once nothing waits or runs on the machine."""
        if not self.machines.there(node_id):
            return
        node = self.machines.all[node_id]
        while node.present():
            empty = self.runtime.event()
            pools: list[Fragile] = list(node.pools.values())  # type: ignore[arg-type] # a struck world's are
            for pool in pools:
                pool.on_empty = empty.set
            try:
                await empty.wait()
            finally:
                for pool in pools:
                    pool.on_empty = None

    async def release(self, node_id: str) -> None:
        """The machine is gone, with whatever still runs there."""
        if self.machines.there(node_id):
            self.machines.remove(node_id)
