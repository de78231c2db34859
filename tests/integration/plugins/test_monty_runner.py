"""The Monty runner: same plugin as in a worker; deterministic; nothing to reach; limits always on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sim.integration.plugins.runners.base import PluginEnded, PluginRaised, PluginRefused, RunnerLimits
from sim.integration.plugins.runners.monty import MontyRunner
from sim.integration.plugins.runners.monty_pool import MontyPool
from sim.runtime.virtual import VirtualRuntime
from tests.integration.plugins.stage import STAGES, AnyRuntime, Host, nursery, on_live, source

POOLS: list[MontyPool] = []


@pytest.fixture(scope="module")
def pool() -> Iterator[MontyPool]:
    """One pool behind every wall that this machine gives."""
    runtime = VirtualRuntime()
    runtime.run_task(nursery().start(runtime, 30.0))
    runtime.close()
    made = MontyPool(nursery().reached)
    yield made
    made.close()


class Sandbox:
    """One plugin in Monty, driven from plain test code on virtual time."""

    def __init__(self, pool: MontyPool, plugin: Any, limits: RunnerLimits | None = None) -> None:
        self.runtime, self.host = VirtualRuntime(), Host()
        self.runner = MontyRunner(self.runtime, pool, self.host, limits)
        self.hooks = self.runtime.run_task(self.runner.start(plugin))

    def call(self, payload: Any = None, hook: str = "run", deadline_s: float = 20.0) -> Any:
        return self.runtime.run_task(self.runner.call(hook, payload, deadline_s))

    def close(self) -> None:
        self.runtime.run_task(self.runner.stop())
        self.runtime.close()


@pytest.fixture
def monty(pool: MontyPool) -> Iterator[Any]:
    """`monty(source, limits)` makes a `Sandbox` that ends with the test."""
    made: list[Sandbox] = []

    def make(plugin: Any, limits: RunnerLimits | None = None) -> Sandbox:
        made.append(Sandbox(pool, plugin, limits))
        return made[-1]

    yield make
    for each in made:
        each.close()


CLASS = """
    class Plugin:
        def __init__(self, context):
            self.context, self.count = context, 0
        def plain(self, payload):
            self.count += 1
            return [payload, self.count, self.context.plugin_id, self.context.settings["limit"]]
        async def asks(self, payload):
            told = [await self.context.call("double", value=payload)]
            try:
                await self.context.call("launch")
            except PermissionError as error:
                told.append(str(error))
            return told
