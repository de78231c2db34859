"""schemathesis against the gateway's own OpenAPI document, over a socket: it finds nothing.

Every part is connected (a real manager and its balancer; plugins and optimizer by stand-ins), every check is on, a
failure does not end the search. The bearer scheme is taken out of the document, because two credentials at once are
refused by design.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sim import APIGateway, DistributedManager
from sim.integration.gateway.tasks import RoutedTasks


class StandIns:
    """A plugin manager that knows one plugin, and an optimizer that knows one target."""

    def list_plugins(self) -> list[dict[str, str]]:
        return [{"plugin_id": "one"}]

    def routes_to(self, desk: Any) -> None:
        """It brings none."""

    def list_results(self) -> list[dict[str, str]]:
        return []

    async def optimize_agent(self, agent_id: str, target: Any) -> dict[str, Any]:
        return {"agent_id": agent_id, "target": target}

    async def _change(self, plugin_id: str) -> bool:
        if plugin_id != "one":
            raise KeyError(plugin_id)
        return True

    load_plugin = enable_plugin = disable_plugin = unload_plugin = reload_plugin = _change

    @staticmethod
    def target(name: str) -> str:
        if name != "response_time":
            raise KeyError(name)
        return name


class Background:
    """A gateway that serves from a thread with an event loop of its own."""

    def __init__(self, state: Path) -> None:
        self.state, self.ready = state, threading.Event()
        self.thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.key = ""
        self.failures: list[str] = []

    async def _serve(self) -> None:
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        manager, others = DistributedManager({"auto_scaling": False}), StandIns()
        self.gateway = gateway = APIGateway(
            {"port": 0, "default_rate_limit": 10**9, "task_wait_max_s": 0.1}, manager=manager, plugins=others,
            optimizer=others, targets=others.target, tasks=RoutedTasks(manager), state=self.state,
        )  # fmt: skip
        self.key = gateway.issue_key("tester", "admin")
        await gateway.start()
        self.ready.set()
        await self.over.wait()
        await gateway.stop()

    def document(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(json.dumps(self.gateway.openapi()))
        del told["components"]["securitySchemes"]["bearer"]
        for methods in told["paths"].values():
            for operation in methods.values():
                operation["security"] = [one for one in operation["security"] if "bearer" not in one]
        return told


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Background]:
    background = Background(tmp_path)
    background.thread.start()
    assert background.ready.wait(30.0)
    yield background
    background.loop.call_soon_threadsafe(background.over.set)
    background.thread.join(30.0)
    assert not background.thread.is_alive()


def searched(served: Background, folder: Path, *options: str) -> str:
    """What schemathesis says; fails with it when it finds anything."""
    spec = folder / "openapi.json"
    spec.write_text(json.dumps(served.document()), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", str(spec), "--url",
         f"http://127.0.0.1:{served.gateway.port}", "-H", f"X-API-Key: {served.key}", "--continue-on-failure",
         "--no-color", "--seed", "1", *options],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6_000:] + done.stderr[-2_000:]
    assert "Tested: 29" in done.stdout, done.stdout[-2_000:]
    assert " passed" in done.stdout, done.stdout[-2_000:]
    return done.stdout


def test_it_finds_nothing_in_a_short_search(served: Background, tmp_path: Path) -> None:
    told = searched(served, tmp_path, "--max-examples", "3", "--phases", "coverage,fuzzing")
    assert "Failures:" not in told
    assert not [row for row in served.gateway.access_log.rows if row.status >= 500 and row.status != 501]


@pytest.mark.soak
def test_it_finds_nothing_in_a_hundred_examples_of_everything(served: Background, tmp_path: Path) -> None:
    told = searched(served, tmp_path, "--max-examples", "100")
    assert "Failures:" not in told
    assert not [row for row in served.gateway.access_log.rows if row.status == 500]
