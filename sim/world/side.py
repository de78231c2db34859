"""A second open source of requests beside the load's own: an overload's, with ordinals of its own."""

from __future__ import annotations

from collections.abc import Iterator

from sim.runtime.order import ARRIVAL
from sim.world.columns import Columns
from sim.world.engine import Engine
from sim.world.feed import Block


class SideStream:
    """Sends its blocks through the engine, which closes at the horizon all the same."""

    def __init__(self, engine: Engine, blocks: Iterator[Block], columns: Columns) -> None:
        self.engine, self.blocks, self.columns = engine, blocks, columns  # those that have the rows of the blocks
        self.block: Block | None = None

    def start(self) -> None:
        """Arm the first arrival."""
        self.block = next(self.blocks, None)
        if self.block is not None:
            self._arm(0)

    def _arm(self, index: int) -> None:
        assert self.block is not None
        key = self.columns.key_of(self.block.row + index)
        self.engine.env.call_at(self.block.at[index], ARRIVAL, key, self._arrive, index)

    def _arrive(self, index: int) -> None:
        block = self.block
        assert block is not None
        if index + 1 < len(block.at):
            self._arm(index + 1)
        else:
            self.start()
        if not self.engine.closed:
            self.engine.send(block, index, block.row + index, self.engine.env.now)
