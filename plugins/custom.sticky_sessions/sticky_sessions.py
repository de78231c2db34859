"""Session affinity: a key goes back to the node that answered it last, while that node can bear it.

Bounded load as in consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018): a node with more than
`load_ratio_max` times the mean number of attempts in flight (plus one) is not preferred. Least recently used sessions
are forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any


class Plugin:
    """`nodes`: session key -> node."""

    def __init__(self, context: Any) -> None:
        self.sessions_max: int = context.settings["sessions_max"]
        self.load_ratio_max: float = context.settings["load_ratio_max"]
        self.nodes: OrderedDict[int, str] = OrderedDict()

    def before_route(self, payload: dict[str, Any]) -> dict[str, Any] | None:
        """Prefer the node of the session."""
        node = self.nodes.get(payload["key"])
        nodes, loads = payload["nodes"], payload["loads"]
        if node is None or node not in nodes:
            return None
        bound = self.load_ratio_max * (sum(loads) + 1) / len(loads)
        return {"prefer": [node]} if loads[nodes.index(node)] <= bound else None

    def after_response(self, payload: dict[str, Any]) -> None:
        """Remember who answered."""
        if payload["status"] != "ok":
            return
        self.nodes[payload["key"]] = payload["node"]
        self.nodes.move_to_end(payload["key"])
        if len(self.nodes) > self.sessions_max:
            self.nodes.popitem(last=False)
