"""The yardstick as a plain loop over a heap of departures: what Python can do with no engine at all.

FIFO nodes, Poisson arrivals, exponential service of mean 1 s, each request to the less loaded of two random nodes.
"""

from __future__ import annotations

import json
import platform
import random
import sys
import time
from collections import deque
from heapq import heappop, heappush, heapreplace


def mean_sojourn_s(requests: int, seed: int, nodes: int, agents: int, rate_per_s: float) -> float:
    """Serve `requests` requests; gives their mean sojourn in seconds."""
    draws = random.Random(seed)
    exponential, uniform = draws.expovariate, draws.random
    held = [0] * nodes
    lines: list[deque[float]] = [deque() for _ in range(nodes)]
    departures: list[tuple[float, int, float]] = []  # (instant, node, arrived at)
    total_s, coming, next_at = 0.0, requests, exponential(rate_per_s)
    while coming or departures:
        if coming and (not departures or next_at < departures[0][0]):
            node, other = int(uniform() * nodes), int(uniform() * nodes)
            if held[other] < held[node]:
                node = other
            held[node] += 1
            if held[node] > agents:
                lines[node].append(next_at)
            else:
                heappush(departures, (next_at + exponential(1.0), node, next_at))
            next_at += exponential(rate_per_s)
            coming -= 1
        else:
            now, node, arrived_at = departures[0]
            total_s += now - arrived_at
            held[node] -= 1
            if lines[node]:
                heapreplace(departures, (now + exponential(1.0), node, lines[node].popleft()))
            else:
                heappop(departures)
    return total_s / requests


def main(requests: int, seed: int, nodes: int, agents: int, rate_per_s: float) -> None:
    """Print the measurement."""
    started = time.process_time()
    mean_s = mean_sojourn_s(requests, seed, nodes, agents, rate_per_s)
    cpu_s = time.process_time() - started
    version = f"Python {platform.python_version()}"
    print(json.dumps({"cpu_s": cpu_s, "mean_sojourn_s": mean_s, "requests": requests, "version": version}))


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:5]]
    main(sizes[0], sizes[1], sizes[2], sizes[3], float(sys.argv[5]))
