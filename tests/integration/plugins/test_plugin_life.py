"""Life cycle: the ledger is undone, what is required is kept, a reload swaps whole or not at all."""

from __future__ import annotations

import gc
import sys
import weakref
from pathlib import Path

import pytest

from sim.errors import SimError
from sim.integration.plugins.inproc import PREFIX
from sim.integration.plugins.protocol import PluginRefused, PluginState, UnknownPlugin
from sim.registry import names
from tests.integration.plugins.rig import BRINGS, PROVIDES, SLOW, TELLS, Rig, answer, write

VERSION = 'version = "{0}"\n'


def private_modules() -> list[str]:
    return [name for name in sys.modules if name.startswith(PREFIX)]


def test_everything_a_plugin_registers_is_undone(tmp_path: Path) -> None:
    write(tmp_path, "custom.brings", BRINGS, PROVIDES)
    before = private_modules()
    rig = Rig(tmp_path).up("custom.brings")
    manager = rig.manager
    rig.call("startup", nodes=2)
    assert manager.ledger_of("custom.brings") == ["grants", "arrivals:mine", "route:mine"]
    assert "mine" in names("arrivals")
    assert list(manager.loader.routes.by_plugin["custom.brings"]) == ["mine"]
    assert manager.log_of("custom.brings") == "hello 2\n"
    gone = weakref.ref(rig.plugin("custom.brings"))
    rig.run(manager.unload_plugin("custom.brings"))
    gc.collect()
    assert gone() is None
    assert private_modules() == before
    assert "mine" not in names("arrivals")
    assert manager.loader.routes.by_plugin == {}
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


def test_a_reload_swaps_the_version_and_a_broken_one_leaves_the_old_serving(tmp_path: Path) -> None:
    others = set(private_modules())
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
    assert len(set(private_modules()) - others) == 2, "one generation: a package and its module"
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
