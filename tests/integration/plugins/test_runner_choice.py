"""A manifest names where its code runs; the manager makes that runner, and none of them is this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.plugins.rig import Rig, write

wasmtime = pytest.importorskip("wasmtime", reason="the extra `wasm` is not installed")

WASM = """(module (memory (export "memory") 1)
    (data (i32.const 0) "{\\"reject\\":\\"wasm\\"}")
    (func (export "alloc") (param i32) (result i32) i32.const 1024)
    (func (export "before_request") (param i32 i32) (result i64) i64.const 17))"""


def test_isolation_is_by_the_runner_that_a_manifest_names(tmp_path: Path) -> None:
    told = "import sys\ndef before_request(p): return {'reject': sys.version[:1] + '{0}'}"
    write(tmp_path, "custom.a", told.replace("{0}", "worker"), 'runner = "worker"\n', "before_request")
    write(tmp_path, "custom.b", told.replace("{0}", "monty"), 'runner = "monty"\n', "before_request")
    folder = write(tmp_path, "custom.c", "", 'runner = "wasm"\n', "before_request")
    (folder / "code.wasm").write_bytes(bytes(wasmtime.wat2wasm(WASM)))
    rig = Rig(tmp_path).up()  # even where everything is trusted
    found = {}
    for name, plugin_id in (("worker", "custom.a"), ("monty", "custom.b"), ("wasm", "custom.c")):
        rig.run(rig.manager.enable_plugin(plugin_id))
        found[name] = rig.manager._life.units[plugin_id].runner.isolation().partition("+")[0]
        assert rig.wait_call("before_request", request=0).reject.lstrip("3") == name
        rig.run(rig.manager.disable_plugin(plugin_id))
    rig.run(rig.manager.stop())
    rig.runtime.close()
    assert found["monty"] == "monty"
    assert found["wasm"] == "wasm"
    assert found["worker"] in ("sealed", "confined")


def test_a_runner_that_is_none_and_a_module_that_is_not_there_are_faults(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", "", 'runner = "inproc"\n')
    write(tmp_path, "custom.b", "", 'runner = "wasm"\n')
    rig = Rig(tmp_path).up()
    faults = {name: " ".join(map(str, found.faults)) for name, found in rig.manager._found.items()}
    assert "runner: inproc: one of worker, monty, wasm" in faults["custom.a"]
    assert "module: there is no code.wasm" in faults["custom.b"]
    rig.run(rig.manager.stop())
    rig.runtime.close()
