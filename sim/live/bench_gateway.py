"""How much the gateway costs: requests a second beside a bare ASGI application and a plain FastAPI route, in one run.

All four are served by the same server class on one uvloop, one after the other in every round, and hammered by a client
process over 16 kept connections. A ratio is taken within each round; the median over the rounds is told, with the
lowest and highest. CPU seconds of the serving process per request are told too: they depend less on what else runs.
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop
from fastapi import FastAPI

from sim.bench.machine import facts
from sim.integration.gateway import gateway as room
from sim.integration.gateway.fleet_face import node_dict
from sim.integration.gateway.ports import Receive, Scope, Send
from sim.integration.gateway.settings import GatewayConfig
from sim.live.bench_paced import Paced, page_lines, write_csv
from sim.live.entropy import system_entropy
from sim.live.server import UvicornServer
from sim.scalability.manager import DistributedManager

BARE, CORE, PLAIN, FULL = "bare ASGI", "gateway core", "plain FastAPI", "gateway, FastAPI endpoint"
CLAIMS = ((CORE, BARE, 0.5), (FULL, PLAIN, 0.8))
CONNECTIONS = 16
COLUMNS = ("what", "baseline", "ratio", "ratio_low", "ratio_high", "requests_per_s", "cpu_us_per_request",
           "baseline_cpu_us_per_request")  # fmt: skip
BODY = b'{"ok":true}'


@dataclass(frozen=True, slots=True)
class Turn:
    """One contestant in one round."""

    per_s: float
    cpu_s: float  # of the server, per request


@dataclass(frozen=True, slots=True)
class Ratio:
    """A contestant over its baseline; `claimed` is what it should reach."""

    what: str
    baseline: str
    claimed: float
    ratios: tuple[float, ...]
    turns: tuple[Turn, ...]
    baseline_turns: tuple[Turn, ...]

    @property
    def median(self) -> float:
        """Of the rounds."""
        return statistics.median(self.ratios)

    def cells(self) -> list[str]:
        """Cells of `COLUMNS`."""
        cpu_us = [1e6 * statistics.median(turn.cpu_s for turn in turns) for turns in (self.turns, self.baseline_turns)]
        per_s = statistics.median(turn.per_s for turn in self.turns)
        numbers = [self.median, min(self.ratios), max(self.ratios)]
        return [self.what, self.baseline, *(f"{one:.3f}" for one in numbers), f"{per_s:.0f}",
                *(f"{one:.1f}" for one in cpu_us)]  # fmt: skip


class Bare:
    """What an ASGI application costs that does nothing."""

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The same few bytes for all."""
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": BODY})


class Plain(Bare):
    """The gateway's endpoint as FastAPI alone serves it."""

    def __init__(self, config: GatewayConfig, manager: DistributedManager) -> None:
        super().__init__(config)
        self.app: Any = FastAPI(openapi_url=None)

        @self.app.get("/v1/nodes")
        async def list_nodes() -> Any:
            return [node_dict(info) for info in manager.list_nodes()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """FastAPI's answer."""
        await self.app(scope, receive, send)


def contestants() -> dict[str, tuple[Any, str, str]]:
    """Name -> application, path, key; made inside the loop that serves them."""
    config = GatewayConfig.of({"port": 0, "default_rate_limit": 10**9})
    manager = DistributedManager({"auto_scaling": False})
    gateway = room.APIGateway(config, manager=manager, entropy=system_entropy)
    key = gateway.issue_key("bench", "read")

    async def echo() -> dict[str, bool]:
        return {"ok": True}

    gateway.register_endpoint("/echo", "GET", echo)
    return {
        BARE: (Bare(config), "/v1/echo", ""),
        CORE: (gateway, "/v1/echo", key),
        PLAIN: (Plain(config, manager), "/v1/nodes", ""),
        FULL: (gateway, "/v1/nodes", key),
    }


async def told_by_client(module: str, app: Any, path: str, key: str, *words: str) -> tuple[dict[str, Any], float]:
    """What a client process (`python -m module PORT PATH ...`) says of an application, and the server's CPU seconds."""
    server = UvicornServer(app)
    port = await server.start()
    try:
        cpu_s = time.process_time()
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, str(port), path, *words, stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "VICTOR_SIM_KEY": key},
        )  # fmt: skip
        told, _ = await client.communicate()
        cpu_s = time.process_time() - cpu_s
    finally:
        await server.stop()
    found = json.loads(told)
    assert not found["failures"], f"{app!r} did not answer 200 to all"
    return found, cpu_s


