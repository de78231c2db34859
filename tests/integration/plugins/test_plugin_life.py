"""Life cycle: the ledger is undone, a reload swaps whole or not at all, every YAML key of the source has an effect."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from sim.errors import ConfigError, SimError
from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.inproc import PREFIX
from sim.integration.plugins.manager import PluginManager
from sim.integration.plugins.protocol import PluginEnded, PluginRefused, PluginState, UnknownPlugin
from sim.registry import names
from tests.integration.plugins.rig import Rig, write

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
BRINGS = """
class Plugin:
    def __init__(self, context):
        self.context = context
        context.provide("arrivals", "mine", object())
        context.provide("route", "mine", self.startup)
    def startup(self, payload):
        self.context.log(f"hello {payload['nodes']}")
"""
PROVIDES = 'provides = ["arrivals:mine", "route:mine"]\n'
VERSION = 'version = "{0}"\n'
TELLS = "answer = {0}\ndef before_request(p):\n    return {{'reject': str(answer)}}\n"


def private_modules() -> list[str]:
    return [name for name in sys.modules if name.startswith(PREFIX)]


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


def test_everything_a_plugin_registers_is_undone(tmp_path: Path) -> None:
    write(tmp_path, "custom.brings", BRINGS, PROVIDES)
    before = private_modules()
    rig = Rig(tmp_path).up("custom.brings")
    manager = rig.manager
    rig.call("startup", nodes=2)
    assert manager.ledger_of("custom.brings") == ["grants", "arrivals:mine", "route:mine"]
    assert "mine" in names("arrivals")
    assert "mine" in manager.loader.tables["route"]
    assert manager.log_of("custom.brings") == "hello 2\n"
    gone = weakref.ref(rig.plugin("custom.brings"))
    rig.run(manager.unload_plugin("custom.brings"))
    gc.collect()
    assert gone() is None
    assert private_modules() == before
    assert "mine" not in names("arrivals")
    assert manager.loader.tables == {"figure": {}, "route": {}}
    assert manager.get_plugin("custom.brings").state.value == "discovered"
    assert rig.kinds("custom.brings") == ["plugin.discovered", "plugin.loaded", "plugin.enabled", "plugin.disabled",
                                          "plugin.unloaded"]  # fmt: skip


def test_what_is_not_announced_is_not_brought_and_nothing_stays(tmp_path: Path) -> None:
    write(tmp_path, "custom.brings", BRINGS, 'provides = ["route:mine"]\n')
    write(tmp_path, "custom.other", BRINGS, PROVIDES)
    write(tmp_path, "custom.third", BRINGS, PROVIDES)
    rig = Rig(tmp_path).up("custom.other")
    for plugin_id in ("custom.brings", "custom.third"):
        with pytest.raises(SimError):
            rig.run(rig.manager.load_plugin(plugin_id))
    rig.run(rig.manager.unload_plugin("custom.other"))
    assert "mine" not in names("arrivals")
    rig.run(rig.manager.load_plugin("custom.third"))
    rig.run(rig.manager.stop())
    assert "mine" not in names("arrivals")


def test_what_is_required_is_loaded_first_and_kept_while_needed(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", manifest='requires = { "custom.b" = ">=1" }')
    write(tmp_path, "custom.b")
    rig = Rig(tmp_path).up("custom.a")
    assert [row.subject for row in rig.events.rows if row.kind == "plugin.loaded"] == ["custom.b", "custom.a"]
    for verb in (rig.manager.disable_plugin, rig.manager.unload_plugin):
        with pytest.raises(PluginState, match=r"custom\.a requires it"):
            rig.run(verb("custom.b"))
    rig.run(rig.manager.stop())
    assert [row.subject for row in rig.events.rows if row.kind == "plugin.unloaded"] == ["custom.a", "custom.b"]


def test_an_unknown_plugin_is_a_key_error_too(tmp_path: Path) -> None:
    rig = Rig(tmp_path).up()
    with pytest.raises(KeyError) as caught:
        rig.run(rig.manager.load_plugin("custom.none"))
    assert isinstance(caught.value, UnknownPlugin)
    assert str(caught.value) == "plugin custom.none, load: unknown: no such plugin was discovered"


def answer(rig: Rig) -> Any:
    return rig.call("before_request", request=0)


def test_a_reload_swaps_the_version_and_a_broken_one_leaves_the_old_serving(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", TELLS.format(1), VERSION.format("1.0"), "before_request")
    rig = Rig(tmp_path).up("custom.a")
    assert answer(rig).reject == "1"
    write(tmp_path, "custom.a", TELLS.format(2), VERSION.format("2.0"), "before_request")
    info = rig.run(rig.manager.reload_plugin("custom.a"))
    assert (answer(rig).reject, info.version, info.generation) == ("2", "2.0", 2)
    broken = [
        ("syntax error", VERSION.format("3.0")),
        ("raise SystemExit", VERSION.format("3.0")),
        ("def before_request(): pass", VERSION.format("3.0")),
        ("def startup(p): pass", VERSION.format("3.0")),
        (TELLS.format(3), 'version = "three"\n'),
        (TELLS.format(3), VERSION.format("3.0") + 'requires = { "custom.none" = "" }\n'),
    ]
    for code, manifest in broken:
        write(tmp_path, "custom.a", code, manifest, "before_request")
        with pytest.raises(SimError):
            rig.run(rig.manager.reload_plugin("custom.a"))
        assert answer(rig).reject == "2"
    assert len(private_modules()) == 2, "one generation: a package and its module"
    assert rig.manager.get_plugin("custom.a").generation == 2


def test_a_failed_swap_gives_back_what_the_old_version_brought(tmp_path: Path) -> None:
    write(tmp_path, "custom.a", BRINGS, PROVIDES)
    rig = Rig(tmp_path).up("custom.a")
    write(tmp_path, "custom.a", BRINGS, 'provides = ["route:mine"]\n')
    with pytest.raises(PluginRefused, match="not in its manifest"):
        rig.run(rig.manager.reload_plugin("custom.a"))
    assert "mine" in names("arrivals")
    rig.run(rig.manager.stop())
    assert "mine" not in names("arrivals")


SLOW = """
class Plugin:
    def __init__(self, context): self.runtime = context._runtime
    async def startup(self, p): await self.runtime.sleep({0})
"""


@pytest.mark.parametrize(
    ("sleep_s", "ended_at", "reason"), [(5, 5.0, "no call holds it"), (99, 30.0, "no call holds it")]
)
def test_a_generation_ends_once_no_call_holds_it(tmp_path: Path, sleep_s: int, ended_at: float, reason: str) -> None:
    write(tmp_path, "custom.a", SLOW.format(sleep_s))
    rig = Rig(tmp_path).up("custom.a")
    write(tmp_path, "custom.a", "def startup(p): pass\n")

    async def both() -> None:
        task = rig.runtime.spawn(rig.manager.hooks.call("startup", {}), "call")
        await rig.runtime.sleep(0.5)
        await rig.manager.reload_plugin("custom.a")
        assert rig.manager.get_plugin("custom.a").generation == 2
        await task.join()

    rig.run(both())
    retired = [row for row in rig.events.rows if row.kind == "plugin.retired"]
    assert [dict(row.fields)["reason"] for row in retired] == [reason]
    assert abs(retired[0].at - ended_at) < 0.01


# Each key of the source, flipped


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
