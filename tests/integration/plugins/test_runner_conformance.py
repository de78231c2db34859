"""One plugin, one stream of calls, every runner: the same values, the same asks, the same event log, byte by byte."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from sim.integration.plugins.broker.broker import Broker, HostServices
from sim.integration.plugins.broker.stub import StubFetcher
from sim.integration.plugins.inproc import InprocRunner
from sim.integration.plugins.runners.base import HostFunctions, PluginEnded, PluginRaised, PluginSource, SourceRunner
from sim.integration.plugins.runners.monty import MontyRunner
from sim.integration.plugins.runners.monty_pool import MontyPool
from sim.integration.plugins.runners.worker import WorkerRunner
from sim.runtime.events import EventLog
from sim.runtime.virtual import VirtualRuntime
from tests.integration.plugins.stage import nursery, source

ID = "custom.test"
PERMISSIONS = ["metrics.read", "tasks.submit", "http.fetch:hooks.example.com"]
CODE = """
    class Plugin:
        def __init__(self, context):
            self.context, self.count, self.nodes = context, 0, {}
        def before_route(self, payload):
            self.count += 1
            self.nodes[payload["key"]] = payload["nodes"][self.count % len(payload["nodes"])]
            return {"prefer": sorted(set(self.nodes.values())), "at": self.context.at, "count": self.count}
        async def after_response(self, payload):
            p99 = await self.context.call("metrics.read", name="sojourn_s_p99")
            if payload["sojourn_s"] > p99:
                task = await self.context.call("tasks.submit", kind="look", fields={"key": payload["key"]})
                reply = await self.context.call("http.fetch", url="https://hooks.example.com/", body=task)
                self.context.log(task)
                return [task, reply["status"]]
            try:
                await self.context.call("http.fetch", url="https://elsewhere.example.com/")
            except PermissionError as error:
                return str(error)
        def node_state_changed(self, payload):
            return 1 / payload["load"]
"""
HOOKS = ("before_route", "after_response", "node_state_changed")
CHANCE = """
    import random
    def before_route(payload): return [random.random(), random.randint(0, 10 ** 9), random.choice(payload["nodes"])]
"""
POOL = MontyPool()


@pytest.fixture(scope="module", autouse=True)
def _pool() -> Iterator[None]:
    yield
    POOL.close()


def runner_of(kind: str, runtime: VirtualRuntime, host: HostFunctions) -> SourceRunner:
    if kind == "inproc":
        return InprocRunner(runtime, host)
    return WorkerRunner(runtime, nursery(), host) if kind == "worker" else MontyRunner(runtime, POOL, host)


class Run:
    """One run of a plugin over a stream of 60 calls: what it told, the event log, what was submitted."""

    def __init__(self, kind: str, plugin: PluginSource) -> None:
        self.runtime, self.events, self.told = VirtualRuntime(), EventLog(), list[Any]()
        self.submitted: list[str] = []
        fetcher = StubFetcher()
        services = HostServices({"sojourn_s_p99": 0.5}.get, self._submit, fetcher)
        broker = Broker(self.runtime, self.events, services)
        broker.admit(ID, PERMISSIONS, PERMISSIONS)
        self.runner = runner_of(kind, self.runtime, broker)
        self.runtime.run_task(self._stream(plugin))
        self.runtime.close()
        self.fetched = fetcher.count

    def _submit(self, kind: str, fields: dict[str, Any]) -> str:
        self.submitted.append(f"{kind} {fields}")
        return f"task-{len(self.submitted)}"

    async def _stream(self, plugin: PluginSource) -> None:
        await self.runner.start(plugin)
        for number in range(60):
            await self.runtime.sleep(0.25)
            hook = plugin.hooks[number % len(plugin.hooks)]
            payload = {"key": number * 7 % 11, "nodes": ["a", "b", "c"], "sojourn_s": number * 37 % 100 / 100}
            payload["load"] = number % 4
            try:
                value: Any = await self.runner.call(hook, payload, 20.0)
            except (PluginRaised, PluginEnded) as error:
                value = f"{error.where} {error.why}"
            self.told.append(value)
            self.events.write(self.runtime.now(), "hook", ID, hook=hook, value=value)
        await self.runner.stop()


def test_every_runner_tells_the_same_to_the_last_byte() -> None:
    runs = {kind: Run(kind, source(CODE, *HOOKS)) for kind in ("inproc", "worker", "monty")}
    first = runs["inproc"]
    assert first.submitted != []
    assert first.fetched == len(first.submitted)
    assert "node_state_changed ZeroDivisionError" in first.told
    assert "http.fetch:elsewhere.example.com:443 is not in its manifest" in first.told
    for run in runs.values():
        assert run.told == first.told
        assert run.submitted == first.submitted
        assert run.events.digest() == first.events.digest()


@pytest.mark.parametrize("kind", ["worker", "monty"])
def test_same_seed_same_log_and_another_seed_another(kind: str) -> None:
    plugin = source(CHANCE, "before_route")
    first, again = Run(kind, plugin), Run(kind, plugin)
    other = Run(kind, dataclasses.replace(plugin, seed=8))
    assert first.events.digest() == again.events.digest()
    assert first.events.digest() != other.events.digest()
