"""The WebAssembly runner: values in and out by its memory; fuel, memory and imports are bounded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sim.integration.plugins.runners import wasm
from sim.integration.plugins.runners.base import PluginEnded, PluginRaised, PluginRefused, PluginSource, RunnerLimits
from sim.runtime.virtual import VirtualRuntime

wasmtime = pytest.importorskip("wasmtime", reason="the extra `wasm` is not installed")

ECHO = """
    (func (export "alloc") (param i32) (result i32) i32.const 1024)
    (func (export "run") (param $at i32) (param $length i32) (result i64)
        local.get $at i64.extend_i32_u i64.const 32 i64.shl local.get $length i64.extend_i32_u i64.or)
"""


def plugin(body: str, memory: str = '(memory (export "memory") 2)') -> PluginSource:
    """A plugin from WebAssembly text."""
    return PluginSource(
        "custom.wasm", "hooks", {"hooks.wasm": bytes(wasmtime.wat2wasm(f"(module {memory} {body})"))}, ("run",)
    )


class Sandbox:
    """One plugin, driven from plain test code."""

    def __init__(self, source: PluginSource, **options: Any) -> None:
        self.runtime = VirtualRuntime()
        self.runner = wasm.WasmRunner(self.runtime, **options)
        self.hooks = self.runtime.run_task(self.runner.start(source))

    def call(self, payload: Any) -> Any:
        return self.runtime.run_task(self.runner.call("run", payload, 1.0))


@pytest.fixture
def sandbox() -> Iterator[Any]:
    """`sandbox(source, ...)` makes one that ends with the test."""
    made: list[Sandbox] = []

    def make(source: PluginSource, **options: Any) -> Sandbox:
        made.append(Sandbox(source, **options))
        return made[-1]

    yield make
    for each in made:
        each.runtime.run_task(each.runner.stop())
        each.runtime.close()


def test_values_go_in_and_come_out(sandbox: Any) -> None:
    stage = sandbox(plugin(ECHO))
    assert stage.hooks == ("run",)
    for value in (None, 1, 1.5, "ä", [1, [2]], {"a": None}):
        assert stage.call(value) == value
    assert stage.runner.isolation() == "wasm"


LOOP = """
    (func (export "alloc") (param i32) (result i32) i32.const 0)
    (func (export "run") (param i32 i32) (result i64) (loop br 0) unreachable)
"""


def test_attack_by_an_endless_loop_runs_out_of_fuel_at_the_same_instruction(sandbox: Any) -> None:
    stage = sandbox(plugin(LOOP), fuel_max=100_000)
    for _ in range(2):
        with pytest.raises(PluginEnded) as caught:
            stage.call(None)
        assert caught.value.why == "fuel"
    assert stage.runner.statistics().restarts_count == 1


def test_attack_by_memory_is_bounded(sandbox: Any) -> None:
    grows = """
        (data (i32.const 0) "1")
        (func (export "alloc") (param i32) (result i32) i32.const 1024)
        (func (export "run") (param i32 i32) (result i64) i32.const 65000 memory.grow drop i64.const 1)
    """
    stage = sandbox(plugin(grows), limits=RunnerLimits(memory_max_bytes=1 << 20))
    assert stage.call(None) == 1
    assert stage.runner._instance._memory.data_len(stage.runner._instance._store) == 2 * 65536
    with pytest.raises((PluginRaised, PluginEnded)):
        sandbox(plugin(ECHO, '(memory (export "memory") 100)'), limits=RunnerLimits(memory_max_bytes=1 << 20))


@pytest.mark.parametrize("told", [1 << 40, (1 << 32) - 1, (131_072 << 32) | 1, -1])
def test_attack_by_an_answer_outside_of_its_memory_is_a_broken_protocol(sandbox: Any, told: int) -> None:
    body = f"""
        (func (export "alloc") (param i32) (result i32) i32.const 0)
        (func (export "run") (param i32 i32) (result i64) i64.const {told})
    """
    if told == 1 << 40:  # 256 bytes in, none long: an empty answer is no JSON
        with pytest.raises(PluginRaised):
            sandbox(plugin(body)).call(None)
        return
    with pytest.raises(PluginEnded, match="protocol"):
        sandbox(plugin(body)).call(None)


def test_attack_by_a_place_outside_of_its_memory_is_a_broken_protocol(sandbox: Any) -> None:
    body = """
        (func (export "alloc") (param i32) (result i32) i32.const -1)
        (func (export "run") (param i32 i32) (result i64) i64.const 0)
    """
    with pytest.raises(PluginEnded, match="protocol"):
        sandbox(plugin(body)).call(None)


@pytest.mark.parametrize(
    "body", ["unreachable", "i32.const 0 i32.const 0 i32.div_u drop i64.const 0", "local.get 0 local.get 1 call 1"]
)
def test_attack_by_a_trap_ends_the_instance_alone(sandbox: Any, body: str) -> None:
    stage = sandbox(
        plugin(
            '(func (export "alloc") (param i32) (result i32) i32.const 0)'
            f' (func (export "run") (param i32 i32) (result i64) {body})'
        )
    )
    with pytest.raises(PluginEnded) as caught:
        stage.call(None)
    assert caught.value.why == "exit"


def test_isolation_from_the_host_is_that_nothing_is_imported(sandbox: Any) -> None:
    wasi = '(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))'
    code = bytes(wasmtime.wat2wasm(f'(module {wasi} (memory (export "memory") 1))'))
    with pytest.raises(PluginRaised):
        sandbox(PluginSource("custom.wasm", "hooks", {"hooks.wasm": code}, ("run",)))


@pytest.mark.parametrize("code", [b"", b"\0asm\1\0\0\0\xff", b"x" * (wasm.MODULE_MAX_BYTES + 1)])
def test_attack_by_a_module_that_is_none_is_refused(sandbox: Any, code: bytes) -> None:
    with pytest.raises((PluginRaised, PluginRefused)):
        sandbox(PluginSource("custom.wasm", "hooks", {"hooks.wasm": code}, ("run",)))


def test_without_the_extra_the_refusal_says_what_to_install(sandbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    source = plugin(ECHO)
    monkeypatch.setitem(__import__("sys").modules, "wasmtime", None)
    with pytest.raises(PluginRefused, match=r"install victor-sim\[wasm\]"):
        sandbox(source)
