"""The worker runner: loads, answers, fails in types, is killed and comes back; the same on both runtimes."""

from __future__ import annotations

from typing import Any

import pytest

from sim.integration.plugins.runners.base import PluginEnded, PluginRaised, PluginRefused, RunnerLimits
from sim.integration.plugins.runners.nursery import Nursery
from sim.integration.plugins.runners.worker import WorkerRunner
from tests.integration.plugins.stage import STAGES, AnyRuntime, Host, nursery, source

ECHO = "def run(payload): return payload"


def test_plain_values_come_back_as_they_went(worker: Any) -> None:
    stage = worker(source(ECHO))
    for value in (None, True, -1, 2**63 - 1, 0.1, float("inf"), "ä", b"\x00", [1, [2]], {"a": {"b": [None]}}):
        assert stage.call(value) == value
    assert stage.hooks == ("run",)


def test_a_class_with_settings_and_a_sibling_module_is_loaded(worker: Any) -> None:
    code = """
        from . import helper
        class Plugin:
            def __init__(self, context):
                self.context, self.count = context, 0
            def run(self, payload):
                self.count += 1
                return [helper.NAME, self.context.settings["limit"], self.context.plugin_id, self.count]
    """
    stage = worker(source(code, files={"helper.py": "NAME = 'helper'"}, limit=3))
    assert stage.call() == ["helper", 3, "custom.test", 1]
    assert stage.call() == ["helper", 3, "custom.test", 2]


def test_a_host_function_is_awaited_and_a_refusal_is_told(worker: Any) -> None:
    code = """
        class Plugin:
            def __init__(self, context):
                self.context = context
            async def run(self, payload):
                told = [await self.context.call("double", value=payload)]
                try:
                    await self.context.call("launch")
                except PermissionError as error:
                    told.append(str(error))
                return told
    """
    stage = worker(source(code))
    assert stage.call(21) == [42, "launch is not granted"]
    assert stage.host.asked == [("double", {"value": 21}), ("launch", {})]
    assert stage.runner.statistics().asks_count == 2


def test_an_exception_is_typed_and_the_plugin_goes_on(worker: Any) -> None:
    stage = worker(source("def run(payload): return 1 / payload"))
    with pytest.raises(PluginRaised) as caught:
        stage.call(0)
    assert (caught.value.plugin_id, caught.value.where, caught.value.why) == ("custom.test", "run", "ZeroDivisionError")
    assert stage.call(4) == 0.25
    assert stage.runner.statistics().raised_count == 1


def test_a_fault_while_loading_names_the_exception(worker: Any) -> None:
    with pytest.raises(PluginRaised) as caught:
        worker(source("import nothing_like_it"))
    assert (caught.value.where, caught.value.why) == ("start", "ModuleNotFoundError")


@pytest.mark.parametrize("name", STAGES)
def test_a_call_that_does_not_end_is_killed_and_the_next_one_finds_a_new_process(name: str) -> None:
    async def body(runtime: AnyRuntime) -> tuple[str, int, int | None, int | None, float]:
        runner = WorkerRunner(runtime, nursery(), Host())
        await runner.start(source("def run(payload):\n    while payload: pass\n    return 7"))
        first = runner.pid
        began_at = runtime.now()
        with pytest.raises(PluginEnded) as caught:
            await runner.call("run", 1, 0.2)
        took_s = runtime.now() - began_at
        value = await runner.call("run", 0, 20.0)
        second = runner.pid
        await runner.stop()
        return caught.value.why, value, first, second, took_s

    why, value, first, second, took_s = STAGES[name](body)
    assert (why, value) == ("deadline", 7)
    assert first != second
    assert took_s == 0.0 if name == "virtual" else 0.2 <= took_s < 2.0


