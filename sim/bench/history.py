"""What happened in a run, read from its event log: faults as they were injected, and what the control plane believed.

Detected: the first `node_status` to offline, `node_ejected` or `breaker_opened` of the node while the fault was on.
Failed over: when the last of the agents that were ready on the node at the detection was ready again, there or
elsewhere; of those only that had to start again before the fault was over, and never where none had to.
Outage: from one of those events until the node's status is another (`health`), `node_readmitted` (`ejection`),
`breaker_closed` (`breaker`), or the node is removed. It is founded where a fault of `FOUNDING` was on at that node (or
at the fleet) when it began, or had ended at most `MEMORY_S` before.
What the autoscaler wants: `desired` of the fleet's `scale_out` and `scale_in`.
`History.read` takes one event at a time, so that it works where a log keeps only its newest rows. Seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.runtime.events import EventLog, Row
from sim.types.records import EpisodeTable, OutageTable, ScaleSteps

FOUNDING = frozenset({"crash", "pause", "partition", "zone_outage", "preemption", "slow", "errors"})
MEMORY_S = 60.0
FLEET = "fleet"
NEVER = math.nan
_OPENING = {"node_ejected": "ejection", "breaker_opened": "breaker"}
_SCALING = ("scale_out", "scale_in")
_CLOSING = {"node_readmitted": "ejection", "breaker_closed": "breaker"}


@dataclass(slots=True)
class _Episode:
    kind: str
    subject: str
    began_at: float
    ended_at: float = NEVER
    detected_at: float = NEVER
    failed_over_at: float = NEVER
    waiting: dict[str, None] = field(default_factory=dict)  # agents that have to be ready again


@dataclass(slots=True)
class _Outage:
    subject: str
    cause: str
    began_at: float
    founded: bool
    ended_at: float = NEVER


class History:
    """Episodes and outages so far; `read` takes the events in their order."""

    def __init__(self) -> None:
        self._episodes: list[_Episode] = []
        self._outages: list[_Outage] = []
        self._on: dict[tuple[str, str, object], _Episode] = {}  # by (kind, subject, occurrence)
        self._out: dict[tuple[str, str], _Outage] = {}  # by (cause, node)
        self._place: dict[str, str] = {}  # ready agent -> node
        self._awaited: dict[str, list[_Episode]] = {}  # by agent: the episodes that its return would end
        self._last_end_at: dict[str, float] = {}  # of a founding fault, by subject
        self._wanted: list[tuple[float, int]] = []  # (instant, nodes)

    def read(self, row: Row) -> None:
        """Take in the next event; those that say nothing of nodes and agents are passed over."""
        kind, subject = row.kind, row.subject
        if kind.startswith("agent_"):
            self._agent(row.at, kind, subject, dict(row.fields))
        elif kind in ("fault_began", "fault_ended"):
            self._fault(row.at, kind, subject, dict(row.fields))
        elif kind == "node_status":
            if dict(row.fields)["new"] == "offline":
                self._goes_out(row.at, subject, "health")
            else:
                self._comes_back(row.at, subject, "health")
        elif kind in _OPENING:
            self._goes_out(row.at, subject, _OPENING[kind])
        elif kind in _CLOSING:
            self._comes_back(row.at, subject, _CLOSING[kind])
        elif kind in _SCALING and subject == FLEET:
            self._scales(row.at, int(dict(row.fields)["desired"]))
        elif kind == "node_removed":
            for cause in ("health", "ejection", "breaker"):
                self._comes_back(row.at, subject, cause)

    def _fault(self, at: float, event: str, subject: str, fields: dict[str, Any]) -> None:
        key = (fields["kind"], subject, fields["occurrence"])
        if event == "fault_began":
            self._on[key] = episode = _Episode(fields["kind"], subject, at)
            self._episodes.append(episode)
        elif key in self._on:
            episode = self._on.pop(key)
            episode.ended_at = at
            self._let_stay(episode)
            if fields["kind"] in FOUNDING:
                self._last_end_at[subject] = at

    def _scales(self, at: float, nodes: int) -> None:
        if not self._wanted or self._wanted[-1][1] != nodes:
            self._wanted.append((at, nodes))

    def _goes_out(self, at: float, node_id: str, cause: str) -> None:
        for episode in self._on.values():
            if episode.subject == node_id and math.isnan(episode.detected_at):
                episode.detected_at = at
                episode.waiting = {agent: None for agent, place in self._place.items() if place == node_id}
                for agent in episode.waiting:
                    self._awaited.setdefault(agent, []).append(episode)
        if (cause, node_id) not in self._out:  # a breaker that opens again after a trial never closed
            self._out[cause, node_id] = outage = _Outage(node_id, cause, at, self._is_founded(at, node_id))
            self._outages.append(outage)

    def _comes_back(self, at: float, node_id: str, cause: str) -> None:
        outage = self._out.pop((cause, node_id), None)
        if outage is not None:
            outage.ended_at = at

    def _is_founded(self, at: float, node_id: str) -> bool:
        places = (node_id, FLEET)
        if any(one.subject in places and one.kind in FOUNDING for one in self._on.values()):
            return True
        return any(at - self._last_end_at.get(place, -math.inf) <= MEMORY_S for place in places)

    def _agent(self, at: float, event: str, agent_id: str, fields: dict[str, Any]) -> None:
        if event == "agent_ready":
            self._place[agent_id] = fields["node"]
        else:
            self._place.pop(agent_id, None)
        if event in ("agent_ready", "agent_stopped"):
            for episode in self._awaited.pop(agent_id, ()):
                del episode.waiting[agent_id]
                if event == "agent_ready":
                    episode.failed_over_at = at

    def _let_stay(self, episode: _Episode) -> None:
        """Agents that are still on the node when its fault is over did not have to move."""
        for agent in [agent for agent in episode.waiting if agent in self._place]:
            del episode.waiting[agent]
            self._awaited[agent].remove(episode)

    def episodes(self, node_ids: Sequence[str]) -> EpisodeTable:
        """Faults so far; `node` is the place of the subject in `node_ids`, -1 where it is none of them."""
        rows, place = self._episodes, _places(node_ids)
        return EpisodeTable(
            kind=[row.kind for row in rows],
            node=np.array([place.get(row.subject, -1) for row in rows], dtype=np.int32),
            began_at=np.array([row.began_at for row in rows], dtype=np.float64),
            ended_at=np.array([row.ended_at for row in rows], dtype=np.float64),
            detected_at=np.array([row.detected_at for row in rows], dtype=np.float64),
            failed_over_at=np.array([NEVER if row.waiting else row.failed_over_at for row in rows], dtype=np.float64),
        )

    def outages(self, node_ids: Sequence[str]) -> OutageTable:
        """Outages so far, likewise."""
        rows, place = self._outages, _places(node_ids)
        return OutageTable(
            node=np.array([place.get(row.subject, -1) for row in rows], dtype=np.int32),
            cause=[row.cause for row in rows],
            began_at=np.array([row.began_at for row in rows], dtype=np.float64),
            ended_at=np.array([row.ended_at for row in rows], dtype=np.float64),
            founded=np.array([row.founded for row in rows], dtype=np.int8),
        )

    def scale_steps(self, start: int) -> ScaleSteps:
        """What the autoscaler wanted, from `start` nodes at the beginning on."""
        rows = [(0.0, start), *self._wanted]
        return ScaleSteps(
            at=np.array([at for at, _ in rows], dtype=np.float64),
            desired_nodes=np.array([nodes for _, nodes in rows], dtype=np.int32),
        )


def _places(node_ids: Sequence[str]) -> dict[str, int]:
    return {node_id: ordinal for ordinal, node_id in enumerate(node_ids)}


def history_of(rows: Iterable[Row], ended_at: float) -> History:
    """The history of a log's rows up to `ended_at`."""
    history = History()
    for row in rows:
        if row.at <= ended_at:
            history.read(row)
    return history


def episodes_of(rows: Iterable[Row], node_ids: Sequence[str], ended_at: float) -> EpisodeTable:
    """Faults of a run from its event log, in order of their beginning."""
    return history_of(rows, ended_at).episodes(node_ids)


def outages_of(rows: Iterable[Row], node_ids: Sequence[str], ended_at: float) -> OutageTable:
    """Outages of a run from its event log, in order of their beginning."""
    return history_of(rows, ended_at).outages(node_ids)


class HistoryLog(EventLog):
    """An event log that reads its own history as it is written, however few rows it keeps."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History()

    def write(self, at: float, kind: str, subject: str, /, **fields: object) -> None:
        """As `EventLog`."""
        super().write(at, kind, subject, **fields)
        self.history.read(self.rows[-1])
