"""What `victor-sim plugins` prints: plugins as they are found, the isolation this machine gives, a check for authors.

`check` does what a run would: manifest, files, settings, then a load (behind the sandbox unless it is pinned) and its
hooks. It raises nothing for a plugin: faults are lines.
"""

from __future__ import annotations

from pathlib import Path

from sim.bench.params import fields
from sim.bench.schema import Config
from sim.errors import SimError
from sim.integration.plugins import shipped
from sim.integration.plugins.config import PluginConfig
from sim.integration.plugins.discovery import scan
from sim.integration.plugins.folder import read_folder
from sim.integration.plugins.manager import PluginManager
from sim.integration.plugins.runners.nursery import Nursery
from sim.integration.plugins.sandbox import layers
from sim.runtime.virtual import VirtualRuntime

REACH_S = 10.0


def manager_of(config: Config, runtime: VirtualRuntime, **changes: object) -> PluginManager:
    """A manager with the config's settings."""
    known = set(PluginConfig.__dataclass_fields__) - {"seed"}
    own = {name: value for name, value in fields(config.plugins).items() if name in known}
    return PluginManager(PluginConfig.of({**own, "seed": config.seed, **changes}), runtime=runtime)


def isolation() -> tuple[str, dict[str, str]]:
    """The level that workers reach on this machine, and for each layer why not ("": it is there)."""
    runtime, nursery = VirtualRuntime(), Nursery()
    try:
        runtime.run_task(nursery.start(runtime, REACH_S))
        return layers.level_of(nursery.reached), dict(nursery.report)
    except SimError as error:
        return "none", {"worker": str(error)}
    finally:
        nursery.close()
        runtime.close()


def list_lines(config: Config) -> list[str]:
    """Every plugin on a line, then the isolation reached."""
    runtime = VirtualRuntime()
    manager = manager_of(config, runtime)
    manager.discover()
    lines = [f"{'plugin':30} {'version':8} {'type':10} {'state':11} runs in  hooks"]
    for info in manager.list_plugins():
        where = "process" if manager.trusts(info.plugin_id) else "worker"
        told = info.reason or " ".join(info.hooks)
        lines.append(f"{info.plugin_id:30} {info.version:8} {info.type:10} {info.state.value:11} {where:8} {told}")
    runtime.close()
    level, report = isolation()
    lines.append(f"isolation of workers here: {level}")
    lines += [f"  {name:12} {'yes' if not why else 'no: ' + why}" for name, why in report.items()]
    return lines


def check_lines(config: Config, folder: Path) -> tuple[list[str], bool]:
    """What is to be said of a plugin's folder, and whether it would load."""
    if not folder.is_dir():
        return [f"{folder}: no such folder; victor-sim plugins new {folder} makes one"], False
    found = read_folder(folder.resolve(), folder.resolve().parent)
    lines = [f"{found.plugin_id}: {len(found.files)} files, content hash {found.content_hash}"]
    if found.faults or found.manifest is None:
        return [*lines, *(f"  {fault}" for fault in found.faults)], False
    manifest = found.manifest
    lines.append(f"  {found.kind} {manifest.version}, hooks {' '.join(manifest.hooks) or 'none'}")
    lines += [f"  asks for {text}: the operator must grant it" for text in manifest.permissions]
    runtime = VirtualRuntime()
    folders = [*config.plugins.folders, str(folder.resolve().parent)]
    manager = manager_of(config, runtime, folders=folders, enabled=[])
    try:
        manager.discover()
        info = runtime.run_task(manager.load_plugin(found.plugin_id))
        lines.append(f"  loads in {info.isolation if info.isolation != 'none' else 'this process (pinned)'}: sound")
        return lines, True
    except SimError as error:
        return [*lines, f"  {error}"], False
    finally:
        runtime.run_task(manager.stop())
        runtime.close()


def pin() -> list[str]:
    """Write the hashes of the shipped plugins as they are now; only for who maintains them."""
    found = scan([shipped.folder()])
    hashes = {name: one.content_hash for name, one in found.items() if not one.faults}
    (shipped.folder() / shipped.PINS).write_text(shipped.pins_text(hashes), encoding="utf-8")
    return [f"{digest}  {name}" for name, digest in hashes.items()]