async def _turn(app: Any, path: str, key: str, seconds: float) -> Turn:
    found, cpu_s = await told_by_client("sim.live.hammer", app, path, key, str(seconds), str(CONNECTIONS))
    return Turn(found["answers"] / found["seconds"], cpu_s / found["answers"])


async def _rounds(seconds: float, rounds: int, say: Callable[[str], None]) -> dict[str, list[Turn]]:
    field = contestants()
    found: dict[str, list[Turn]] = {name: [] for name in field}
    for number in range(rounds):
        for name, (app, path, key) in field.items():
            turn = await _turn(app, path, key, seconds)
            found[name].append(turn)
            say(f"round {number + 1} of {rounds}: {name} {turn.per_s:,.0f}/s, {1e6 * turn.cpu_s:.0f} us CPU a request")
    return found


async def _paced(seconds: float, rounds: int, rate_per_s: float, say: Callable[[str], None]) -> list[Paced]:
    found: dict[str, list[tuple[float, ...]]] = {}
    for number in range(rounds):
        for name, (app, path, key) in contestants().items():
            words = (str(seconds), str(CONNECTIONS), str(rate_per_s))
            told, _ = await told_by_client("sim.live.pacer", app, path, key, *words)
            found.setdefault(name, []).append(tuple(told["latencies_s"]))
            say(f"round {number + 1} of {rounds}: {name} paced at {rate_per_s:g}/s")
    return [Paced(name, rate_per_s, tuple(turns)) for name, turns in found.items()]


def bench_paced(seconds: float, rounds: int, rate_per_s: float, say: Callable[[str], None]) -> list[Paced]:
    """Latencies of all four at a fixed rate, counted from when each request was due."""
    return uvloop.run(_paced(seconds, rounds, rate_per_s, say))


def bench_gateway(seconds: float, rounds: int, say: Callable[[str], None]) -> list[Ratio]:
    """The ratios that are claimed, measured."""
    found = uvloop.run(_rounds(seconds, rounds, say))
    ratios = []
    for what, baseline, claimed in CLAIMS:
        pairs = zip(found[what], found[baseline], strict=True)
        each = tuple(mine.per_s / theirs.per_s for mine, theirs in pairs)
        ratios.append(Ratio(what, baseline, claimed, each, tuple(found[what]), tuple(found[baseline])))
    return ratios


def write(folder: Path, ratios: list[Ratio], command: str, paced: Sequence[Paced] = ()) -> None:
    """`bench.csv`, `latency.csv` of what was paced, and a page beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "bench.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(ratio.cells() for ratio in ratios)
    head = [
        "# What the gateway costs",
        "",
        f"`{command}`",
        "",
        *(f"- {name}: {value}" for name, value in facts().items()),
        "",
    ]
    table = ["| what | beside | ratio (lowest, highest round) | requests a second | CPU a request, us | beside, us |",
             "| --- | --- | --- | --- | --- | --- |"]  # fmt: skip
    for ratio in ratios:
        what, beside, median, low, high, per_s, cpu, cpu_beside = ratio.cells()
        table.append(f"| {what} | {beside} | {median} ({low}, {high}) | {per_s} | {cpu} | {cpu_beside} |")
    how = (
        "Key, limit, route, headers, metrics and both logs are on. One serving process, one client process, "
        f"{CONNECTIONS} kept connections, closed loops: requests a second, not latencies."
    )
    if paced:
        write_csv(folder, paced)
    text = [*head, *table, "", how, *([""] if paced else []), *page_lines(paced)]
    (folder / "README.md").write_text("\n".join(text) + "\n", encoding="utf-8")
