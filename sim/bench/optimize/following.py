"""How a method follows a drift, and what it costs while it searches.

Lost utility after a drift = U*(after) - U(what stood before it, after); recovered when what stands has 90 % of it back.
An alarm counts as in time within five windows of the change, any other alarm as false. Exploration cost: utility of
all windows asked over that of standing still, and the share of windows worse than the incumbent by more than 10 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sim.bench.optimize.yardstick import Yardstick

Record = dict[str, Any]
RECOVERED_SHARE = 0.9
ALARM_WITHIN = 5
WORSE_RATIO = 0.9


def recovery_windows(record: Record, stick: Yardstick) -> float:
    """Windows from the end of the change until 90 % of the lost utility is back; infinity when never seen."""
    assert stick.changed_by is not None
    stood = float(record["stood_after"])
    for claim in record["claims"]:
        window = claim["window"]
        if window <= stick.changed_by:
            continue
        lost = stick.best[window] - stood
        if lost <= 0.0 or claim["utility"] - stood >= RECOVERED_SHARE * lost:
            return float(window - stick.changed_by)
    return math.inf


def is_alarm_in_time(record: Record, stick: Yardstick) -> bool:
    """Whether an alarm came within five windows of a sudden change."""
    at = stick.changes_at
    return at is not None and any(at <= alarm < at + ALARM_WITHIN for alarm in record["alarms"])


def false_alarms(record: Record, stick: Yardstick) -> tuple[int, int]:
    """Alarms before any change, and the windows in which they could have come."""
    until = len(record["asked"]) if stick.changes_at is None else stick.changes_at
    return sum(alarm < until for alarm in record["alarms"]), until


def exploration_ratio(records: Sequence[Record], windows: int = 100) -> float:
    """True utility of the windows asked over that of the incumbent in the same windows and contexts."""
    pairs = [pair for record in records for pair in record["asked"][:windows]]
    return math.fsum(asked for asked, _ in pairs) / math.fsum(stood for _, stood in pairs)


def worse_windows(records: Sequence[Record], windows: int = 100) -> int:
    """Windows whose setting is truly worse than the incumbent by more than 10 %."""
    return sum(
        asked < stood - (1.0 - WORSE_RATIO) * abs(stood)
        for record in records
        for asked, stood in record["asked"][:windows]
    )