"""


def test_a_plugin_of_a_worker_runs_unchanged(monty: Any) -> None:
    stage = monty(source(CLASS, "plain", "asks", "absent", limit=3))
    assert stage.hooks == ("plain", "asks")
    assert stage.call({"a": [1.5, None]}, "plain") == [{"a": [1.5, None]}, 1, "custom.test", 3]
    assert stage.call(21, "asks") == [42, "launch is not granted"]
    assert stage.host.asked == [("double", {"value": 21}), ("launch", {})]


def test_functions_of_a_module_are_hooks_too(monty: Any) -> None:
    assert monty(source("def run(payload): return payload + 1")).call(1) == 2


def test_the_level_told_is_that_of_its_walls(pool: MontyPool, monty: Any) -> None:
    stage = monty(source("def run(payload): return 1"))
    assert stage.runner.isolation() == f"monty+{pool.level}"


def test_less_than_is_required_is_refused() -> None:
    runtime = VirtualRuntime()
    runner = MontyRunner(runtime, MontyPool(), Host(), required="confined")
    with pytest.raises(PluginRefused, match="isolation confined"):
        runtime.run_task(runner.start(source("def run(payload): return 1")))
    runtime.close()


def test_clock_and_chance_are_given(monty: Any) -> None:
    code = """
        import random, time, datetime
        def run(payload):
            return [random.random(), time.time(), time.monotonic(), time.time_ns(), str(datetime.datetime.now())]
    """
    told = []
    for _ in range(2):
        stage = monty(source(code))
        stage.runtime.run_task(stage.runtime.sleep(7.5))
        told.append([stage.call(), stage.call()])
    assert told[0] == told[1]
    assert told[0][0][0] != told[0][1][0]
    assert told[0][0][1:] == [7.5, 7.5, 7_500_000_000, "1970-01-01 00:00:07.500000"]


def test_sleeping_takes_no_time(monty: Any) -> None:
    stage = monty(source("import time\ndef run(payload):\n    time.sleep(1000)\n    return 1"))
    assert stage.call(deadline_s=5.0) == 1


ESCAPES = {
    "files": "open('/etc/passwd').read()",
    "paths": "import pathlib\npathlib.Path('/etc/passwd').read_text()",
    "environment": "import os\nos.environ['PATH']",
    "listing": "import os\nos.listdir('/')",
    "socket": "import socket",
    "subprocess": "import subprocess",
    "ctypes": "import ctypes",
    "threads": "import threading",
    "signals": "import signal",
    "host's packages": "import sim",
    "eval of a builtin": "__import__('os').system('true')",
    "class walk": "().__class__.__mro__[1].__subclasses__()",
    "globals of a function": "(lambda: 0).__globals__",
    "code of a function": "(lambda: 0).__code__.co_consts",
    "frames": "import sys\nsys._getframe()",
    "builtins": "__builtins__",
    "pickle": "import pickle",
    "exit": "import sys\nsys.exit(1)",
    "format walk": "'{0.__class__.__mro__}'.format(1) and [].__reduce__()",
    "host call by another name": "_victor_host('x')",
    "host call without a name": "_victor_ask(1, 2)",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_escape_from_monty_is_an_exception(monty: Any, name: str) -> None:
    body = "\n".join("            " + line for line in ESCAPES[name].splitlines())
    stage = monty(source(f"        def run(payload):\n{body}\n            return 'escaped'\n"))
    with pytest.raises(PluginRaised):
        stage.call()
    assert stage.host.asked == []


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("while True: pass", "deadline"),
        ("x = [0] * (1 << 30)", "memory"),
        ("x = []\n    while True: x.append('y' * 100000)", "memory"),
        ("x = 'a' * (1 << 33)", "memory"),
    ],
)
def test_attack_on_montys_limits_ends_the_session_and_the_next_call_finds_a_new_one(
    monty: Any, code: str, why: str
) -> None:
    plugin = f"count = 0\ndef run(payload):\n    if payload: return 7\n    {code}"
    call_max_s = 0.2 if why == "deadline" else 10.0  # on a busy machine it takes its time to fill the memory
    stage = monty(source(plugin), RunnerLimits(call_max_s=call_max_s, memory_max_bytes=32 << 20))
    with pytest.raises(PluginEnded) as caught:
        stage.call(0)
    assert caught.value.why == why
    assert stage.call(1) == 7
    assert stage.runner.statistics().restarts_count == 1


def test_attack_by_recursion_is_typed(monty: Any) -> None:
    with pytest.raises(PluginRaised, match="RecursionError"):
        monty(source("def run(payload): return run(payload)")).call()


def test_attack_by_asking_for_ever_ends_the_session(monty: Any) -> None:
    code = """
        class Plugin:
            def __init__(self, context): self.context = context
            async def run(self, payload):
                while True: await self.context.call("double", value=1)
    """
    stage = monty(source(code), RunnerLimits(asks_max=10))
    with pytest.raises(PluginEnded, match="protocol"):
        stage.call()
    assert len(stage.host.asked) == 10


def test_attack_by_a_flood_of_output_is_bounded(monty: Any) -> None:
    stage = monty(
        source("def run(payload):\n    for _ in range(300): print('x' * 1000)"), RunnerLimits(log_max_bytes=5000)
    )
    stage.call()
    assert len(stage.runner.log) == 5000
    assert stage.runner.statistics().log_dropped_bytes == 300 * 1001 - 5000


def test_values_that_no_frame_holds_are_typed_failures(monty: Any) -> None:
    stage = monty(source("def run(payload): return payload()  if payload else object"))
    with pytest.raises(PluginRaised):
        stage.call()
    big = monty(source("def run(payload): return 'x' * (2 << 20)"))
    with pytest.raises(PluginRaised, match="FrameError"):
        big.call()


def test_a_deadline_that_is_shorter_than_the_sessions_ends_it_when_live(pool: MontyPool) -> None:
    async def body(runtime: AnyRuntime) -> tuple[str, float, int]:
        runner = MontyRunner(runtime, pool, Host())
        await runner.start(source("def run(payload):\n    while payload: pass\n    return 7"))
        began_at = runtime.now()
        with pytest.raises(PluginEnded) as caught:
            await runner.call("run", 1, 0.2)
        took_s = runtime.now() - began_at
        value = await runner.call("run", 0, 20.0)
        await runner.stop()
        return caught.value.why, took_s, value

    why, took_s, value = on_live(body)
    assert (why, value) == ("deadline", 7)
    assert 0.2 <= took_s < 2.0


@pytest.mark.parametrize("name", STAGES)
def test_the_first_call_after_a_broken_start_is_not_answered(pool: MontyPool, name: str) -> None:
    async def body(runtime: AnyRuntime) -> str:
        runner = MontyRunner(runtime, pool, Host())
        with pytest.raises(PluginRaised) as caught:
            await runner.start(source("raise ValueError('no')"))
        await runner.stop()
        return caught.value.why

    assert STAGES[name](body) == "ValueError"
