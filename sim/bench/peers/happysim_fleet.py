"""The yardstick in happysim: its own load balancer with its own PowerOfTwoChoices in front of its servers.

FIFO nodes, Poisson arrivals, exponential service of mean 1 s, each request to the less loaded of two random nodes.
"""

from __future__ import annotations

import json
import random
import sys
import time
from importlib.metadata import version

from happysimulator import Instant, Server, Simulation, Sink, Source
from happysimulator.components.load_balancer import LoadBalancer, PowerOfTwoChoices
from happysimulator.distributions import ExponentialLatency

DRAIN_S = 60.0  # after the last arrival


def main(requests: int, seed: int, nodes: int, agents: int, rate_per_s: float) -> None:
    """Print the measurement."""
    random.seed(seed)  # the generator that it draws from
    horizon_s = requests / rate_per_s
    sink = Sink()
    fleet = [
        Server(f"node-{number}", concurrency=agents, service_time=ExponentialLatency(1.0), downstream=sink)
        for number in range(nodes)
    ]
    balancer = LoadBalancer("balancer", backends=fleet, strategy=PowerOfTwoChoices())
    source = Source.poisson(rate=rate_per_s, target=balancer, stop_after=Instant.from_seconds(horizon_s))
    simulation = Simulation(
        sources=[source], entities=[balancer, *fleet, sink], end_time=Instant.from_seconds(horizon_s + DRAIN_S)
    )
    started = time.process_time()
    simulation.run()
    cpu_s = time.process_time() - started
    served, engine = sink.events_received, f"happysim {version('happysim')}"
    mean_s = sink.average_latency()
    print(json.dumps({"cpu_s": cpu_s, "mean_sojourn_s": mean_s, "requests": served, "version": engine}))


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:5]]
    main(sizes[0], sizes[1], sizes[2], sizes[3], float(sys.argv[5]))
