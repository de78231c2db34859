"""How the answers of several plugins at one hook become one: each sees what those before it left.

`before_route`: vetoes add up, and a veto also strikes a node from what was preferred; the first preference stays ahead.
`scaling_decided`: the last bound holds, clipped to the limits that the payload names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.integration.plugins.protocol import Bound, Routing

Fold = Callable[[dict[str, Any], Any, Any], tuple[dict[str, Any], Any]]


def fold_routing(payload: dict[str, Any], so_far: Routing | None, answer: Routing) -> tuple[dict[str, Any], Routing]:
    """The payload for the next plugin, and the answer up to now."""
    before = so_far or Routing()
    veto = [*before.veto, *(node for node in answer.veto if node not in before.veto)]
    prefer = [*before.prefer, *(node for node in answer.prefer if node not in before.prefer)]
    kept = [number for number, node in enumerate(payload["nodes"]) if node not in veto]
    narrowed = {
        **payload,
        "nodes": [payload["nodes"][number] for number in kept],
        "loads": [payload["loads"][number] for number in kept],
    }
    return narrowed, Routing(veto, [node for node in prefer if node not in veto])


def fold_bound(payload: dict[str, Any], so_far: Bound | None, answer: Bound) -> tuple[dict[str, Any], Bound]:
    """As `fold_routing`."""
    desired = min(max(answer.desired, payload["minimum"]), payload["maximum"])
    reasons = [each.reason for each in (so_far, answer) if each is not None and each.reason]
    return {**payload, "desired": desired}, Bound(desired, "; ".join(reasons))


FOLDS: dict[str, Fold] = {"before_route": fold_routing, "scaling_decided": fold_bound}
