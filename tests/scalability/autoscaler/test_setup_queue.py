"""M/M/k/setup through the real loop: one queue, k nodes of one agent, a set-up for each who waits, off when idle.

Known (Gandhi, Harchol-Balter 2010; the Markov chain): k = 4, utilization .5, exponential set-up of mean 1: E[T] 1.6293.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection

import numpy as np
import pytest
from scipy.stats import t as student

from sim.contracts import FleetSample
from sim.runtime.events import EventLog
from sim.runtime.order import ARRIVAL, FINISH
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.autoscaler.loop import Autoscaler
from sim.scalability.autoscaler.params import AutoscalerParams
from tests.scalability.autoscaler.rig import policy_of, sample

K, RATE_PER_S = 4, 2.0
REQUESTS, REPLICATIONS = 1_000, 12


class SetupQueue:
    """Late binding: a node that is ready and idle takes the head of the queue. Draws from a seeded generator."""

    def __init__(self, seed: int, setup_s: float) -> None:
        self.runtime = VirtualRuntime()
        self.chance, self.setup_s = np.random.default_rng(seed), setup_s
        self.queue: deque[float] = deque()
        self.idle: dict[str, None] = {}
        self.busy: dict[str, float] = {}  # node -> when its request arrived
        self.serial = self.arrived = 0
        self.sojourns_s: list[float] = []
        self.poke: Callable[[], None] = lambda: None

    def sample(self) -> FleetSample:
        ready = len(self.idle) + len(self.busy)
        facts = {"waiting": len(self.queue), "nodes_idle": len(self.idle), "in_flight": len(self.busy)}
        return sample(self.runtime.now(), math.nan, ready, agents_per_node=1, **facts)

    async def add(self) -> str:
        await self.runtime.sleep(float(self.chance.exponential(self.setup_s)))
        self.serial += 1
        self.idle[f"node-{self.serial}"] = None
        self.serve()
        return f"node-{self.serial}"

    async def remove(self, node_id: str, reason: str) -> None:
        del self.idle[node_id]

    def removable(self, count: int, leaving: Collection[str] = ()) -> list[str]:
        return [name for name in (*self.idle, *self.busy) if name not in leaving][:count]

    def lost(self) -> list[str]:
        return []

    def serve(self) -> None:
        while self.queue and self.idle:
            node = next(iter(self.idle))
            del self.idle[node]
            self.busy[node] = self.queue.popleft()
            at = self.runtime.now() + float(self.chance.exponential())
            self.runtime.env.call_at(at, FINISH, 0, self.finish, node)

    def finish(self, node: str) -> None:
        self.sojourns_s.append(self.runtime.now() - self.busy.pop(node))
        self.idle[node] = None
        self.serve()
        self.poke()

    def arrive(self, _: None) -> None:
        now = self.runtime.now()
        self.arrived += 1
        self.queue.append(now)
        self.serve()
        self.poke()
        if self.arrived < REQUESTS:
            at = now + float(self.chance.exponential(1.0 / RATE_PER_S))
            self.runtime.env.call_at(at, ARRIVAL, 0, self.arrive, None)


def mean_sojourn_s(seed: int, setup_s: float) -> float:
    queue = SetupQueue(seed, setup_s)
    params = AutoscalerParams(kind="on_demand", min_nodes=0, max_nodes=K, interval_s=1e6, step_out_nodes_max=K)
    policy = policy_of("on_demand", min_nodes=0, max_nodes=K)
    scaler = Autoscaler(queue.runtime, policy, params, queue.sample, queue, EventLog())
    queue.poke = scaler.poke
    queue.runtime.spawn(scaler.run(), "autoscaler")
    queue.runtime.env.call_at(0.0, ARRIVAL, 0, queue.arrive, None)
    queue.runtime.run(until=3.0 * REQUESTS / RATE_PER_S)
    queue.runtime.close()
    assert len(queue.sojourns_s) == REQUESTS
    assert not queue.idle
    return math.fsum(queue.sojourns_s) / REQUESTS


@pytest.mark.parametrize(("setup_s", "known_s"), [(1.0, 1.6293)])
def test_set_up_times(setup_s: float, known_s: float) -> None:
    means = np.array([mean_sojourn_s(seed, setup_s) for seed in range(REPLICATIONS)])
    error = float(means.std(ddof=1)) / math.sqrt(REPLICATIONS)
    critical = float(student.ppf(1.0 - 0.5e-3, REPLICATIONS - 1))
    assert critical * error < 0.1 * known_s  # binding at arrival would give 2.216
    assert abs(means.mean() - known_s) <= critical * error + 0.00005
