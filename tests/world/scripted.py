"""Scripted load and a scripted balancer: a test says when requests come, what they demand and where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sim.contracts import ArrivalChunk
from sim.runtime.draws import CounterDraws
from sim.runtime.virtual import VirtualRuntime
from sim.types.records import RunRecord
from sim.world.batching import BatchingPool
from sim.world.fifo import FifoPool
from sim.world.marks import Marks
from sim.world.sharing import SharingPool
from sim.world.world import Load, World, WorldParams


class ScriptedArrivals:
    """Arrivals at the instants given, in chunks of `size`."""

    def __init__(self, at: list[float], size: int = 3, terminating: bool = False) -> None:
        self.at, self.size, self.terminating = at, size, terminating

    def rate_per_s(self) -> float:
        return len(self.at) / self.at[-1]

    def chunks(self, draws: Any, horizon_s: float) -> Iterator[ArrivalChunk]:
        at = [instant for instant in self.at if instant < horizon_s]
        for first in range(0, len(at), self.size):
            yield ArrivalChunk(first, at[first : first + self.size])


class ScriptedWork:
    """Demands in seconds, by request ordinal."""

    def __init__(self, work_s: list[float]) -> None:
        self.demands = work_s

    def mean_s(self) -> float:
        return sum(self.demands) / len(self.demands)

    def work_s(self, draws: Any, entities: Any, chunk: Any) -> list[float]:
        return [self.demands[int(entity)] for entity in entities.tolist()]


class ScriptedTokens:
    """Token demands by ordinal; prefill .1 s a prompt token, a token takes .5 s + .25 s a further one in the batch."""

    def __init__(self, tokens: list[tuple[int, int]]) -> None:
        self.demands = tokens

    def mean_s(self) -> float:
        return 1.0

    def tokens(self, draws: Any, entities: Any, chunk: Any) -> tuple[list[int], list[int]]:
        rows = [self.demands[int(entity)] for entity in entities.tolist()]
        return [prompt for prompt, _ in rows], [output for _, output in rows]

    def prefill_s(self, prompt_tokens: int) -> float:
        return 0.125 * prompt_tokens

    def token_s(self, batch: int, context_tokens: int) -> float:
        return 0.5 + 0.25 * (batch - 1)


class ScriptedThinking:
    """Closed clients that think 1 s."""

    terminating = False

    def __init__(self, clients_count: int) -> None:
        self.clients_count = clients_count

    def think_s(self, draws: Any, client: int, ordinal: int) -> float:
        return 1.0


class ScriptedBalancer:
    """Sends the k-th dispatch to the slot the script says (-1: nothing eligible); writes down what it hears."""

    draws_count = 0
    probes_count = 0
    probe_delay_s = 0.0
    refresh_s: float | None = None
    needs_completion_draw = False
    central = False
    dispatchers_count = 1

    def __init__(self, script: Callable[[int, float], int]) -> None:
        self.script = script
        self.slot_listeners: list[Callable[[int, str, str], None]] = []
        self.generation = [0] * 16
        self.dispatched = 0
        self.completed: list[tuple[int, float, float, int]] = []  # slot, now, latency, occupancy
        self.refusals: list[tuple[int, float]] = []
        self.polls: list[tuple[float, list[int]]] = []

    def dispatch(self, dispatcher: int, view: int, draws: Sequence[float], key: int, now: float) -> int:
        slot = self.script(self.dispatched, now)
        self.dispatched += slot >= 0
        return slot

    def complete(
        self, dispatcher: int, slot: int, generation: int, now: float, latency_s: float, occupancy: int, draw: float = 0
    ) -> None:
        self.completed.append((slot, now, latency_s, occupancy))

    def refused(self, dispatcher: int, slot: int, generation: int, now: float) -> None:
        self.refusals.append((slot, now))

    def dispatch_elsewhere(
        self, dispatcher: int, view: int, draws: Sequence[float], key: int, held: int, now: float
    ) -> int:
        """A pick of `held` is given back and the script asked once more: the same again says there is no other."""
        assert len(draws) == self.draws_count + 1
        for _ in range(2):
            slot = self.dispatch(dispatcher, view, draws, key, now)
            if slot < 0 or slot != held:
                return slot
            self.refused(dispatcher, slot, self.generation[slot], now)
        return -1

    def poll(self, now: float, occupancies: Sequence[int]) -> None:
        self.polls.append((now, list(occupancies)))

    def node_joined(self, node_id: str, weight: float) -> None: ...
    def agents_changed(self, node_id: str, agent_type: str, ready: int) -> None: ...
    def set_eligible(self, node_id: str, eligible: bool, silent: bool = False) -> None: ...
    def fence(self, node_id: str) -> None: ...
    def node_left(self, node_id: str) -> None: ...

    def probe_targets(self, dispatcher: int, view: int, draws: Sequence[float]) -> list[int]:
        return []

    def probe_answer(self, *answer: Any) -> None: ...
    def record_latency(self, slot: int, rif_at_arrival: int, latency_s: float) -> None: ...
    def estimate_latency_s(self, slot: int, rif: int) -> float:
        return 0.0


def scripted_run(
    *,
    at: list[float],
    work_s: list[float] | None = None,
    tokens: list[tuple[int, int]] | None = None,
    token_law: Any = None,
    balancer: ScriptedBalancer | None = None,
    nodes: int = 1,
    agents: int = 1,
    speed: float = 1.0,
    queue_max: int = 100,
    central_queue_max: int = 100,
    sharing: bool = False,
    horizon_s: float = 1000.0,
    drain_s: float = 1000.0,
    clients: int = 0,
    prepare: Callable[[World, VirtualRuntime], None] | None = None,
) -> tuple[RunRecord, ScriptedBalancer]:
    """One run of scripted load over `nodes` equal nodes; slot i is node i."""
    runtime = VirtualRuntime()
    balancer = balancer or ScriptedBalancer(lambda count, now: 0)
    law = ScriptedTokens(tokens) if tokens else token_law
    service: Any = law or ScriptedWork(work_s or [1.0])
    make_pool: Any = SharingPool if sharing else FifoPool
    if law is not None:

        def make_pool(*args: Any) -> Any:
            return BatchingPool(service, *args)

    params = WorldParams(
        make_pool=make_pool, queue_max=queue_max, central_queue_max=central_queue_max, types=("agent",), keyed=False,
        tokens=law is not None, sharing=sharing, agent_start_s=0.5,
    )  # fmt: skip
    world = World(runtime, balancer, CounterDraws(1, 0), params)

    async def deploy() -> None:
        for node in range(nodes):
            world.add_node(f"n{node}", speed, "zone-1")
            for agent in range(agents):
                await world.start_agent(f"n{node}", f"a{node}-{agent}", {"type": "agent"})
            for listener in balancer.slot_listeners:
                listener(node, f"n{node}", "agent")

    runtime.run_task(deploy())
    if prepare is not None:
        prepare(world, runtime)
    load = Load(
        open=None if clients else ScriptedArrivals(at), closed=ScriptedThinking(clients) if clients else None,
        service=service, marks=Marks(None, 0, 0.0), horizon_s=horizon_s, drain_s=drain_s,
    )  # fmt: skip
    return world.run(load), balancer
