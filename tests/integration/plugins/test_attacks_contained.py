"""Attacks that no kernel denies: on processor, memory, the host's patience and its parser. All are contained."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
from pathlib import Path
from typing import Any

import pytest

from sim.integration.plugins.runners.base import PluginEnded, PluginRaised, RunnerLimits
from sim.integration.plugins.runners.worker import WorkerRunner
from tests.integration.plugins.hostile import hostile
from tests.integration.plugins.stage import AnyRuntime, Host, nursery, on_live, source


def ended(stage: Any, code: str, deadline_s: float = 20.0) -> str:
    """Why the process was ended by this code; the next call finds a new one."""
    before = stage.runner.pid
    with pytest.raises(PluginEnded) as caught:
        stage.call(code, deadline_s=deadline_s)
    assert stage.call("told = 1 + 1") == 2
    assert stage.runner.pid != before
    return caught.value.why


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "import time; time.sleep(1000)",
        "import signal; signal.sigwait([signal.SIGUSR1])",
        "import threading; threading.Event().wait()",
        "import re; re.match('(a+)+$', 'a' * 64 + 'b')",
        "10 ** 10 ** 10",
        "sum(range(10 ** 12))",
        "while True:\n    try: raise ValueError\n    except BaseException: pass",
        "os.read(3, 1 << 20)",
    ],
)
def test_attack_by_an_endless_call_is_killed_at_its_deadline(worker: Any, code: str) -> None:
    assert ended(worker(hostile()), code, deadline_s=0.15) == "deadline"


@pytest.mark.parametrize(
    "code",
    [
        "bytearray(1 << 32)",
        "kept = []\nwhile True: kept.append(bytearray(1 << 20))",
        "kept = [1]\nwhile True: kept += kept",
        "told = 'x' * (1 << 31)",
        "kept = {}\nfor n in range(10 ** 9): kept[n] = str(n) * 1000",
        "sys.setrecursionlimit(10 ** 8)\ndef f(): f()\nf()",
    ],
)
def test_attack_by_a_memory_bomb_ends_the_process_and_not_the_host(worker: Any, code: str) -> None:
    stage = worker(hostile(), limits=RunnerLimits(memory_max_bytes=64 << 20))
    assert ended(stage, code) in ("memory", "exit")


def test_isolation_of_memory_is_a_bound_of_the_plugins_own(worker: Any) -> None:
    stage = worker(hostile(), limits=RunnerLimits(memory_max_bytes=64 << 20))
    assert stage.call("told = len(bytearray(48 << 20))") == 48 << 20
    assert ended(stage, "told = len(bytearray(65 << 20))") == "memory"


@pytest.mark.parametrize(
    "code",
    [
        "os._exit(0)",
        "os.abort()",
        "ctypes.string_at(0)",
        "os.close(3)",
        "os.dup2(0, 3)",
        "import faulthandler; faulthandler._sigsegv()",
        "ctypes.pythonapi.Py_FatalError(b'x')",
    ],
)
def test_attack_by_dying_is_told_as_its_end(worker: Any, code: str) -> None:
    assert ended(worker(hostile()), code, deadline_s=5.0) == "exit"


RAISED = {
    "SystemExit": "raise SystemExit(3)",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "BaseException": "raise BaseException('x')",
    "RecursionError": "def f(): f()\nf()",
    "StopIteration": "raise StopIteration",
    "StopAsyncIteration": "raise StopAsyncIteration",
    "CancelledError": "import asyncio; raise asyncio.CancelledError",
    "Evil": "class Evil(BaseException):\n    def __str__(self): raise SystemExit\nraise Evil",
    "TypeError": "told = object()",
    "FrameError": "told = 'x' * (1 << 21)",
    "OverflowError": "told = 1 << 70",
    "EOFError": "told = input() if sys.stdin else exec('raise EOFError')",
}


@pytest.mark.parametrize("name", RAISED)
def test_attack_by_an_exception_is_typed_and_the_process_lives(worker: Any, name: str) -> None:
    stage = worker(hostile())
    before = stage.runner.pid
    with pytest.raises(PluginRaised) as caught:
        stage.call(RAISED[name])
    assert caught.value.why == name
    assert stage.call("told = 2") == 2
    assert stage.runner.pid == before


FRAMES = {
    "a giant length": "os.write(3, b'\\xff\\xff\\xff\\xff')",
    "one above the cap": "os.write(3, ((1 << 20) + 1).to_bytes(4, 'little'))",
    "no msgpack": "os.write(3, b'\\x01\\0\\0\\0\\xc1')",
    "an empty frame": "os.write(3, b'\\0\\0\\0\\0')",
    "an unknown tag": "send({'type': 'Evil'})",
    "no tag": "send({'number': 1})",
    "a field of another type": "send({'type': 'Result', 'number': 'x', 'value': 1})",
    "a field too many": "send({'type': 'Result', 'number': 1, 'value': 1, 'x': 1})",
    "an extension": "send({'type': 'Result', 'number': 1, 'value': Ext(5, b'x')})",
    "depth": ("send_bytes(b'\\x83\\xa4type\\xa6Result\\xa6number\\x01\\xa5value' + b'\\x91' * 100_000 + b'\\xc0')"),
    "another call's answer": "send({'type': 'Result', 'number': 99, 'value': 1})",
    "a second greeting": "send({'type': 'Ready', 'hooks': []})",
}


@pytest.mark.parametrize("name", FRAMES)
def test_attack_by_a_frame_is_a_broken_protocol(worker: Any, name: str) -> None:
    assert ended(worker(hostile()), FRAMES[name]) == "protocol"


def test_attack_by_answers_in_advance_answers_no_later_call(worker: Any) -> None:
    stage = worker(hostile())
    with contextlib.suppress(PluginEnded):  # when both came in one read
        assert stage.call("[send({'type': 'Result', 'number': 1, 'value': 'forged'}) for _ in range(2)]") == "forged"
    with contextlib.suppress(PluginEnded):  # when the second was still on its way
        assert stage.call("told = 2") == 2
    assert stage.call("told = 3") == 3
    assert (stage.runner.statistics().ended_count, stage.runner.statistics().last_ended) == (1, "protocol")


def test_attack_by_half_a_frame_is_a_deadline(worker: Any) -> None:
    assert ended(worker(hostile()), "os.write(3, b'\\x10\\0\\0\\0x'); sys.stdin\nwhile True: pass", 0.15) == "deadline"


def test_attack_by_asking_for_ever_is_a_broken_protocol(worker: Any) -> None:
    code = """
