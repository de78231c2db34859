"""The yardstick on other engines: scripts of ours in interpreters of their own, and C where a compiler is.

The interpreter of a peer is named by `bench.peers.NAME=PYTHON` or by the environment variable `VICTOR_SIM_PEER_NAME`;
else it is the running one, if that can import the package. What is not there is absent, with the reason, and no part of
the project needs it. A script prints one line of JSON (`sim.bench.peers`); only its own run is timed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sim.bench.bench_turns import Absent, Contestant, Timed
from sim.measure.theory import mmc_sojourn
from sim.world.idiomatic import AGENTS, NODES, RATE_PER_S, UTILIZATION

SCRIPTS = Path(__file__).parent / "peers"
PEER_S_MAX = 900.0  # of one run
COMPILE_S_MAX = 60.0
FLAGS = ("-O3", "-march=native")


@dataclass(frozen=True, slots=True)
class Peer:
    """One package: what to import, which script, how many requests where the SimPy engine serves one."""

    package: str
    script: str
    share: float
    pooled: bool = False


PEERS = {
    "cimba": Peer("cimba", "cimba_pool.py", 5.0, pooled=True),
    "ciw": Peer("ciw", "ciw_fleet.py", 0.2),
    "happysim": Peer("happysimulator", "happysim_fleet.py", 0.2),
    "salabim": Peer("salabim", "salabim_fleet.py", 0.1),
}


def peer(name: str, requests: int, known_s: float, named: Mapping[str, str]) -> Contestant:
    """A package's contestant; `named` maps peers to interpreters, `known_s` is the yardstick's mean sojourn."""
    found = PEERS[name]

    def run(count: int, seed: int) -> Timed:
        return run_script([interpreter(name, named), str(SCRIPTS / found.script)], count, seed)

    note = f"one pooled queue, M/M/{NODES * AGENTS}: it has no choice of two" if found.pooled else ""
    expected_s = mmc_sojourn(NODES * AGENTS, UTILIZATION) if found.pooled else known_s
    return Contestant(name, max(1, round(requests * found.share)), run, expected_s, note)


def heap_loop(name: str, requests: int, known_s: float) -> Contestant:
    """Plain Python over a heap, in this interpreter."""

    def run(count: int, seed: int) -> Timed:
        return run_script([sys.executable, str(SCRIPTS / "heapq_loop.py")], count, seed)

    return Contestant(name, requests * 5, run, known_s)


def floor(name: str, requests: int, known_s: float, folder: Path) -> Contestant:
    """The hand-written C, compiled into `folder` at its first run."""

    def run(count: int, seed: int) -> Timed:
        return run_script([str(compiled_floor(folder))], count, seed)

    return Contestant(name, requests * 100, run, known_s)


def interpreter(name: str, named: Mapping[str, str]) -> str:
    """The Python that runs a peer; raises `Absent`."""
    found = named.get(name) or os.environ.get(f"VICTOR_SIM_PEER_{name.upper()}")
    if found:
        if shutil.which(found) is None:
            raise Absent("the interpreter that was named for it is not there")
        return found
    if find_spec(PEERS[name].package) is None:
        raise Absent(f"no interpreter that has it; bench.peers.{name}=PYTHON names one")
    return sys.executable


def compiled_floor(folder: Path) -> Path:
    """The program, made from `floor.c` if it is not in `folder` yet; raises `Absent` without a C compiler."""
    program = folder / "floor"
    if program.exists():
        return program
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise Absent("no C compiler")
    command = [compiler, *FLAGS, str(SCRIPTS / "floor.c"), "-lm", "-o", str(program)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_S_MAX, check=False)
    if made.returncode:
        raise Absent(f"the C compiler failed: {_last(made.stderr)}")
    return program


def run_script(command: list[str], requests: int, seed: int) -> Timed:
    """One run of a script or program; raises `Absent` when it fails or says something else than a measurement."""
    words = [str(number) for number in (requests, seed, NODES, AGENTS, RATE_PER_S)]
    try:
        done = subprocess.run([*command, *words], capture_output=True, text=True, timeout=PEER_S_MAX, check=False)
    except subprocess.TimeoutExpired:
        raise Absent(f"no answer within {PEER_S_MAX:g} s") from None
    if done.returncode:
        raise Absent(f"it failed: {_last(done.stderr)}")
    try:
        return Timed(**json.loads(done.stdout.splitlines()[-1]))
    except (IndexError, TypeError, ValueError):
        raise Absent("it gave no measurement") from None


def _last(text: str) -> str:
    """The last line of an output, without folders of this machine."""
    lines = [line for line in text.splitlines() if line.strip()]
    return re.sub(r"/\S*/", "", lines[-1])[:200] if lines else "without a word"
