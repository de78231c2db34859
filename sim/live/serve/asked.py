"""What a served fleet is asked for: the words given, over health checks, failover and retries that are on unless told.

A saved config (`config=results/NAME/best.yaml`) says all of its keys. What its study had switched on stays as it is
there; what the study ran without, as most do, is no wish to live without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim.bench.compose import SAVED, load_saved

LIVE = {  # group -> its choice by default, and what its key says where it is off
    "health": ("aggressive", "health.detector", "none"),
    "failover": ("default", "failover.enabled", "false"),
    "retry": ("default", "retry.attempts_max", "1"),
}


def asked_for(words: Sequence[str]) -> list[str]:
    """The words, and before them the groups that neither they nor a saved config choose; raises `InputError`."""
    saved: dict[str, str] = {}
    for word in words:
        if word.startswith(SAVED):
            saved |= dict(load_saved(Path(word.removeprefix(SAVED))))
    groups = [f"{group}={name}" for group, (name, key, off) in LIVE.items() if saved.get(key, off) == off]
    return [*groups, *words]
