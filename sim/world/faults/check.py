"""A fault's settings against what is accepted, before time 0: every refusal names `faults.<kind>.<key>`.

Ranges are those of the config schema; they are held here again since storms and tests build faults without a config.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from sim.errors import ConfigError

INF = math.inf
POSITIVE = (0.0, INF, False)
NOT_NEGATIVE = (0.0, INF, True)
SHARE = (0.0, 1.0, True)
# key -> lowest, highest, whether the lowest itself is accepted
RANGES: dict[str, tuple[float, float, bool]] = {
    "mttf_s": POSITIVE,
    "mttr_s": POSITIVE,
    "for_s": POSITIVE,
    "factor": (0.0, 1.0, False),
    "loss_prob": SHARE,
    "prob": SHARE,
    "delay_s": NOT_NEGATIVE,
    "delay_jitter_s": NOT_NEGATIVE,
    "retransmit_s": POSITIVE,
    "silent_s": POSITIVE,
    "sound_s": POSITIVE,
    "offset_s": (-INF, INF, True),
    "drift_ratio": (-0.5, 0.5, True),
    "notice_s": NOT_NEGATIVE,
    "restart_s": NOT_NEGATIVE,
    "ratio": NOT_NEGATIVE,
    "repairers_max": NOT_NEGATIVE,
    "requests_count": NOT_NEGATIVE,
    "at_s": NOT_NEGATIVE,
}
WORDS = {
    "repair": ("exponential", "deterministic"),
    "in_flight": ("lose", "requeue"),
    "state": ("keep", "lose"),
    "direction": ("both", "to_node", "from_node"),
    "shape": ("step", "spike", "herd"),
}


def check_values(kind: str, params: Any) -> None:
    """Values by themselves; raises `ConfigError` for the first that is not accepted."""
    for name in (field.name for field in dataclasses.fields(params)):
        key, value = f"faults.{kind}.{name}", getattr(params, name)
        if name in RANGES and value is not None:
            for one in value if isinstance(value, Sequence) else [value]:
                _check_range(key, one, RANGES[name])
        elif name in WORDS and value not in WORDS[name]:
            raise ConfigError(key, value, "one of " + ", ".join(WORDS[name]))
    if hasattr(params, "mttf_s") and params.mttf_s is None and not params.at_s:
        wanted = f"seconds, or instants in faults.{kind}.at_s (a fault that is on must strike some time)"
        raise ConfigError(f"faults.{kind}.mttf_s", None, wanted)
    if hasattr(params, "zones") and params.nodes:
        raise ConfigError(f"faults.{kind}.nodes", list(params.nodes), "empty: zones say where")


def check_places(kind: str, params: Any, nodes_max: int, zones: Sequence[str]) -> None:
    """Where it strikes, in a fleet of at most `nodes_max` nodes in `zones`; raises `ConfigError`."""
    for ordinal in getattr(params, "nodes", ()):
        if not 0 <= ordinal < nodes_max:
            raise ConfigError(f"faults.{kind}.nodes", ordinal, f"ordinals of the fleet's nodes, 0 to {nodes_max - 1}")
    for zone in getattr(params, "zones", ()):
        if zone not in zones:
            raise ConfigError(f"faults.{kind}.zones", zone, "zones of the fleet: " + ", ".join(zones))


def _check_range(key: str, value: float, accepted: tuple[float, float, bool]) -> None:
    lowest, highest, itself = accepted
    if math.isfinite(value) and lowest <= value <= highest and (itself or value > lowest):
        return
    if lowest == -INF:
        wanted = "a finite number"
    elif highest == INF:
        wanted = f"a finite number, {lowest:g} or more" if itself else f"a finite number above {lowest:g}"
    else:
        wanted = f"{'from' if itself else 'above'} {lowest:g}{' to' if itself else ', up to'} {highest:g}"
    raise ConfigError(key, value, wanted)
