"""Pools of the compiled engine that may be struck: the world's commands over the kernel's columns."""

from __future__ import annotations

from sim.kernel.fragile_pool import FragileKernelBatching, FragileKernelFifo, FragileKernelSharing
from sim.world.fragile import Fragile


class CompiledFifo(FragileKernelFifo, Fragile):
    """First in, first out."""


class CompiledSharing(FragileKernelSharing, Fragile):
    """Processor sharing."""


class CompiledBatching(FragileKernelBatching, Fragile):
    """Continuous batching."""


COMPILED_POOLS = {"fifo": CompiledFifo, "sharing": CompiledSharing, "batching": CompiledBatching}
