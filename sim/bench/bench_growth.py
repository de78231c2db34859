"""Time per request as the fleet grows: 12 agents a node, utilization .9, exponential service of mean 1 s.

A run is cut into six equal parts of virtual time; the first, in which the fleet fills, is left out, and the others give
the median and the spread of CPU time per request. Set-up (the real manager deploys every agent) is told apart; no
heartbeats; the compiled engine counts requests, the SimPy engine keeps them, which is what each does fastest. Each
point has a process of its own, so that memory is its own, too. Points run in turn, `ROUNDS` times (the largest fleets
once): the speed of a shared machine wanders from minute to minute by more than a curve rises.
`state_bytes` is what the compiled engine's arrays hold at the end: where it outgrows a cache the curve bends.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise, product
from typing import Any

import numpy as np

from sim.bench.assemble import assemble
from sim.bench.bench_turns import Absent
from sim.bench.compose import compose
from sim.bench.yardstick import BARE, RECORDS
from sim.errors import ConfigError
from sim.runtime.order import CONTROL

NODES = (10, 100, 1_000, 10_000, 100_000)
SIMPY_NODES_MAX = 1_000
BALANCERS = ("power_of_d", "round_robin", "least_connections")
KEPT = {"compiled": BARE, "simpy": RECORDS}  # each at its best
SHARES = {"compiled": 200, "simpy": 2}  # requests of a point, times `requests`
LIMITS = {  # times as long as with the smallest fleet
    "power_of_d": {10_000: 2.0, 100_000: 4.0},  # O(1) choosers
    "round_robin": {10_000: 2.0, 100_000: 4.0},
    "least_connections": {10_000: 4.0, 100_000: 5.0},  # logarithmic: as log(nodes) to log(10)
}
PARTS = 6
ROUNDS, ONCE_FROM = 3, 100_000  # nodes whose set-up takes minutes
MARK_KEY = 1 << 20  # after the engine's own control events
POINT_S_MAX = 3_600.0
KIB = 1024
DIED = "its process died"
COLUMNS = (
    "engine", "balancer", "nodes", "requests", "ns_per_request", "ns_per_request_low", "ns_per_request_high",
    "setup_cpu_s", "peak_rss_bytes", "state_bytes", "absent",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GrowthPoint:
    """One point of a curve; `absent` is why there is none."""

    engine: str
    balancer: str
    nodes: int
    requests: int = 0
    ns_per_request: float = float("nan")
    ns_per_request_low: float = float("nan")
    ns_per_request_high: float = float("nan")
    setup_cpu_s: float = float("nan")
    peak_rss_bytes: int = 0
    state_bytes: int = 0
    absent: str = ""

    def told(self) -> str:
        """One line."""
        head = f"{self.engine} {self.balancer} {self.nodes:,} nodes"
        if self.absent:
            return f"{head}: absent: {self.absent}"
        spread = f"{self.ns_per_request_low:,.0f} to {self.ns_per_request_high:,.0f}"
        memory = f"peak {self.peak_rss_bytes / 1e6:,.0f} MB, state {self.state_bytes / 1e6:,.1f} MB"
        return f"{head}: {self.ns_per_request:,.0f} ns a request ({spread}), set-up {self.setup_cpu_s:.1f} s, {memory}"


def measure(engine: str, balancer: str, nodes: int, requests: int, seed: int) -> GrowthPoint:
    """One point, in this process; raises `Absent` where the engine is."""
    capacity_per_s = 12.0 * nodes
    horizon_s = requests / (0.9 * capacity_per_s)
    words = [f"balancer={balancer}", f"fleet.nodes={nodes}", "arrivals.utilization_ratio=0.9", f"engine={engine}"]
    try:
        config = compose(["fleet=yardstick", *words, f"horizon_s={horizon_s!r}", f"seed={seed}", *KEPT[engine]])
        assembly = assemble(config, 0)
    except (ConfigError, ImportError) as error:
        raise Absent(str(error)) from error
    seen: list[tuple[float, int]] = []
    state: list[int] = []
    moving = assembly.world.engine

    def mark(number: int) -> None:
        seen.append((time.process_time(), moving.arrivals_count))
        if number == PARTS:
            state.append(state_bytes(getattr(moving, "k", None)))

    for number in range(PARTS + 1):
        assembly.runtime.env.call_at(horizon_s * number / PARTS, CONTROL, MARK_KEY + number, mark, number)
    assembly.run(heartbeats=False)
    parts = [(after[0] - before[0]) / max(after[1] - before[1], 1) * 1e9 for before, after in pairwise(seen[1:])]
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB
    return GrowthPoint(
        engine, balancer, nodes, seen[-1][1], statistics.median(parts), min(parts), max(parts),
        assembly.setup_cpu_s, peak_bytes, state[0],
    )  # fmt: skip


def state_bytes(state: Any) -> int:
    """Bytes of all arrays below an object of slots; 0 for None."""
    if isinstance(state, np.ndarray):
        return int(state.nbytes)
    if hasattr(state, "itemsize"):
        return len(state) * int(state.itemsize)
    if isinstance(state, (list, tuple)):
        return sum(state_bytes(part) for part in state)
    return sum(state_bytes(getattr(state, name, None)) for name in getattr(type(state), "__slots__", ()))


def growth(
    requests: int,
    seed: int,
    nodes_max: int,
    said: Callable[[str], None] = lambda _: None,
    keep: Callable[[list[GrowthPoint]], None] = lambda _: None,
) -> list[GrowthPoint]:
    """Every point of every curve, each in a process of its own, small fleets first; `keep` is told after each."""
    runs: dict[tuple[int, str, str], list[GrowthPoint]] = {
        (nodes, engine, balancer): []
        for nodes, engine, balancer in product(NODES, SHARES, BALANCERS)
        if nodes <= min(nodes_max, SIMPY_NODES_MAX if engine == "simpy" else nodes_max)
    }
    for number, place in product(range(ROUNDS), runs):
        nodes, engine, balancer = place
        if nodes >= ONCE_FROM and number < ROUNDS - 1:
            continue
        said(f"growth: round {number + 1} of {ROUNDS}: {engine}, {balancer}, {nodes:,} nodes")
        runs[place].append(_elsewhere(engine, balancer, nodes, requests * SHARES[engine], seed))
        said(runs[place][-1].told())
        keep(points_of(runs.values()))
    return points_of(runs.values())


def points_of(runs: Iterable[list[GrowthPoint]]) -> list[GrowthPoint]:
    """A point for each list of its rounds: median of the medians, lowest, highest; one round absent, all are."""
    points = []
    for rounds in filter(None, runs):
        absent = next((one for one in rounds if one.absent), None)
        middle = replace(
            rounds[-1],
            ns_per_request=statistics.median(one.ns_per_request for one in rounds),
            ns_per_request_low=min(one.ns_per_request_low for one in rounds),
            ns_per_request_high=max(one.ns_per_request_high for one in rounds),
            setup_cpu_s=statistics.median(one.setup_cpu_s for one in rounds),
            peak_rss_bytes=max(one.peak_rss_bytes for one in rounds),
        )
        points.append(middle if absent is None else absent)
    return points


def _elsewhere(engine: str, balancer: str, nodes: int, requests: int, seed: int) -> GrowthPoint:
    words = [engine, balancer, str(nodes), str(requests), str(seed)]
    command = [sys.executable, "-m", "sim.bench.bench_growth", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=POINT_S_MAX, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        return GrowthPoint(engine, balancer, nodes, absent=f"{DIED}, exit {done.returncode}: {last}")
    return GrowthPoint(**json.loads(done.stdout.splitlines()[-1]))


def too_steep(points: Sequence[GrowthPoint]) -> list[str]:
    """Whose process died, and what of the compiled curves rises more than is claimed over its smallest fleet."""
    broken = [point.told() for point in points if point.absent.startswith(DIED)]
    for balancer, limits in LIMITS.items():
        curve = {p.nodes: p for p in points if (p.engine, p.balancer) == ("compiled", balancer) and not p.absent}
        for nodes, limit in limits.items():
            if nodes in curve and NODES[0] in curve:
                times = curve[nodes].ns_per_request / curve[NODES[0]].ns_per_request
                if times > limit:
                    broken.append(f"{balancer}, {nodes:,} nodes: {times:.2f} times, claimed is at most {limit:g}")
    return broken


def cells(points: Sequence[GrowthPoint]) -> list[list[str]]:
    """Cells of `COLUMNS`."""
    rows = []
    for point in points:
        values = asdict(point)
        rows.append(["" if v != v else f"{v:.1f}" if isinstance(v, float) else str(v) for v in values.values()])
    return rows


def main(words: Sequence[str]) -> None:
    """One point as a line of JSON."""
    engine, balancer, nodes, requests, seed = words[0], words[1], *(int(word) for word in words[2:])
    try:
        point = measure(engine, balancer, nodes, requests, seed)
    except Absent as error:
        point = GrowthPoint(engine, balancer, nodes, absent=str(error))
    print(json.dumps(asdict(point)))


if __name__ == "__main__":
    main(sys.argv[1:])
