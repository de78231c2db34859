"""What Python asks of a running kernel between two calls of `advance`: the balancer's compiled rules, one by one.

They are the very rules that `advance` calls, over the same books, so that it does not matter who sends an attempt. The
uniforms of a pick stand in `k.draws`. A dispatch may give `STALE`; then the view is rebuilt and it is asked again.
"""

from __future__ import annotations

from typing import Any

from sim.kernel.messages import send_probes
from sim.types.records import TRUNCATED


def call_dispatch(k: Any, dispatcher: int, view: int, key: int, now: float) -> int:
    """Pick a slot and count the attempt there."""
    slot: int = k.paths.dispatch(k.paths.books, dispatcher, view, k.draws, key, now)
    return slot


def call_elsewhere(k: Any, dispatcher: int, view: int, key: int, held: int, now: float) -> int:
    """The same on another node than slot `held` is of."""
    slot: int = k.paths.elsewhere(k.paths.books, dispatcher, view, k.draws, key, held, now)
    return slot


def call_complete(
    k: Any, dispatcher: int, slot: int, now: float, latency_s: float, occupancy: int, draw: float
) -> None:
    """An attempt of the slot's present generation was answered."""
    k.paths.complete(k.paths.books, dispatcher, slot, now, latency_s, occupancy, draw)


def call_refused(k: Any, dispatcher: int, slot: int) -> None:
    """An attempt of the slot's present generation was turned away or given up."""
    k.paths.refused(k.paths.books, dispatcher, slot)


def call_record(k: Any, slot: int, rif: int, latency_s: float) -> None:
    """The node of a slot notes an answer."""
    k.paths.record(k.paths.books, slot, rif, latency_s)


def call_probes(k: Any, row: int, dispatcher: int, view: int, now: float) -> int:
    """Probes after a dispatch; their number, or `STALE`."""
    return send_probes(k, row, dispatcher, view, now)


def call_skip_ended(k: Any, row: int, count: int) -> int:
    """The first row from `row` on that is open, or whose request has several attempts; `count` without."""
    rows = k.rows
    while row < count and (rows.over[row] == 1 or (rows.status[row] != TRUNCATED and rows.by_hand[row] == 0)):
        row += 1
    return row


def call_busy(k: Any, count: int, now: float) -> None:
    """Busy agent-seconds of the first pools until now into `read_s`; their books stay as they are."""
    pools = k.pools
    for p in range(count):
        busy = min(pools.in_service[p], pools.agents[p])
        pools.read_s[p] = pools.area_busy_s[p] + busy * (now - pools.last_at[p])
