"""Scripted load on nodes that may be struck: a test says what is sent where, what chance decides, and what strikes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sim.contracts import ArrivalChunk
from sim.runtime.draws import CounterDraws
from sim.runtime.order import FAULT
from sim.runtime.virtual import VirtualRuntime
from sim.scalability.requests.admission import make_admission
from sim.scalability.requests.backoff import backoff_s
from sim.scalability.requests.budget import RetryBudget
from sim.scalability.requests.params import AdmissionParams, RetryParams
from sim.types.records import STATUSES, RunRecord
from sim.world.fragile_fifo import FragileFifo
from sim.world.fragile_sharing import FragileSharing, fragile_batching
from sim.world.marks import Marks
from sim.world.seam import RequestRules
from sim.world.timers import SIDE_FIRST
from sim.world.world import Load, World, WorldParams
from tests.world.scripted import ScriptedArrivals, ScriptedBalancer, ScriptedThinking, ScriptedTokens, ScriptedWork

NAN = float("nan")
RULE_KEYS = ("deadline_s", "hedge_after_s", "hedges_max", "cancel_outrun", "kills", "on_demand")
WORLD_KEYS = ("drop_expired", "single_ratio", "poison_prob", "poison_restart_s", "priority_mix")


class ChosenDraws(CounterDraws):
    """`chosen[purpose, entity, attempt]` where it is there; the same for a whole purpose as `chosen[purpose]`."""

    __slots__ = ("chosen",)

    def __init__(self, chosen: dict[Any, float]) -> None:
        super().__init__(1, 0)
        self.chosen = chosen

    def uniform(self, purpose: int, entity: int, attempt: int = 0, index: int = 0) -> float:
        drawn = super().uniform(purpose, entity, attempt, index)
        return self.chosen.get((purpose, entity, attempt), self.chosen.get(purpose, drawn))

    def uniforms_of(self, purpose: int, entities: Any, width: int = 1, attempt: int = 0) -> Any:
        drawn = super().uniforms_of(purpose, entities, width, attempt)
        for row, entity in enumerate(entities.tolist()):
            drawn[row, 0] = self.chosen.get((purpose, entity, attempt), self.chosen.get(purpose, drawn[row, 0]))
        return drawn


class CountingBalancer(ScriptedBalancer):
    """The k-th pick goes to `to(k, now)`; counts what is in flight by slot; a fence forgets and tells."""

    def __init__(self, to: Callable[[int, float], int]) -> None:
        super().__init__(to)
        self.in_flight = [0] * 16
        self.fence_listeners: list[Callable[[int], None]] = []

    def dispatch(self, dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int:
        slot = super().dispatch(dispatcher, view, draws, key, now)
        if slot >= 0:
            self.in_flight[slot] += 1
        return slot

    def complete(
        self, dispatcher: int, slot: int, generation: int, now: float, latency_s: float, occupancy: int, draw: float = 0
    ) -> None:
        assert generation == self.generation[slot]
        self.in_flight[slot] -= 1
        super().complete(dispatcher, slot, generation, now, latency_s, occupancy, draw)

    def refused(self, dispatcher: int, slot: int, generation: int, now: float) -> None:
        assert generation == self.generation[slot]
        self.in_flight[slot] -= 1
        super().refused(dispatcher, slot, generation, now)

    def fence(self, node_id: str) -> None:
        slot = int(node_id[1:])
        self.generation[slot] += 1
        self.in_flight[slot] = 0
        for listener in self.fence_listeners:
            listener(slot)


@dataclass
class Told:
    """Implements `contracts.Outcomes`: (what, slot, now), in order."""

    words: list[tuple[str, int, float]] = field(default_factory=list)

    def ok(self, slot: int, now: float) -> None:
        self.words.append(("ok", slot, now))

    def failed(self, slot: int, now: float) -> None:
        self.words.append(("failed", slot, now))

    def dropped(self, slot: int, now: float) -> None:
        self.words.append(("dropped", slot, now))


@dataclass
class Outcome:
    """What a run left; `rows` are (request, attempt, node, status, arrived, started, finished)."""

    record: RunRecord
    world: World
    balancer: CountingBalancer
    told: Told
    engine: Any

    def rows(self, *names: str) -> list[tuple[Any, ...]]:
        """Columns of the attempt table; statuses by name, NaN as None."""
        table = self.record.attempts
        columns = []
        for name in names:
            values = getattr(table, name).tolist()
            if name == "status":
                values = [STATUSES[code] for code in values]
            columns.append([None if value != value else value for value in values])
        return list(zip(*columns, strict=True))

    @property
    def ends(self) -> list[tuple[Any, ...]]:
        """(request, attempt, node, status, finished_at) of every attempt."""
        return self.rows("request", "attempt", "node", "status", "finished_at")


def struck_run(
    at: list[float],
    work_s: list[float] | dict[int, float] | None = None,
    *,
    to: Callable[[int, float], int] | Sequence[int] = (),
    tokens: list[tuple[int, int]] | None = None,
    nodes: int = 2,
    agents: int = 1,
    speed: float = 1.0,
    queue_max: int = 100,
    central_queue_max: int = 100,
    sharing: bool = False,
    horizon_s: float = 1000.0,
    drain_s: float = 1000.0,
    clients: int = 0,
    retry: dict[str, Any] | None = None,
    admission: dict[str, Any] | None = None,
    chosen: dict[Any, float] | None = None,
    during: dict[float, Callable[[World], Any]] | None = None,
    side: list[float] | None = None,
    **keys: Any,
) -> Outcome:
    """One run over `nodes` equal nodes (slot i is node i); `to` says where picks go, one after another (then 0)."""
    runtime = VirtualRuntime()
    script = to if callable(to) else lambda count, now: to[count] if count < len(to) else 0  # type: ignore[index]
    balancer, told = CountingBalancer(script), Told()
    law: Any = ScriptedTokens(tokens) if tokens else ScriptedWork(work_s or [1.0])  # type: ignore[arg-type]
    make_pool: Any = FragileSharing if sharing else fragile_batching(law) if tokens else FragileFifo
    retries = RetryParams(**{"backoff_s": 0.0, **(retry or {})})
    rules = RequestRules(
        budget=RetryBudget(retries),
        outcomes=told,
        backoff_s=lambda number, draw: backoff_s(number, retries.backoff_s, retries.backoff_max_s, draw),
        admission=make_admission(AdmissionParams(**admission)) if admission else None,
        on_dropped=told.dropped,
        attempts_max=retries.attempts_max,
        attempt_timeout_s=retries.attempt_timeout_s,
        **{name: keys.pop(name) for name in RULE_KEYS if name in keys},
    )
    params = WorldParams(
        make_pool=make_pool, queue_max=queue_max, central_queue_max=central_queue_max, types=("agent",), keyed=False,
        tokens=tokens is not None, sharing=sharing or tokens is not None, agent_start_s=0.5,
        **{name: keys.pop(name) for name in WORLD_KEYS if name in keys},
    )  # fmt: skip
    assert not keys, keys
    draws = ChosenDraws(chosen or {})
    world = World(runtime, balancer, draws, params, rules)

    async def deploy() -> None:
        for node in range(nodes):
            world.add_node(f"n{node}", speed, f"zone-{node}")
            for agent in range(agents):
                await world.start_agent(f"n{node}", f"a{node}-{agent}", {"type": "agent"})
            for listener in balancer.slot_listeners:
                listener(node, f"n{node}", "agent")

    runtime.run_task(deploy())
    for order, (instant, act) in enumerate((during or {}).items()):
        runtime.env.call_at(instant, FAULT, order, lambda act: act(world), act)
    load = Load(
        open=None if clients else ScriptedArrivals(at), closed=ScriptedThinking(clients) if clients else None,
        service=law, marks=Marks(None, 0, 0.0), horizon_s=horizon_s, drain_s=drain_s,
        side=None if side is None else lambda draws, horizon_s: iter(_side_chunks(side)),
    )  # fmt: skip
    record = world.run(load)
    engine: Any = world.engine
    assert sum(engine.ended_counts) + engine.in_system == record.arrivals_count
    open_by_slot = np.bincount(
        [s for s, code in zip(engine.columns.slot, engine.columns.status, strict=True) if code == 5 and s >= 0],
        minlength=16,
    )
    assert balancer.in_flight == open_by_slot.tolist()
    return Outcome(record, world, balancer, told, engine)


def _side_chunks(at: list[float]) -> list[ArrivalChunk]:
    """Two requests a chunk; the first has the ordinal `SIDE_FIRST`."""
    return [ArrivalChunk(SIDE_FIRST + first, at[first : first + 2]) for first in range(0, len(at), 2)]


def crash(node: int, requeue: bool = False) -> Callable[[World], None]:
    """Take a node down."""
    return lambda world: world.machines.crash(f"n{node}", requeue, True)


def restore(node: int) -> Callable[[World], None]:
    """Bring a node back."""
    return lambda world: world.machines.restore(f"n{node}")


def pause(node: int) -> Callable[[World], None]:
    """Stop a node where it is."""
    return lambda world: world.machines.pause(f"n{node}")


def resume(node: int) -> Callable[[World], None]:
    """Let it go on."""
    return lambda world: world.machines.resume(f"n{node}")


def slow(node: int, factor: float) -> Callable[[World], None]:
    """Serve at `factor` of its speed."""
    return lambda world: world.machines.set_speed_factor(f"n{node}", factor)


def fence(node: int) -> Callable[[World], None]:
    """The control plane forgets what it sent there."""
    return lambda world: world.membership.fence(f"n{node}")
