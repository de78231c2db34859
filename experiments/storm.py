"""victor-sim storm [seeds=N] [seed=S] [workers=N] [budget_s=N] [size=small|large] [--quiet] [--publish]

Seeded fault schedules against the whole control plane: seeds S to S+N-1, every 21st a large one. From each seed the
fleet, its load, its settings, the faults, an operator's deeds and the order of equal instants are drawn; checkers with
books of their own judge every instant, then everything is healed and must go on. The last line counts; a violation is
told with its seed and the command that replays it. What is finished stands in a ledger of the store (paths.store=DIR),
which one command at a time may have; asked again, only the rest runs. budget_s stops after so many seconds, size=...
makes all of them small or large.
--quiet leaves the drawn scenario of the first seed out; --publish writes the counts into results/storm.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sim.errors import ConfigError
from sim.experiments.words import parse, settings

TEXTS = {"size": "", "paths.store": "", "paths.results": ""}


def help_text() -> str:
    """What stands above."""
    return str(__doc__)


def main(arguments: Sequence[str]) -> int:
    """1 when an invariant broke."""
    words = parse(arguments, ("--quiet", "--publish"))
    texts = dict(TEXTS)
    for text in list(words.overrides):
        key, _, value = text.partition("=")
        if key in texts:
            texts[key] = value
            words.overrides.remove(text)
    asked = settings(words, {"seeds": 100, "seed": 1, "workers": 0, "budget_s": 10**9})
    from sim.bench.compose import compose
    from sim.bench.progress import Progress
    from sim.bench.storm.campaign import run_campaign
    from sim.bench.storm.draw import draw_scenario
    from sim.bench.storm.ledger import StormLedger
    from sim.bench.storm.published import as_text, publish
    from sim.bench.storm.scenario import SIZES

    size = texts["size"] or None
    if size is not None and size not in SIZES:
        raise ConfigError("size", size, "one of " + ", ".join(SIZES))
    paths = compose([]).paths
    ledger = StormLedger(Path(texts["paths.store"] or paths.store) / "storm" / "ledger.jsonl")
    if ledger.cut_lines:
        print(f"the ledger ended in {ledger.cut_lines} broken lines, which were cut off")
    if "--quiet" not in words.flags:
        print(draw_scenario(asked["seed"], size).as_text())
    progress, workers = Progress(asked["seeds"], "storm"), asked["workers"] or os.cpu_count() or 1
    total = run_campaign(
        asked["seed"],
        asked["seeds"],
        workers,
        ledger,
        asked["budget_s"],
        progress.to,
        size,
    )
    print(as_text(total))
    if "--publish" in words.flags:
        print(f"published: {publish(ledger, Path(texts['paths.results'] or paths.results) / 'storm')}")
    print(total.last_line())
    return 1 if total.summed().violations else 0
