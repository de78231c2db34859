"""A world that only writes down what faults do to it, with the instant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sim.registry import lookup
from sim.runtime.draws import CounterDraws
from sim.runtime.environment import OrderedEnvironment
from sim.runtime.events import EventLog
from sim.runtime.order import CONTROL
from sim.world.faults.injector import FaultInjector
from sim.world.network import Network

Call = tuple[float, str, str, tuple[Any, ...]]


class FakeTarget:
    """Implements `sim.world.faults.target.FaultTarget`."""

    def __init__(self, env: OrderedEnvironment, network: Network) -> None:
        self.env, self.network = env, network
        self.born_listeners: list[Callable[[str], None]] = []
        self.gone_listeners: list[Callable[[str], None]] = []
        self.calls: list[Call] = []
        self.zones: dict[str, str] = {}
        self.births: dict[str, int] = {}
        self.hurt: Callable[[str], None] | None = None  # called at every crash

    def born(self, node_id: str, zone: str = "zone-1") -> None:
        self.births[node_id] = len(self.births)
        self.zones[node_id] = zone
        for listener in self.born_listeners:
            listener(node_id)

    def gone(self, node_id: str) -> None:
        del self.zones[node_id]
        for listener in self.gone_listeners:
            listener(node_id)

    def node_ids(self) -> list[str]:
        return list(self.zones)

    def birth_of(self, node_id: str) -> int:
        return self.births[node_id]

    def zone_of(self, node_id: str) -> str:
        return self.zones[node_id]

    def crash(self, node_id: str, requeue: bool, keep_state: bool) -> None:
        self._note("crash", node_id, requeue, keep_state)
        if self.hurt is not None:
            self.hurt(node_id)

    def restore(self, node_id: str) -> None:
        self._note("restore", node_id)

    def pause(self, node_id: str) -> None:
        self._note("pause", node_id)

    def resume(self, node_id: str) -> None:
        self._note("resume", node_id)

    def set_speed_factor(self, node_id: str, factor: float) -> None:
        self._note("speed", node_id, factor)

    def set_error_prob(self, node_id: str, prob: float) -> None:
        self._note("errors", node_id, prob)

    def mute(self, node_id: str, muted: bool) -> None:
        self._note("mute", node_id, muted)

    def skew(self, node_id: str, offset_s: float, drift_ratio: float) -> None:
        self._note("skew", node_id, offset_s, drift_ratio)

    def notice(self, node_id: str, notice_s: float) -> None:
        self._note("notice", node_id, notice_s)

    def _note(self, name: str, node_id: str, *args: Any) -> None:
        assert node_id in self.zones, f"{name} of {node_id}, which is not there"
        self.calls.append((self.env.now, name, node_id, args))


class Rig:
    """A fleet under fire: clock, world, injector and event log."""

    def __init__(self, nodes: int = 3, zones: Sequence[str] = ("zone-1",), seed: int = 1) -> None:
        self.env = OrderedEnvironment()
        self.draws = CounterDraws(seed, 0)
        self.network = Network(self.draws)
        self.target = FakeTarget(self.env, self.network)
        self.log = EventLog(rows_max=10_000_000)
        self.injector = FaultInjector(self.env, self.draws, self.target, self.log)
        for ordinal in range(nodes):
            self.target.born(f"node-{ordinal}", zones[ordinal % len(zones)])

    def add(self, kind: str, **values: Any) -> Rig:
        self.injector.add(kind, lookup("fault", kind).params_type(**values))
        return self

    def at(self, instant: float, fn: Callable[..., None], *args: Any) -> Rig:
        """Call `fn` at an instant, after the faults of that instant."""
        self.env.call_at(instant, CONTROL, 0, lambda _: fn(*args), None)
        return self

    def run(self, until: float) -> Rig:
        self.injector.start()
        self.env.run(until)
        return self

    def calls(self, *names: str) -> list[Call]:
        return [call for call in self.target.calls if not names or call[1] in names]

    def events(self, kind: str, fault: str | None = None) -> list[tuple[float, str]]:
        """Instants and subjects of the log's events of a kind."""
        rows = [row for row in self.log.rows if row.kind == kind]
        return [(row.at, row.subject) for row in rows if fault is None or dict(row.fields)["kind"] == fault]
