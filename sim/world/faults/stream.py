"""One fault of a run: its schedule over the places it may strike, and the nodes that it holds now.

Places are nodes, zones or the fleet. A zone strikes all nodes that are in it, in birth order, and those that join it
while it is out; a fault of the fleet is told with the subject "fleet".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sim.contracts import Draws
from sim.runtime.order import FAULT
from sim.world.faults.hands import Episode, Fault
from sim.world.faults.schedule import FLEET_SERIAL, JOIN, Schedule, key_of

FLEET = "fleet"


class Stream:
    """Opens and closes places as nodes come and go; `began` and `ended` hear of every node struck and healed."""

    def __init__(
        self, kind: str, fault: Fault, draws: Draws, began: Callable[[Stream, str, int], Episode],
        ended: Callable[[Stream, Episode, str], None],
    ) -> None:  # fmt: skip
        self.kind, self.fault = kind, fault
        self.struck: dict[str, Episode] = {}
        self._began, self._ended = began, ended
        self._zones: dict[str, int] = {}  # zone -> ordinal, by first appearance
        self._members: dict[str, str] = {}  # node -> place; only where a place has several nodes
        self._entities: dict[str, int] = {}  # zone -> its episode that is on
        self._zones_chosen: Sequence[str] = getattr(fault.params, "zones", ())
        params = fault.episodes()
        self._nodes_chosen = frozenset(params.nodes)
        self.schedule = Schedule(
            fault.hands.env,
            draws,
            fault.code,
            params,
            self._begin,
            self._end,
            fault.lead_s,
            getattr(params, "repairers_max", 0),
        )

    def start(self) -> None:
        """From now on a fault of the fleet may strike."""
        if self.fault.scope == "fleet":
            self.schedule.open(FLEET, FLEET_SERIAL)

    def node_born(self, node_id: str, serial: int, zone: str) -> None:
        """A machine is there."""
        if self.fault.scope == "node":
            if not self._nodes_chosen or serial in self._nodes_chosen:
                self.schedule.open(node_id, serial)
        elif self.fault.scope == "zone" and (not self._zones_chosen or zone in self._zones_chosen):
            self._members[node_id] = zone
            if zone not in self._zones:
                self._zones[zone] = len(self._zones)
                self.schedule.open(zone, self._zones[zone])
            elif zone in self._entities:  # it joins a zone that is out: struck once it stands
                key = key_of(self.fault.code << 56 | serial << 24, JOIN)
                self.fault.hands.env.call_at(self.fault.hands.env.now, FAULT, key, self._join, node_id)

    def node_gone(self, node_id: str) -> None:
        """The machine is no more: its episode ends without being healed."""
        episode = self.struck.pop(node_id, None)
        if episode is not None:
            episode.on = False
            self._ended(self, episode, "gone")
        if self.fault.scope == "node":
            self.schedule.close(node_id)
        self._members.pop(node_id, None)

    def stop(self) -> None:
        """Heal everything; nothing strikes any more."""
        for node_id in list(self.struck):
            self._heal(node_id, "stopped")
        self.schedule.close_all()
        self._entities.clear()

    def _nodes_of(self, place: str) -> list[str]:
        if self.fault.scope == "zone":
            return [node_id for node_id, zone in self._members.items() if zone == place]
        return [place]

    def _begin(self, place: str, entity: int) -> None:
        if self.fault.scope == "zone":
            self._entities[place] = entity
        for node_id in self._nodes_of(place):
            self._strike(node_id, entity)

    def _join(self, node_id: str) -> None:
        zone = self._members.get(node_id)
        if zone is not None and zone in self._entities and node_id not in self.struck:
            self._strike(node_id, self._entities[zone])

    def _strike(self, node_id: str, entity: int) -> None:
        episode = self._began(self, node_id, entity)
        self.struck[node_id] = episode
        self.fault.strike(episode)

    def _end(self, place: str) -> None:
        self._entities.pop(place, None)
        for node_id in self._nodes_of(place):
            if node_id in self.struck:
                self._heal(node_id, "over")

    def _heal(self, node_id: str, reason: str) -> None:
        episode = self.struck.pop(node_id)
        episode.on = False
        self._ended(self, episode, reason)
        self.fault.heal(episode)