@pytest.mark.parametrize("name", STAGES)
def test_calls_at_once_are_answered_in_order(name: str) -> None:
    async def body(runtime: AnyRuntime) -> list[Any]:
        runner = WorkerRunner(runtime, nursery(), Host())
        await runner.start(source("seen = []\ndef run(payload):\n    seen.append(payload)\n    return list(seen)"))
        tasks = [runtime.spawn(runner.call("run", number, 20.0)) for number in range(5)]
        told = [await task.join() for task in tasks]
        await runner.stop()
        return told

    assert STAGES[name](body) == [list(range(count)) for count in range(1, 6)]


def test_one_call_too_many_that_waits_is_refused() -> None:
    async def body(runtime: AnyRuntime) -> list[str]:
        runner = WorkerRunner(runtime, nursery(), Host(), RunnerLimits(waiting_max=2))
        await runner.start(source("import time\ndef run(payload): time.sleep(0.05)"))

        async def call() -> str:
            try:
                await runner.call("run", None, 20.0)
            except PluginEnded as error:
                return error.why
            return "ok"

        tasks = [runtime.spawn(call()) for _ in range(5)]
        told = [await task.join() for task in tasks]
        await runner.stop()
        return told

    assert STAGES["live"](body) == ["ok", "ok", "ok", "busy", "busy"]


def test_stop_ends_the_call_under_way() -> None:
    async def body(runtime: AnyRuntime) -> str:
        runner = WorkerRunner(runtime, nursery(), Host())
        await runner.start(source("def run(payload):\n    while True: pass"))

        async def call() -> str:
            with pytest.raises(PluginEnded) as caught:
                await runner.call("run", None, 60.0)
            return caught.value.why

        task = runtime.spawn(call())
        await runtime.sleep(0)
        await runner.stop()
        return str(await task.join())

    assert STAGES["live"](body) == "exit"


def test_a_cancelled_call_ends_its_process() -> None:
    async def body(runtime: AnyRuntime) -> tuple[str, int]:
        runner = WorkerRunner(runtime, nursery(), Host())
        await runner.start(source("def run(payload):\n    while payload: pass\n    return 5"))
        with pytest.raises(TimeoutError):
            async with runtime.timeout(0.05):
                await runner.call("run", 1, 60.0)
        why = runner.statistics().last_ended
        value = await runner.call("run", 0, 20.0)
        await runner.stop()
        return why, value

    assert STAGES["live"](body) == ("cancelled", 5)


def test_restarts_have_a_bound(worker: Any) -> None:
    stage = worker(source("import os\ndef run(payload): os._exit(0)"), limits=RunnerLimits(restarts_max=2))
    for _ in range(3):
        with pytest.raises(PluginEnded, match="exit"):
            stage.call()
    with pytest.raises(PluginEnded, match="started anew 2 times"):
        stage.call()
    assert stage.runner.statistics().restarts_count == 2


def test_a_machine_that_gives_less_than_is_required_refuses(worker: Any) -> None:
    with pytest.raises(PluginRefused, match="isolation sealed"):
        worker(source(ECHO), layers=("rlimits", "identity", "seccomp"), required="sealed")


def test_a_nursery_that_dies_is_started_again() -> None:
    async def body(runtime: AnyRuntime) -> tuple[Any, int]:
        mine = Nursery()
        runner = WorkerRunner(runtime, mine, Host())
        await runner.start(source(ECHO))
        assert mine._process is not None
        mine._process.kill()
        mine._process.wait()
        with pytest.raises(PluginEnded) as caught:
            await runner.call("run", 1, 20.0)
        value = await runner.call("run", 2, 20.0)
        await runner.stop()
        mine.close()
        return caught.value.why, value

    assert STAGES["virtual"](body) == ("exit", 2)


def test_what_is_printed_is_its_own_log_and_bounded(worker: Any) -> None:
    stage = worker(source("def run(payload): print(payload)"), limits=RunnerLimits(log_max_bytes=1000))
    stage.call("hello \x1b[31m")
    assert stage.runner.log.text() == "hello \\x1b[31m\n"
    for _ in range(20):
        stage.call("x" * 100)
    assert len(stage.runner.log) == 1000
    assert stage.runner.statistics().log_dropped_bytes == len("hello \x1b[31m\n") + 20 * 101 - 1000
