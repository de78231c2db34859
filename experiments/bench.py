"""victor-sim bench [requests=N] [seed=S] [rounds=R] [bench.peers.NAME=PYTHON] [--out FILE]
victor-sim bench --growth [requests=N] [nodes_max=N] | --large | --day | --start | --plugins | --timings FILE
victor-sim bench --gateway [rounds=R] [seconds=S] [rate=N] | --source | --sweep [requests=N] [--out FILE]

Speed, as ratios in one run. Without a flag: the yardstick (10 nodes of 12 agents, power of two, utilization .9) on the
compiled engine, SimPy, idiomatic SimPy, C by hand, a plain heapq loop, and cimba, ciw, happysim and salabim where an
interpreter has them (bench.peers.NAME=PYTHON or the variable VICTOR_SIM_PEER_NAME). `requests`: what SimPy serves a
round. --growth: time per request from 10 to 100,000 nodes (half an hour). --large: 10^8 requests in one run, with
their memory. --day: a day of 10,000 agents with the control plane on. --start: how soon a first and a later process
has its answer. --plugins: isolation, probe by probe, and the speed of the runners. --gateway: beside a bare ASGI
application and plain FastAPI. --source: the source's load test and figures. --sweep: two cores over one, and what the
harness costs a point. Results go to results/bench (FILE), results/plugins, results/gateway, results/source.
--timings FILE holds pytest-benchmark's JSON against the last kept.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sim.errors import ConfigError
from sim.experiments.words import Words, parse, settings

DEFAULTS = {"requests": 100_000, "seed": 1, "rounds": 5, "nodes_max": 100_000}
SWEEP_REQUESTS = 24_000_000  # of a point: more than five seconds of a core
SIMPY_SLOWER = 70  # about as many times: a point of it takes as long
FLAGS = ("--growth", "--large", "--day", "--start", "--plugins", "--gateway", "--source", "--sweep")
OUT = "results/bench/bench.csv"
SOURCE_OUT = "results/source/source.csv"
GATEWAY_OUT = "results/gateway/bench.csv"
PEER = "bench.peers."


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when a ratio or a limit that is claimed was not reached."""
    words = parse(arguments, FLAGS, ("--out", "--timings"))
    if "--gateway" in words.flags:
        return _gateway(words)
    if "--source" in words.flags:
        return _source(words)
    named = _peers(words)
    if "--sweep" in words.flags:
        return _sweep(words)
    asked = settings(words, DEFAULTS)
    out = Path(words.values.get("--out", OUT))
    if "--timings" in words.values:
        from sim.bench.bench_compare import compare

        print("\n".join(compare(Path(words.values["--timings"]), out.parent / "benchmark.json")))
        return 0
    if "--plugins" in words.flags:
        return _plugins(out.parent.parent / "plugins")
    if words.flags:
        return _long(words.flags, asked, out.parent)
    from sim.bench.bench_tables import lines_of
    from sim.bench.bench_turns import in_turn
    from sim.bench.yardstick import below_claim, contestants, rows_of
    from sim.report.bench_pages import write_yardstick

    with TemporaryDirectory() as folder:
        found = in_turn(contestants(asked["requests"], named, Path(folder)), asked["seed"], asked["rounds"], _say)
    rows, speeds = rows_of(found), list(found.values())
    print("\n".join(lines_of(speeds, rows)))
    write_yardstick(out, speeds, rows, [f"{key}={asked[key]}" for key in ("requests", "seed", "rounds")])
    return _failed(below_claim(rows))


