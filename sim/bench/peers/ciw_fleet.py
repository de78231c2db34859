"""The yardstick in Ciw: an entry node without service and a router of two random choices in front of the nodes.

FIFO nodes, Poisson arrivals, exponential service of mean 1 s, each request to the less loaded of two random nodes.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

import ciw


class TwoChoices(ciw.routing.NodeRouting):
    """The less loaded of two nodes drawn at random; nodes are numbered from 1, the entry is the first."""

    def __init__(self, nodes: int, draws: random.Random) -> None:
        self.nodes, self.draws = nodes, draws

    def next_node(self, ind: Any) -> Any:
        fleet = self.simulation.nodes
        one, other = (fleet[2 + self.draws.randrange(self.nodes)] for _ in range(2))
        return one if one.number_of_individuals <= other.number_of_individuals else other


def main(requests: int, seed: int, nodes: int, agents: int, rate_per_s: float) -> None:
    """Print the measurement."""
    distributions = ciw.dists
    network = ciw.create_network(
        arrival_distributions=[distributions.Exponential(rate_per_s)] + [None] * nodes,
        service_distributions=[distributions.Deterministic(0)] + [distributions.Exponential(1.0)] * nodes,
        number_of_servers=[float("inf")] + [agents] * nodes,
        routing=ciw.routing.NetworkRouting(
            routers=[TwoChoices(nodes, random.Random(seed))] + [ciw.routing.Leave()] * nodes
        ),
    )
    ciw.seed(seed)
    simulation = ciw.Simulation(network)
    started = time.process_time()
    simulation.simulate_until_max_customers(requests, method="Finish")
    cpu_s = time.process_time() - started
    served = [record for record in simulation.get_all_records() if record.node > 1]
    mean_s = sum(record.exit_date - record.arrival_date for record in served) / len(served)
    version = f"Ciw {ciw.__version__}"
    print(json.dumps({"cpu_s": cpu_s, "mean_sojourn_s": mean_s, "requests": len(served), "version": version}))


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:5]]
    main(sizes[0], sizes[1], sizes[2], sizes[3], float(sys.argv[5]))
