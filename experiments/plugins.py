"""victor-sim plugins list | check DIR | new DIR | pin   [--config-dir DIR] [hydra overrides]

list       plugins of the shipped folder and plugins.folders, where each would run, the isolation this machine gives
check DIR  every fault of a plugin's folder at once, then a load as a run would do it; exit 1 if it would not load
new DIR    a plugin to start from, in a folder named KIND.NAME
pin        the shipped plugins are trusted as they are now (for their maintainers, after a look at what changed)

Hooks: startup, shutdown, node_state_changed, agent_deployed, before_request, after_response, before_route,
scaling_decided, metrics_collected, optimization_proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.errors import ConfigError
from sim.experiments.words import CONFIG_DIR, parse

WORDS = {"list": 1, "check": 2, "new": 2, "pin": 1}


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when a plugin that is checked would not load."""
    words = parse(arguments, (), (CONFIG_DIR,), ("list|check|new|pin", "[DIR]"))
    what = words.words[0]
    if WORDS.get(what) != len(words.words):
        raise ConfigError("plugins", " ".join(words.words), "list, check DIR, new DIR or pin")
    if what == "new":
        from sim.bench.plugin_template import write_template

        folder = Path(words.words[1])
        for path in write_template(folder):
            print(f"  {path}")
        print(f"next: victor-sim plugins check {folder}")
        return 0
    from sim.bench import plugin_desk
    from sim.bench.compose import compose

    if what == "pin":
        print("\n".join(plugin_desk.pin()))
        return 0
    config = compose(words.overrides, words.config_dir)
    if what == "list":
        print("\n".join(plugin_desk.list_lines(config)))
        return 0
    lines, sound = plugin_desk.check_lines(config, Path(words.words[1]))
    print("\n".join(lines))
    return 0 if sound else 1