def _gateway(words: Words) -> int:
    from sim.live.bench_gateway import bench_gateway, bench_paced, write

    asked = settings(words, {"rounds": 5, "seconds": 5, "rate": 500})
    ratios = bench_gateway(float(asked["seconds"]), asked["rounds"], _say)
    paced = bench_paced(float(asked["seconds"]), asked["rounds"], float(asked["rate"]), _say)
    for ratio in ratios:
        what, baseline, median, low, high, per_s, *_ = ratio.cells()
        print(f"{what} over {baseline}: {median} ({low} to {high}), {per_s} requests/s")
    for one in paced:
        half, tail, _ = one.quantiles_ms()
        told = f"p50 {half[0]:.2f} ms, p99 {tail[0]:.2f} ms ({tail[1]:.2f} to {tail[2]:.2f})"
        print(f"{one.what} at {one.rate_per_s:g}/s: {told}")
    command = "victor-sim bench --gateway " + " ".join(f"{key}={asked[key]}" for key in ("rounds", "seconds", "rate"))
    write(Path(words.values.get("--out", GATEWAY_OUT)).parent, ratios, command, paced)
    below = [ratio for ratio in ratios if ratio.median < ratio.claimed]
    return _failed([f"{one.what} over {one.baseline}: {one.median:.2f}, claimed {one.claimed:g}" for one in below])


def _source(words: Words) -> int:
    from sim.live.source_bench import source_bench
    from sim.live.source_page import broken, lines_of, write

    settings(words, {})
    figures, test = source_bench(_say)
    print("\n".join(lines_of(figures, test)))
    write(Path(words.values.get("--out", SOURCE_OUT)), figures, test)
    return _failed(broken(figures, test))


def _long(flags: set[str], asked: dict[str, int], folder: Path) -> int:
    from sim.bench import bench_growth, bench_long
    from sim.report.bench_pages import write_growth

    runs = []
    for flag, run in (("--start", bench_long.starts), ("--large", bench_long.large), ("--day", bench_long.day)):
        if flag in flags:
            done = run(asked["seed"])
            runs += done if isinstance(done, list) else [done]
    for one in runs:
        print(one.told())
    if runs:
        bench_long.keep(folder / "long.csv", runs)
    broken = [one.broken for one in runs if one.broken]
    if "--growth" in flags:

        def keep(points: list[bench_growth.GrowthPoint]) -> None:
            write_growth(folder, points)  # after each point: an interrupt loses only what was under way

        points = bench_growth.growth(asked["requests"], asked["seed"], asked["nodes_max"], _say, keep)
        print("\n".join(point.told() for point in points))
        broken += bench_growth.too_steep(points)
    return _failed(broken)


def _sweep(words: Words) -> int:
    asked = settings(words, {"requests": SWEEP_REQUESTS, "seed": 1})
    folder = Path(words.values.get("--out", OUT)).parent
    from sim.bench.bench_sweep import harness, keep, two_cores

    figures = [harness(asked["seed"])]
    print(figures[-1].told(), flush=True)
    keep(folder / "sweep.csv", figures)
    for engine, requests in (("compiled", asked["requests"]), ("simpy", max(1, asked["requests"] // SIMPY_SLOWER))):
        figures.append(two_cores(requests, asked["seed"], engine=engine))
        print(figures[-1].told(), flush=True)
        keep(folder / "sweep.csv", figures)
    return _failed([figure.broken for figure in figures if figure.broken])


def _plugins(folder: Path) -> int:
    from os import cpu_count, getloadavg

    from sim.bench.plugin_pages import faults_of, write
    from sim.bench.plugin_probes import lines_of, table
    from sim.bench.plugin_speed import measure

    _say("sixteen probes in each runner and behind each wall")
    found = table()
    print("\n".join(lines_of(found)))
    _say("speed of the runners")
    speeds = measure()
    print("\n".join(speed.told() for speed in speeds))
    write(folder, found, speeds, f"load average {getloadavg()[0]:.1f} on {cpu_count()} cores")
    return _failed([*faults_of(found), *(speed.broken for speed in speeds if speed.broken)])


def _peers(words: Words) -> dict[str, str]:
    """Interpreters by peer, taken out of the overrides."""
    from sim.bench.bench_peers import PEERS

    named = {}
    for text in [text for text in words.overrides if text.startswith(PEER)]:
        name, _, python = text.removeprefix(PEER).partition("=")
        if name not in PEERS:
            raise ConfigError(f"{PEER}{name}", python, f"a peer: {', '.join(PEERS)}")
        named[name] = python
        words.overrides.remove(text)
    return named


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def _failed(broken: Sequence[str]) -> int:
    for line in broken:
        print(f"not reached: {line}")
    return int(bool(broken))
