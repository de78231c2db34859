"""Closed clients: each sends a request, waits for its answer, thinks, and sends the next (Little's interactive system).

The first thinking starts at 0. Requests are drawn 32 at a time a client, so that a client's k-th request is the same
whatever the fleet does to it.
"""

from __future__ import annotations

from sim.contracts import ClosedLaw, Draws
from sim.runtime.order import ARRIVAL
from sim.world.engine import Engine
from sim.world.feed import CLIENT_BLOCK, Block, Feed


class ClosedClients:
    """Drives `law.clients_count` clients through the engine until `horizon_s`."""

    def __init__(self, law: ClosedLaw, engine: Engine, feed: Feed, draws: Draws, horizon_s: float) -> None:
        self.law, self.engine, self.feed, self.draws, self.horizon_s = law, engine, feed, draws, horizon_s
        self.blocks: list[Block] = []
        self.sent: list[int] = [0] * law.clients_count  # requests sent so far, a client
        self._on_left = engine.on_left  # who listens already goes on hearing
        self.client_of: dict[int, int] = {}  # row in flight -> client; at most clients_count rows

    def start(self) -> None:
        """Every client thinks once, then sends."""
        for client in range(self.law.clients_count):
            self.blocks.append(self.feed.client_block(client, 0))
            self._think(client, 0.0)

    def on_left(self, row: int, now: float) -> None:
        """A request ended (answered or refused): its client thinks and sends the next one."""
        if self._on_left is not None:
            self._on_left(row, now)
        self._think(self.client_of.pop(row), now)

    def _think(self, client: int, now: float) -> None:
        ordinal = self.sent[client]
        at = now + self.law.think_s(self.draws, client, ordinal)
        if at < self.horizon_s:
            self.engine.env.call_at(at, ARRIVAL, ((client << 32) + ordinal) << 16, self._send, client)

    def _send(self, client: int) -> None:
        ordinal = self.sent[client]
        index = ordinal % CLIENT_BLOCK
        if index == 0 and ordinal:
            self.blocks[client] = self.feed.client_block(client, ordinal)
        self.sent[client] = ordinal + 1
        block = self.blocks[client]
        row = block.row + index
        now = self.engine.env.now
        self.engine.columns.arrived_at[row] = now
        self.client_of[row] = client
        self.engine.send(block, index, row, now)
