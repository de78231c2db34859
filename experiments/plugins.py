"""victor-sim plugins list | check DIR | new DIR | pin | reloads [count=N] [--out FILE]   [hydra overrides]

list       plugins of the shipped folder and plugins.folders, where each would run, the isolation this machine gives
check DIR  every fault of a plugin's folder at once, then a load as a run would do it; exit 1 if it would not load
new DIR    a plugin to start from, in a folder named KIND.NAME
pin        the shipped plugins are trusted as they are now (for their maintainers, after a look at what changed)
reloads    1,000 reloads under traffic, in this process and in a worker; FILE is results/plugins/reloads.csv; exit 1
           if a call was lost or run twice

Hooks: startup, shutdown, node_state_changed, agent_deployed, before_request, after_response, before_route,
scaling_decided, metrics_collected, optimization_proposed.
Objects that a plugin may bring (manifest: provides = ["GROUP:NAME"], code: context.provide(GROUP, NAME, object)):
arrivals, autoscaler, balancer, service (factories as those of this package, for GROUP.kind=NAME), signal (a function of
the settings that gives a board(now, held) -> loads, for balancer.signal=NAME), figure (for study.figures), route.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from sim.errors import ConfigError
from sim.experiments.words import CONFIG_DIR, parse, settings

WORDS = {"list": 1, "check": 2, "new": 2, "pin": 1, "reloads": 1}
OUT = "results/plugins/reloads.csv"


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when a plugin that is checked would not load."""
    words = parse(arguments, (), (CONFIG_DIR, "--out"), ("list|check|new|pin|reloads", "[DIR]"))
    what = words.words[0]
    if WORDS.get(what) != len(words.words):
        raise ConfigError("plugins", " ".join(words.words), "list, check DIR, new DIR, pin or reloads")
    if what == "new":
        from sim.bench.plugin_template import write_template

        folder = Path(words.words[1])
        for path in write_template(folder):
            print(f"  {path}")
        print(f"next: victor-sim plugins check {folder}")
        return 0
    if what == "reloads":
        return _reloads(settings(words, {"count": 1_000})["count"], Path(words.values.get("--out", OUT)))
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


def _reloads(count: int, out: Path) -> int:
    from sim.bench.plugin_reloads import reloads, rows_of, write_csv

    found = []
    for sandboxed in (False, True):
        with TemporaryDirectory() as folder:
            found.append(reloads(Path(folder), count, sandboxed, print))
        print("  ".join(f"{name} {value}" for row in rows_of(found[-1]) for name, value in row.items()))
    write_csv(out, found)
    return 1 if any(each.lost_count or each.doubled_count or each.stale_count for each in found) else 0
