"""Settings of a fault's episodes, shared by all kinds: when it strikes, for how long, which nodes.

At random: time up is exponential with mean `mttf_s`, time down with mean `mttr_s` (or exactly that). On a schedule:
for `for_s` seconds from each instant of `at_s` on. Both at once are one fault that never overlaps itself at a node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EpisodeParams:
    """Seconds; `nodes` are birth ordinals, none is all."""

    enabled: bool = True
    mttf_s: float | None = None
    mttr_s: float = 60.0
    repair: str = "exponential"
    at_s: Sequence[float] = ()
    for_s: float = 60.0
    nodes: Sequence[int] = ()
