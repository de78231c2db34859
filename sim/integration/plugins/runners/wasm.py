"""The `wasm` runner (extra `wasm`): WebAssembly with fuel, the one untrusted tier whose limits are no clock's.

A module exports `memory`, `alloc(length) -> address` and its hooks `hook(address, length) -> address << 32 | length`;
payload and value are JSON in its memory. It imports nothing, so that it can reach nothing: no host functions, no clock,
no chance. Fuel counts instructions, bit for bit the same on every machine (Haas et al. 2017 give the semantics; NaNs
are canonical, threads and relaxed SIMD are off): running out of it is a result and does not make a run INVALID.
"""

from __future__ import annotations

from typing import Any

import msgspec

from sim.contracts import Runtime
from sim.integration.plugins.runners import base, frames

FUEL_MAX = 5_000_000  # of one call: some milliseconds
MODULE_MAX_BYTES = 8 << 20
TABLE_MAX = 10_000


class WasmRunner:
    """One plugin in one instance within this process; implements `base.SourceRunner`."""

    def __init__(self, runtime: Runtime, limits: base.RunnerLimits | None = None, fuel_max: int = FUEL_MAX) -> None:
        self._runtime, self.limits, self.fuel_max = runtime, limits or base.RunnerLimits(), fuel_max
        self._statistics = base.RunnerStatistics()
        self._source: base.PluginSource | None = None
        self._engine: Any = None
        self._module: Any = None
        self._instance: _Instance | None = None

    def isolation(self) -> str:
        """`wasm`: nothing is imported, memory and fuel are bounded."""
        return "wasm"

    def statistics(self) -> base.RunnerStatistics:
        """Counts so far."""
        return self._statistics

    async def start(self, source: base.PluginSource) -> tuple[str, ...]:
        """Compile and make an instance; the hooks it exports. Raises PluginRefused without the extra."""
        wasmtime = _wasmtime(source.plugin_id)
        code = source.files.get(f"{source.module}.wasm", b"")
        if not 0 < len(code) <= MODULE_MAX_BYTES:
            raise base.PluginRefused(source.plugin_id, "start", "module", f"no {source.module}.wasm, or too long")
        self._source = source
        try:
            engine = self._engine = _engine(wasmtime)
            self._module = await self._runtime.run_blocking(lambda: wasmtime.Module(engine, code))
            self._instance = self._made(wasmtime)
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            raise base.PluginRaised(source.plugin_id, "start", type(error).__name__, _text(error)) from None
        return tuple(hook for hook in source.hooks if self._instance.has(hook))

    async def call(self, hook: str, payload: Any, deadline_s: float) -> Any:
        """A hook's value; fuel is its deadline. A trap ends the instance, the next call gets a new one."""
        source = self._source
        if source is None:
            raise base.PluginEnded("*", hook, "exit", "it is not started")
        wasmtime = _wasmtime(source.plugin_id)
        if self._instance is None:
            self._start_anew(source, hook)
        assert self._instance is not None
        self._statistics.calls_count += 1
        try:
            data = self._instance.call(hook, msgspec.json.encode(payload), self.limits.frame_max_bytes)
            return msgspec.json.decode(data)
        except wasmtime.Trap as trap:
            why = "fuel" if trap.trap_code is wasmtime.TrapCode.OUT_OF_FUEL else "exit"
            raise self._ended(source, hook, why, _text(trap)) from None
        except (wasmtime.WasmtimeError, frames.FrameError) as error:
            raise self._ended(source, hook, "protocol", _text(error)) from None
        except (msgspec.MsgspecError, RecursionError, KeyError, TypeError) as error:
            self._statistics.raised_count += 1
            raise base.PluginRaised(source.plugin_id, hook, type(error).__name__, _text(error)) from None

    async def stop(self) -> None:
        """Let go of the instance; again does nothing."""
        self._source = self._instance = self._module = self._engine = None

    def _start_anew(self, source: base.PluginSource, hook: str) -> None:
        if self._statistics.restarts_count >= self.limits.restarts_max:
            raise base.PluginEnded(source.plugin_id, hook, "exit", f"started anew {self.limits.restarts_max} times")
        self._statistics.restarts_count += 1
        wasmtime = _wasmtime(source.plugin_id)
        self._instance = self._made(wasmtime)

    def _made(self, wasmtime: Any) -> _Instance:
        return _Instance(wasmtime, self._engine, self._module, self.limits.memory_max_bytes, self.fuel_max)

    def _ended(self, source: base.PluginSource, hook: str, why: str, text: str) -> base.PluginEnded:
        self._instance = None
        self._statistics.ended_count += 1
        self._statistics.last_ended = why
        return base.PluginEnded(source.plugin_id, hook, why, text)


class _Instance:
    """One instance with its memory; calls are bounded by fuel."""

    def __init__(self, wasmtime: Any, engine: Any, module: Any, memory_max_bytes: int, fuel_max: int) -> None:
        self._store, self._fuel_max = wasmtime.Store(engine), fuel_max
        self._store.set_limits(
            memory_size=memory_max_bytes, table_elements=TABLE_MAX, instances=1, memories=1, tables=4
        )
        self._store.set_fuel(fuel_max)
        self._exports = wasmtime.Instance(self._store, module, []).exports(self._store)
        self._function = wasmtime.Func
        memory = self._exports.get("memory")
        self._memory = memory if isinstance(memory, wasmtime.Memory) else None

    def has(self, hook: str) -> bool:
        """True when it exports a function of this name."""
        return isinstance(self._exports.get(hook), self._function)

    def call(self, hook: str, data: bytes, bytes_max: int) -> bytes:
        """Bytes in, bytes out; raises a trap, FrameError for an answer that is not in its memory or too long."""
        if len(data) > bytes_max or self._memory is None:
            raise frames.FrameError(f"{len(data)} bytes; accepted are {bytes_max}, and a memory is exported")
        self._store.set_fuel(self._fuel_max)
        address = int(self._exports["alloc"](self._store, len(data))) & 0xFFFFFFFF
        self._fits(address, len(data), bytes_max)
        self._memory.write(self._store, data, address)
        told = self._exports[hook](self._store, address, len(data))
        if not isinstance(told, int):
            raise frames.FrameError("a hook gives an i64")
        address, length = told >> 32 & 0xFFFFFFFF, told & 0xFFFFFFFF
        self._fits(address, length, bytes_max)
        return bytes(self._memory.read(self._store, address, address + length))

    def _fits(self, address: int, length: int, bytes_max: int) -> None:
        assert self._memory is not None
        held = self._memory.data_len(self._store)
        if length > bytes_max or address + length > held:
            raise frames.FrameError(f"{length} bytes at {address}: its memory holds {held}, accepted are {bytes_max}")


def _engine(wasmtime: Any) -> Any:
    config = wasmtime.Config()
    config.consume_fuel = True
    config.wasm_threads = False
    config.wasm_relaxed_simd = False
    config.cranelift_nan_canonicalization = True
    return wasmtime.Engine(config)


def _wasmtime(plugin_id: str) -> Any:
    try:
        import wasmtime
    except ImportError:
        raise base.PluginRefused(plugin_id, "start", "wasm", "install victor-sim[wasm]") from None
    return wasmtime


def _text(error: BaseException) -> str:
    return str(error)[: frames.TEXT_MAX]
