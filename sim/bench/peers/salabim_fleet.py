"""The yardstick in salabim: a component a request, a resource a node, monitors off.

FIFO nodes, Poisson arrivals, exponential service of mean 1 s, each request to the less loaded of two random nodes.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Generator
from typing import Any

import salabim


def main(requests: int, seed: int, nodes: int, agents: int, rate_per_s: float) -> None:
    """Print the measurement."""
    salabim.yieldless(False)
    draws = random.Random(seed)
    env = salabim.Environment(trace=False)
    fleet = [salabim.Resource(capacity=agents) for _ in range(nodes)]
    for node in fleet:
        for queue in (node.requesters(), node.claimers()):
            queue.length.monitor(False)
            queue.length_of_stay.monitor(False)
        for measured in (node.available_quantity, node.claimed_quantity, node.occupancy, node.capacity):
            measured.monitor(False)
    sojourns_s: list[float] = []

    def held(node: Any) -> int:
        return int(node.claimed_quantity()) + len(node.requesters())

    class Request(salabim.Component):
        """Waits for an agent, holds it, leaves."""

        def process(self) -> Generator[Any, Any, None]:
            arrived_at = env.now()
            one, other = fleet[draws.randrange(nodes)], fleet[draws.randrange(nodes)]
            node = one if held(one) <= held(other) else other
            yield self.request(node)
            yield self.hold(draws.expovariate(1.0))
            self.release()
            sojourns_s.append(env.now() - arrived_at)

    class Source(salabim.Component):
        """Makes the requests."""

        def process(self) -> Generator[Any, Any, None]:
            for _ in range(requests):
                yield self.hold(draws.expovariate(rate_per_s))
                Request()

    Source()
    started = time.process_time()
    env.run()
    cpu_s = time.process_time() - started
    mean_s = sum(sojourns_s) / len(sojourns_s)
    version = f"salabim {salabim.__version__}"
    print(json.dumps({"cpu_s": cpu_s, "mean_sojourn_s": mean_s, "requests": len(sojourns_s), "version": version}))


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:5]]
    main(sizes[0], sizes[1], sizes[2], sizes[3], float(sys.argv[5]))