async def f():
    while True:
        await context.call("double", value=1)
f().send(None)
"""
    stage = worker(hostile(), limits=RunnerLimits(asks_max=10))
    assert ended(stage, code) == "protocol"
    assert len(stage.host.asked) == 11


def test_attack_by_a_flood_of_output_is_bounded(worker: Any) -> None:
    stage = worker(hostile(), limits=RunnerLimits(log_max_bytes=10_000))
    for _ in range(3):
        stage.call("for _ in range(20_000): print('x' * 1000)")
        stage.call("for _ in range(2_000): os.write(2, b'y' * 1000) if _ < 1 else LIBC.write(1, b'z' * 1000, 1000)")
    assert len(stage.runner.log) == 10_000


def test_attack_by_a_terminals_escapes_is_shown_plainly(worker: Any) -> None:
    stage = worker(hostile())
    stage.call("os.write(1, b'\\x1b]0;evil\\x07\\x9b2J')")
    assert "\x1b" not in stage.runner.log.text()
    assert "\\x1b]0;evil\\x07" in stage.runner.log.text()


def test_attack_by_swallowing_the_cancel_does_not_hold_the_host() -> None:
    code = """
        def run(payload):
            while True:
                try:
                    while True: pass
                except BaseException: pass
    """

    async def body(runtime: AnyRuntime) -> float:
        runner = WorkerRunner(runtime, nursery(), Host())
        await runner.start(source(code))
        began_at = runtime.now()
        with pytest.raises(TimeoutError):
            async with runtime.timeout(0.1):
                await runner.call("run", None, 60.0)
        took_s = runtime.now() - began_at
        await runner.stop()
        return took_s

    assert on_live(body) < 2.0


def test_attack_by_an_await_of_something_else_is_told(worker: Any) -> None:
    code = """
        import asyncio
        async def run(payload):
            await asyncio.sleep(0)
    """
    with pytest.raises(PluginRaised, match="awaits host functions and nothing else"):
        worker(source(code)).call()


def test_attack_by_a_path_in_a_files_name_reaches_no_file(worker: Any) -> None:
    with pytest.raises(PluginRaised, match="ImportError"):
        worker(source("from . import passwd", files={"../../etc/passwd.py": "x = 1", "/etc/passwd.py": "x = 1"}))


def test_isolation_from_monkey_patching_is_a_process(worker: Any) -> None:
    stage = worker(hostile())
    code = "import json, builtins; json.dumps = json.loads = None; builtins.len = builtins.isinstance = None"
    assert ended(stage, code) == "exit"
    assert (json.dumps([1]), len([1])) == ("[1]", 1)


def test_attack_by_a_hundred_ends_leaves_nothing_behind() -> None:
    async def body(runtime: AnyRuntime) -> tuple[int, int]:
        runner = WorkerRunner(runtime, nursery(), Host(), RunnerLimits(restarts_max=1000))
        await runner.start(source("import os\ndef run(payload): os._exit(1)"))

        async def end(count: int) -> int:
            for _ in range(count):
                with pytest.raises(PluginEnded):
                    await runner.call("run", None, 20.0)
            gc.collect()
            return sum(1 for _ in Path("/proc/self/fd").iterdir())

        few = await end(5)
        many = await end(100)
        await runner.stop()
        return few, many

    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    few, many = on_live(body)
    assert many == few
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 8 << 10
    assert not _zombies()


def _zombies() -> list[str]:
    """Children of the nursery that ended and were not buried."""
    process = nursery()._process
    assert process is not None
    found = []
    for task in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = task.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state == "Z" and int(parent) in (process.pid, os.getpid()):
            found.append(str(task))
    return found
