"""Not the yardstick but near it, in cimba: one pool of all agents (M/M/nodes*agents), since it has no choice of two.

Poisson arrivals, exponential service of mean 1 s, a compiled process a request, first come first served. The run is
long enough for `requests` arrivals and ends there; what is under way then is not counted.
"""

import json
import sys
import time
from importlib.metadata import version
from typing import Any

import cimba as cb

WARM_UP_S = 10.0  # of a run before the measured one, which compiles the model


class Request(cb.Model):
    """Waits for an agent, holds it, leaves."""

    pool: cb.Ref[cb.Resource]
    fleet: cb.Ref["Fleet"]
    service_s: float = 1.0

    @cb.process
    def visit(self) -> None:
        arrived_at = cb.now()
        self.pool.acquire()
        cb.hold(cb.random.exponential(self.service_s))
        self.pool.release()
        self.fleet.served += 1
        self.fleet.sojourn_s += cb.now() - arrived_at


class Fleet(cb.Model):
    """One pool and the requests that come to it."""

    pool: cb.Resource = cb.Resource(capacity=1)
    gap_s: cb.Param[float] = 1.0
    served: cb.Output[int]
    sojourn_s: cb.Output[float]

    @cb.on_start
    def begin(self) -> None:
        self.served, self.sojourn_s = 0, 0.0

    @cb.process
    def arrivals(self) -> None:
        while True:
            cb.hold(cb.random.exponential(self.gap_s))
            cb.spawn(Request, pool=self.pool, fleet=self)


def main(requests: int, seed: int, nodes: int, agents: int, rate_per_s: float) -> None:
    """Print the measurement."""
    model = Fleet()
    model.pool = cb.Resource(capacity=nodes * agents)
    model.gap_s = 1.0 / rate_per_s

    def run(duration_s: float) -> Any:
        window = cb.Window(warmup=0.0, duration=duration_s)
        return cb.Experiment(model, replications=1, window=window, seed=seed).run()[model]

    run(WARM_UP_S)
    started = time.process_time()
    found = run(requests / rate_per_s)
    cpu_s = time.process_time() - started
    served, sojourn_s = (float(output.values[0, 0]) for output in (found.served, found.sojourn_s))
    engine = f"cimba {version('cimba')}"
    print(
        json.dumps({"cpu_s": cpu_s, "mean_sojourn_s": sojourn_s / served, "requests": int(served), "version": engine})
    )


if __name__ == "__main__":
    sizes = [int(word) for word in sys.argv[1:5]]
    main(sizes[0], sizes[1], sizes[2], sizes[3], float(sys.argv[5]))
