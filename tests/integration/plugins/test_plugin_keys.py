"""Settings of the plugin manager: the YAML block of the source, each of its keys flipped, bad values named."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml  # type: ignore[import-untyped]

from sim.errors import ConfigError
from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.manager import PluginManager
from sim.integration.plugins.protocol import PluginEnded, PluginRefused
from tests.integration.plugins.rig import BRINGS, PROVIDES, SLOW, TELLS, Rig, answer, write

YAML = """
auto_discover_plugins: true
plugin_scan_interval: 300
max_plugins: 50
plugin_timeout: 30
enable_hot_reload: true
plugin_validation: true
sandbox_plugins: true
plugin_logging: true
"""


def test_the_sources_yaml_is_accepted_and_its_defaults_are_ours() -> None:
    assert PluginConfig.of(yaml.safe_load(YAML)) == PluginConfig()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_plugins", 0), ("plugin_timeout", "30"), ("plugin_scan_interval", -1), ("sandbox_plugins", 1),
        ("trusted", {"a.b": "12"}), ("isolation", "steel"), ("folders", "here"), ("permissions", {"a.b": "x"}),
        ("plugin_time_out", 3),
    ],
)  # fmt: skip
def test_a_bad_setting_names_its_key(key: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        PluginManager({key: value})
    assert caught.value.key == key


def test_max_plugins(tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path, f"custom.{name}")
    rig = Rig(tmp_path, {"max_plugins": 2}).up("custom.a", "custom.b")
    with pytest.raises(PluginRefused) as caught:
        rig.run(rig.manager.load_plugin("custom.c"))
    assert caught.value.why == "max_plugins"


@pytest.mark.parametrize("interval_s", [300.0, 50.0])
@pytest.mark.parametrize("discovers", [True, False])
@pytest.mark.parametrize("reloads", [True, False])
def test_scans_find_and_reload(tmp_path: Path, interval_s: float, discovers: bool, reloads: bool) -> None:
    write(tmp_path, "custom.a", TELLS.format(1), hooks="before_request")
    keys = {"plugin_scan_interval": interval_s, "auto_discover_plugins": discovers, "enable_hot_reload": reloads}
    rig = Rig(tmp_path, {**keys, "enabled": ["custom.a"]})
    rig.run(rig.manager.start())
    write(tmp_path, "custom.a", TELLS.format(2), hooks="before_request")
    write(tmp_path, "custom.b")
    task = rig.runtime.spawn(rig.manager.run(), "scans")
    rig.pass_time(interval_s - 1.0)
    assert answer(rig).reject == "1"
    rig.pass_time(2.0)
    assert answer(rig).reject == ("2" if discovers and reloads else "1")
    assert [info.plugin_id for info in rig.manager.list_plugins()] == ["custom.a"] + ["custom.b"] * discovers
    assert rig.kinds().count("plugin.changed") == int(discovers and not reloads)
    task.cancel()


def test_without_discovery_nothing_is_scanned_at_start(tmp_path: Path) -> None:
    write(tmp_path, "custom.a")
    rig = Rig(tmp_path, {"auto_discover_plugins": False})
    rig.run(rig.manager.start())
    assert rig.manager.list_plugins() == []


@pytest.mark.parametrize("timeout_s", [30, 3])
def test_plugin_timeout(tmp_path: Path, timeout_s: int) -> None:
    write(tmp_path, "custom.a", SLOW.format(99))
    rig = Rig(tmp_path, {"plugin_timeout": timeout_s}).up("custom.a")
    rig.wait_call("startup")
    assert rig.runtime.now() == timeout_s


def test_plugin_timeout_bounds_a_load(tmp_path: Path) -> None:
    write(tmp_path, "custom.a")

    class Stuck:
        stopped = False

        async def start(self, source: Any) -> tuple[str, ...]:
            await rig.runtime.event().wait()
            return ()

        async def stop(self) -> None:
            Stuck.stopped = True

    rig = Rig(tmp_path, {"sandbox_plugins": True}, make_runner=lambda found, level: Stuck())
    with pytest.raises(PluginEnded, match="deadline"):
        rig.up("custom.a")
    assert (rig.runtime.now(), Stuck.stopped) == (30.0, True)


def test_plugin_timeout_reaches_the_runners(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", "while True: pass")
    rig = Rig(tmp_path, {"sandbox_plugins": True, "plugin_timeout": 0.5})
    try:
        with pytest.raises(PluginEnded, match="deadline"):  # of wall time: no virtual time passes in a load that spins
            rig.up("custom.a")
        assert rig.runtime.now() == 0.0
        level, found = rig.manager.config.isolation, rig.manager._found["custom.a"]
        for kind in ("worker", "monty"):
            manifest = msgspec.structs.replace(found.manifest, runner=kind)
            runner: Any = rig.manager.workshop.make_runner(dataclasses.replace(found, manifest=manifest), level)
            assert (runner.limits.start_max_s, runner.limits.call_max_s) == (0.5, 0.5)
    finally:
        rig.run(rig.manager.stop())


def test_plugin_validation(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", manifest='host = ">=99"\n')
    assert Rig(tmp_path).up().manager.get_plugin("custom.a").state.value == "refused"
    rig = Rig(tmp_path, {"plugin_validation": False}).up("custom.a")
    assert rig.reasons("plugin.not_validated") == ["passed over: host: >=99: this host is 0.1.0"]


def test_sandbox_plugins_and_pins(tmp_path: Path) -> None:
    write(tmp_path, "custom.a")
    levels: list[str] = []

    def make_runner(found: Any, level: str) -> Any:
        levels.append(level)
        raise PluginRefused(found.plugin_id, "start", level, "no walls here")

    def isolation(config: dict[str, Any]) -> str:
        rig = Rig(tmp_path, config, make_runner=make_runner)
        return rig.up("custom.a").manager.get_plugin("custom.a").isolation

    digest = Rig(tmp_path).up().manager.get_plugin("custom.a").content_hash
    assert isolation({"sandbox_plugins": False}) == "none"
    assert isolation({"sandbox_plugins": True, "trusted": {"custom.a": digest}}) == "none"
    for config in ({"trusted": {"custom.a": "0" * 64}}, {"isolation": "sealed"}):
        with pytest.raises(PluginRefused):
            isolation({"sandbox_plugins": True, **config})
    assert levels == ["confined", "sealed"]


def test_plugin_logging(tmp_path: Path) -> None:
    write(tmp_path, "custom.brings", BRINGS, PROVIDES)
    rig = Rig(tmp_path, {"plugin_logging": False}).up("custom.brings")
    rig.call("startup", nodes=2)
    assert rig.manager.log_of("custom.brings") == ""
    rig.run(rig.manager.stop())


def test_settings_and_grants_reach_the_plugin(tmp_path: Path) -> None:
    code = "class Plugin:\n    def __init__(self, context): self.context = context\n"
    code += "    async def startup(self, p):\n        return await self.context.call('metrics.read', name='x')\n"
    manifest = 'permissions = ["metrics.read"]\n[settings.size]\nkind = "integer"\ndefault = 3\n'
    manifest = 'hooks = ["startup"]\n' + manifest
    write(tmp_path, "custom.a", code, manifest)
    config = {"settings": {"custom": {"a": {"size": 7}}}, "permissions": {"custom.a": ["metrics.read"]}}
    rig = Rig(tmp_path, config).up("custom.a")
    assert rig.plugin("custom.a").context.settings == {"size": 7}
    rig.wait_call("startup")
    assert rig.kinds().count("plugin.asked") == 1
    denied = Rig(tmp_path).up("custom.a")
    denied.wait_call("startup")
    assert denied.reasons("plugin.refused") == ["metrics.read is asked for and not granted"]
    with pytest.raises(ConfigError) as caught:
        Rig(tmp_path, {"settings": {"custom": {"a": {"siz": 7}}}}).up("custom.a")
    assert caught.value.key == "plugins.settings.custom.a.siz"
