"""Names of a config that plugins bring (strategies, signals, laws, policies, figures), where no run is under way.

A config is checked, its store key made and its report drawn outside of any run: `bringing` loads the enabled plugins
that bring what it names, for that long only; a run loads its own. Who would bring a name is read from manifests: no
code runs for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim.bench.params import fields
from sim.bench.schema import Config
from sim.registry import names

SIGNALS = ("local", "polled", "probed")


def named(config: Config) -> list[tuple[str, str, str]]:
    """(key, group of the registry, name) of everything that a plugin could bring, in the schema's order."""
    found = [
        ("arrivals.kind", "arrivals", config.arrivals.kind),
        ("service.kind", "service", config.service.kind),
        ("balancer.kind", "balancer", config.balancer.kind),
        ("balancer.signal", "signal", config.balancer.signal),
        ("autoscaler.kind", "autoscaler", config.autoscaler.kind),
    ]
    return found + [("study.figures", "figure", name) for name in config.study.figures]


def announced(config: Config) -> dict[tuple[str, str], str]:
    """(group, name) -> id of the plugin whose manifest announces it, enabled or not; folders that are none pass."""
    from sim.integration.plugins import manifest as manifests
    from sim.integration.plugins import shipped

    found: dict[tuple[str, str], str] = {}
    for root in (shipped.folder(), *map(Path, config.plugins.folders)):
        for path in sorted(root.glob(f"*/{manifests.NAME}")):
            if path.is_file():
                with path.open("rb") as file:
                    manifest, _ = manifests.read(file.read(manifests.BYTES_MAX + 1))
                for text in () if manifest is None else manifest.provides:
                    group, _, name = text.partition(":")
                    found.setdefault((group, name), path.parent.name)
    return found


def hint(config: Config, group: str, name: str) -> str:
    """What to do about a name that nothing has, where a plugin would bring it; else empty."""
    plugin_id = announced(config).get((group, name))
    return f"; the plugin {plugin_id} brings it, once plugins.enabled names that" if plugin_id else ""


@contextmanager
def bringing(config: Config) -> Iterator[None]:
    """What enabled plugins bring is there within the block; raises as their load does, and loads none in vain."""
    unknown = [(group, name) for _, group, name in named(config) if config.plugins.enabled and _is_open(group, name)]
    found = announced(config) if unknown else {}
    ids = dict.fromkeys(found[each] for each in unknown if found.get(each) in config.plugins.enabled)
    if not ids:
        yield
        return
    from sim.integration.plugins.config import PluginConfig
    from sim.integration.plugins.manager import PluginManager
    from sim.runtime.virtual import VirtualRuntime

    known = set(PluginConfig.__dataclass_fields__) - {"seed"}
    own = {name: value for name, value in fields(config.plugins).items() if name in known}
    runtime = VirtualRuntime()
    manager = PluginManager(PluginConfig.of({**own, "seed": config.seed, "enabled": list(ids)}), runtime=runtime)
    try:
        runtime.run_task(manager.start())
        yield
    finally:
        manager.abandon()
        runtime.close()


def _is_open(group: str, name: str) -> bool:
    """Whether a name is nobody's yet. Figures are modules of the report, above this room: each is asked for."""
    return not (group == "signal" and name in SIGNALS) and name not in names(group)
