"""Who runs the yardstick: our engines, idiomatic SimPy, and what `bench_peers` finds; and the ratios that are claimed.

10 nodes of 12 agents, power of two choices, utilization .9, mean service 1 s, mean sojourn 1.045 s. Our engines run
behind the real balancer on a fleet that the real manager deployed. `bare`: no heartbeats, requests counted and not
kept. `with records`: heartbeats, the request table, audits (which are not timed). `all on`: health checks, failover,
retries, hedges, breakers, admission, ejection and scaling as well, with nothing failing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from sim.bench.assemble import assemble
from sim.bench.bench_peers import PEERS, floor, heap_loop, peer
from sim.bench.bench_turns import Absent, Contestant, Speed, SpeedRow, Timed, ratio
from sim.bench.compose import compose
from sim.errors import ConfigError, InvalidRun
from sim.measure.audits import audit
from sim.measure.metrics import replication_metrics
from sim.world.idiomatic import RATE_PER_S, idiomatic_mean_sojourn_s

MEAN_SOJOURN_S = 1.045
BARE = ("stats.keep_requests=false", "stats.requests_max=0", "warmup=none")  # no warm-up to look for: small books
RECORDS = ("stats.keep_requests=true",)
EVERYTHING = (  # on, with nothing failing
    "deadline_s=300", "retry.attempts_max=3", "retry.attempt_timeout_s=100", "retry.budget_ratio=0.2",
    "hedge.after_s=60", "breaker.enabled=true", "admission.kind=concurrency", "health.detector=heartbeat_timeout",
    "health.interval_s=10", "health.ejection.enabled=true", "failover.enabled=true", "autoscaler=hpa",
    "autoscaler.min_nodes=10", "autoscaler.max_nodes=10",
)  # fmt: skip
COMPILED, RECORDED, COMPILED_ALL = "compiled engine, bare", "compiled engine with records", "compiled engine, all on"
SIMPY, SIMPY_ALL, IDIOMATIC = "simpy engine with records", "simpy engine, all on", "idiomatic simpy, bare"
FLOOR, LOOP = "C floor, by hand", "heapq loop, plain Python"
FASTER, FAST = 50.0, 20.0  # requests of a compiled run where the SimPy engine serves one, so that both take seconds
RATIOS = {  # (what, baseline) -> least ratio that is claimed, 0: none
    (COMPILED, FLOOR): 0.5,
    (COMPILED, LOOP): 0.0,
    (COMPILED, "cimba"): 10.0,
    (COMPILED, IDIOMATIC): 100.0,
    (COMPILED, "happysim"): 500.0,
    (COMPILED, "ciw"): 0.0,
    (COMPILED, "salabim"): 0.0,
    (COMPILED, SIMPY): 0.0,
    (RECORDED, COMPILED): 0.0,
    (COMPILED_ALL, COMPILED): 0.5,
    (SIMPY, IDIOMATIC): 1.0,
    (SIMPY_ALL, SIMPY): 0.7,
}


def run_engine(engine: str, requests: int, seed: int, extra: Sequence[str] = (), heartbeats: bool = True) -> Timed:
    """The yardstick through the whole house; raises `Absent` where the engine is, `InvalidRun` when an audit fails."""
    load = [f"arrivals.rate_per_s={RATE_PER_S}", f"horizon_s={requests / RATE_PER_S}", f"engine={engine}"]
    try:
        config = compose(["fleet=yardstick", "balancer=power_of_d", f"seed={seed}", *load, *extra])
        assembly = assemble(config, 0)
        record = assembly.run(heartbeats)
    except (ConfigError, ImportError) as error:
        raise Absent(str(error)) from error
    broken = [result.name for result in audit(record) if not result.passed]
    if broken:
        raise InvalidRun("yardstick", ", ".join(broken))
    mean_s = float(replication_metrics(record, 0.0, None, 0.0)["sojourn_s_mean"])
    return Timed(record.arrivals_count, assembly.load_cpu_s, mean_s)


def run_idiomatic(requests: int, seed: int) -> Timed:
    """The yardstick as SimPy's guide would have it."""
    started = time.process_time()
    mean_s = idiomatic_mean_sojourn_s(requests, seed)
    return Timed(requests, time.process_time() - started, mean_s, f"SimPy {metadata.version('simpy')}")


def contestants(requests: int, named: Mapping[str, str], folder: Path) -> list[Contestant]:
    """All; `requests` is what the SimPy engine serves, others more or fewer; `folder` takes what is compiled."""
    known_s = MEAN_SOJOURN_S
    return [
        _engine(COMPILED, "compiled", requests * FASTER, BARE, heartbeats=False),
        floor(FLOOR, requests, known_s, folder),
        _engine(RECORDED, "compiled", requests * FAST, RECORDS),
        _engine(COMPILED_ALL, "compiled", requests * FAST, (*RECORDS, *EVERYTHING)),
        heap_loop(LOOP, requests, known_s),
        peer("cimba", requests, known_s, named),
        _engine(SIMPY, "simpy", requests, RECORDS),
        Contestant(IDIOMATIC, requests, run_idiomatic, known_s),
        _engine(SIMPY_ALL, "simpy", requests, (*RECORDS, *EVERYTHING)),
        *(peer(name, requests, known_s, named) for name in PEERS if name != "cimba"),
    ]


def _engine(name: str, engine: str, requests: float, extra: Sequence[str], heartbeats: bool = True) -> Contestant:
    def run(count: int, seed: int) -> Timed:
        return run_engine(engine, count, seed, extra, heartbeats)

    return Contestant(name, round(requests), run, MEAN_SOJOURN_S)


def rows_of(speeds: Mapping[str, Speed]) -> list[SpeedRow]:
    """Every ratio that is told."""
    return [ratio(speeds[what], speeds[baseline]) for what, baseline in RATIOS]


def below_claim(rows: Sequence[SpeedRow]) -> list[str]:
    """What is claimed and was not reached; one that is absent is not judged."""
    return [
        f"{row.what} / {row.baseline}: {row.ratio:.3g}, claimed is {RATIOS[row.what, row.baseline]:g}"
        for row in rows
        if row.ratio < RATIOS[row.what, row.baseline]
    ]
