"""The compiled engine as the world knows an engine: it drives the environment and the kernel in turn.

Between two events of the environment (heartbeats, loops of the control plane) the kernel moves the requests; whatever
needs Python brings it back. Instants in virtual seconds from the start of load.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.contracts import Draws
from sim.kernel.columns import KernelColumns
from sim.kernel.driver import Driver, Options
from sim.kernel.paths import Balancing
from sim.kernel.pool import KernelPool
from sim.kernel.requests import integrate_central
from sim.kernel.state import (
    ARRIVALS,
    CENTRAL_AREA_S,
    CLOSED,
    EMPTY,
    EVENTS,
    IN_SYSTEM,
    NOW,
    POLL_AT,
    PULL_AT,
    PULL_DUE,
    UNTIL,
    WAITING,
)
from sim.runtime.order import CONTROL
from sim.runtime.virtual import OrderedEnvironment


class CompiledEngine:
    """`pools[slot]` is kept by the world, as for the engine of SimPy."""

    def __init__(
        self, env: OrderedEnvironment, balancing: Balancing, draws: Draws, options: Options, slots_max: int
    ) -> None:
        self.env, self.driver = env, Driver(balancing, draws, options, slots_max)
        self.k = self.driver.k
        self.done = env.event()
        self.pools: list[KernelPool] = []
        self.columns = KernelColumns(self.k, balancing.types > 1)
        self._pools_made = 0

    # What the world asks

    def make_pool(self, place: Any, *_: Any) -> KernelPool:
        """A pool of agents, a row of the kernel's columns."""
        pool = KernelPool(self.k, self._pools_made, place)
        self._pools_made += 1
        return pool

    @property
    def arrivals_count(self) -> int:
        """Requests that have come."""
        return int(self.k.numbers[ARRIVALS])

    @property
    def in_system(self) -> int:
        """Requests that have come and not left."""
        return int(self.k.numbers[IN_SYSTEM])

    @property
    def waiting_count(self) -> int:
        """Requests that wait at the balancer."""
        return int(self.k.numbers[WAITING])

    @property
    def central_area_s(self) -> float:
        """Their integral over time."""
        return float(self.k.instants[CENTRAL_AREA_S])

    def busy_s(self, nodes: int, shared: bool, now: float) -> NDArray[np.float64]:
        """Busy agent-seconds of every node up to now, by ordinal, changing nothing (`sim.world.streaming`)."""
        pools, made = self.k.pools, slice(0, self._pools_made)
        busy = np.minimum(pools.present[made], pools.agents[made]) if shared else pools.in_service[made]
        found = np.zeros(nodes)
        np.add.at(found, pools.node[made], pools.area_busy_s[made] + busy * (now - pools.last_at[made]))
        return found

    def membership_changed(self) -> None:
        """Who waits is sent on once all changes of this instant are known."""
        self.k.numbers[PULL_DUE] = 1
        self.k.instants[PULL_AT] = self.env.now

    def load(self, load: Any, draws: Draws, feed: Any) -> None:
        """Take requests from the source of a load; `feed` says what they carry."""
        self.driver.load(load, draws, feed.keys, feed.views)

    def start(self, horizon_s: float, drain_s: float) -> None:
        """Arm the end of arrivals, the end of draining, and the polls."""
        self.env.call_at(horizon_s, CONTROL, 0, self._close_arrivals, None)
        self.env.call_at(horizon_s + drain_s, CONTROL, 1, self._stop, None)
        if self.driver.balancing.poll_s is not None:
            self.k.instants[POLL_AT] = 0.0

    def run(self) -> None:
        """Until everything is answered or drained."""
        env, k, done, driver = self.env, self.k, self.done, self.driver
        while not done.triggered:
            at, rank = env.head()
            if rank <= CONTROL and at == env.now:  # of this instant, before whatever the kernel has: no need to ask it
                env.step()
                continue
            reason = driver.go_on(at, rank)
            if reason == UNTIL:
                env.step_instant(CONTROL, done)
            elif reason == EMPTY:
                env.now = max(env.now, float(k.instants[NOW]))
                done.succeed()
        env.run(until=done)
        env.events_count += int(k.numbers[EVENTS])

    def close(self, now: float) -> None:
        """Integrate what waits here up to the end."""
        integrate_central(self.k, now)

    def release(self) -> None:
        """The table of the run is made: rows are needed no more."""
        self.driver.release()

    # Inside

    def _close_arrivals(self, _: None) -> None:
        self.k.numbers[CLOSED] = 1

    def _stop(self, _: None) -> None:
        if not self.done.triggered:
            self.done.succeed()
