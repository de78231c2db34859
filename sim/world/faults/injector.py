"""Strikes a fleet with any mix of faults, and tells the event log what truly happened.

`add` what a config asks for, `start` once the fleet stands and before the load: up-times of the machines that are
there count from the start, those of later ones from their birth. `fault_began` and `fault_ended` (subject: node id or
"fleet"; fields kind, occurrence, reason) come before what they cause. The control plane never asks the injector.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.contracts import Draws, EventSink
from sim.errors import ConfigError
from sim.registry import lookup, names
from sim.runtime.environment import OrderedEnvironment
from sim.world.faults.check import check_places, check_values
from sim.world.faults.hands import Episode, Hands
from sim.world.faults.schedule import COPIES_MAX, FLEET_SERIAL, KINDS, code_of
from sim.world.faults.stream import Stream
from sim.world.faults.target import FaultTarget


class FaultInjector:
    """All faults of one run; `counts` of nodes struck by kind."""

    def __init__(self, env: OrderedEnvironment, draws: Draws, target: FaultTarget, log: EventSink) -> None:
        self.counts: dict[str, int] = {}
        self._env, self._draws, self._target, self._log = env, draws, target, log
        self._hands = Hands(env, target)
        self._streams: list[Stream] = []
        self._serials: dict[str, int] = {}  # machines there now
        self._occurrences: dict[tuple[str, str], int] = {}  # (kind, subject) -> episodes so far
        self._started = self._stopped = False

    @property
    def skipped(self) -> dict[str, int]:
        """Episodes by kind that were due while one was on at their place."""
        counts: dict[str, int] = {}
        for stream in self._streams:
            counts[stream.kind] = counts.get(stream.kind, 0) + stream.schedule.skipped_count
        return counts

    def add(self, kind: str, params: Any) -> None:
        """One more fault (nothing where it is not enabled); the same kind may come again with other settings.

        Raises `ConfigError` naming `faults.<kind>.<key>`.
        """
        assert not self._started, "faults are added before the start"
        fault_type = fault_of(kind)
        if not params.enabled:
            return
        check_values(kind, params)
        if fault_type.scope == "load":
            return
        copy = sum(stream.kind == kind for stream in self._streams)
        if copy >= COPIES_MAX:
            raise ConfigError(f"faults.{kind}", copy + 1, f"at most {COPIES_MAX} faults of a kind")
        fault = fault_type(params, self._hands, code_of(kind, copy))
        self._streams.append(Stream(kind, fault, self._draws, self._node_struck, self._node_healed))

    def start(self, nodes_max: int | None = None, zones: Sequence[str] | None = None) -> None:
        """Strike from now on; `nodes_max` and `zones` where the fleet may grow beyond what is there now.

        Raises `ConfigError` for an ordinal or a zone that the fleet does not have.
        """
        assert not self._started
        self._started = True
        target = self._target
        node_ids = target.node_ids()
        here = list(dict.fromkeys(target.zone_of(node_id) for node_id in node_ids))
        for stream in self._streams:
            check_places(
                stream.kind,
                stream.fault.params,
                len(node_ids) if nodes_max is None else nodes_max,
                here if zones is None else zones,
            )
        target.born_listeners.append(self._node_born)
        target.gone_listeners.append(self._node_gone)
        for stream in self._streams:
            stream.start()
        for node_id in node_ids:
            self._node_born(node_id)

    def stop(self) -> None:
        """Heal everything now; nothing strikes any more."""
        self._stopped = True
        for stream in self._streams:
            stream.stop()

    def active(self, node_id: str) -> tuple[str, ...]:
        """Kinds that hold a node (or "fleet") now, in the order of `KINDS`."""
        on = {stream.kind: None for stream in self._streams if node_id in stream.struck}
        return tuple(kind for kind in KINDS if kind in on)

    def _node_born(self, node_id: str) -> None:
        if self._stopped:
            return
        serial = self._serials[node_id] = self._target.birth_of(node_id)
        zone = self._target.zone_of(node_id)
        for stream in self._streams:
            stream.node_born(node_id, serial, zone)

    def _node_gone(self, node_id: str) -> None:
        serial = self._serials.pop(node_id, None)
        if serial is None:
            return
        for stream in self._streams:
            stream.node_gone(node_id)
        self._hands.forget(node_id)
        self._target.network.forget(serial)

    def _node_struck(self, stream: Stream, subject: str, entity: int) -> Episode:
        occurrence = self._occurrences.get((stream.kind, subject), 0)
        self._occurrences[stream.kind, subject] = occurrence + 1
        self.counts[stream.kind] = self.counts.get(stream.kind, 0) + 1
        self._log.write(self._env.now, "fault_began", subject, kind=stream.kind, occurrence=occurrence)
        return Episode(subject, self._serials.get(subject, FLEET_SERIAL), entity, occurrence, self._env.now)

    def _node_healed(self, stream: Stream, episode: Episode, reason: str) -> None:
        self._log.write(
            self._env.now,
            "fault_ended",
            episode.node_id,
            kind=stream.kind,
            occurrence=episode.occurrence,
            reason=reason,
        )


def fault_of(kind: str) -> Any:
    """The registered class of a fault; its `params_type` has the config's field names. Raises `ConfigError`."""
    if kind not in names("fault"):
        raise ConfigError(f"faults.{kind}", "", "one of " + ", ".join(names("fault")))
    return lookup("fault", kind)
