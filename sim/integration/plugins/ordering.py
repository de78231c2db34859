"""The order of plugins at one hook: before/after by id first, then priority (higher first), then id.

Kahn's algorithm with a heap, so that the order never depends on when a plugin was loaded. Ids that are not at the hook
are ignored: an order is a wish about others, not a need.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from sim.integration.plugins.manifest import Order
from sim.integration.plugins.protocol import PluginRefused


def ordered(hook: str, orders: Mapping[str, Order]) -> list[str]:
    """Ids first to last; raises PluginRefused naming one of those who want to stand before each other."""
    followers: dict[str, list[str]] = {name: [] for name in orders}
    waits = dict.fromkeys(orders, 0)
    for name, order in sorted(orders.items()):
        for first, then in [*((name, other) for other in order.before), *((other, name) for other in order.after)]:
            if first in orders and then in orders:
                followers[first].append(then)
                waits[then] += 1
    ready = [(-orders[name].priority, name) for name, count in waits.items() if not count]
    heapq.heapify(ready)
    result: list[str] = []
    while ready:
        _, name = heapq.heappop(ready)
        result.append(name)
        for then in followers[name]:
            waits[then] -= 1
            if not waits[then]:
                heapq.heappush(ready, (-orders[then].priority, then))
    if len(result) < len(orders):
        stuck = sorted(set(orders) - set(result))
        raise PluginRefused(stuck[0], hook, "order", f"{_told(stuck)} want to stand before each other")
    return result


def _told(names: Sequence[str]) -> str:
    return ", ".join(names)
