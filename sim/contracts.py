"""Protocols between rooms: what one room may ask of another without importing it.

`Runtime` is the only way to time, tasks and waiting; the control plane gets one handed in and never imports simpy
or asyncio. `AgentHost` is what the manager asks to start and stop agents (the world when simulated, HTTP when live).
`Membership` is what the manager tells about nodes and agents (the balancer listens).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sim.types.fleet import NodeInfo

T = TypeVar("T")


class Task(Protocol):
    """A spawned coroutine. `await task.join()` gives its result or raises its error; late joiners get it too."""

    name: str

    def cancel(self) -> None: ...
    def done(self) -> bool: ...
    async def join(self) -> Any: ...


class Event(Protocol):
    """A flag that tasks wait for; set once, with a value."""

    def is_set(self) -> bool: ...
    def set(self, value: Any = None) -> None: ...
    async def wait(self) -> Any: ...


class Queue(Protocol[T]):
    """A bounded first-in first-out queue; `put_nowait` returns False when it is full."""

    def put_nowait(self, item: T) -> bool: ...
    async def put(self, item: T) -> None: ...
    async def get(self) -> T: ...
    def __len__(self) -> int: ...


class Runtime(Protocol):
    """Clock and tasks. Instants and durations are float seconds; `now` starts at 0 in both runtimes."""

    def now(self) -> float: ...
    def wall_at(self) -> float: ...
    async def sleep(self, duration_s: float) -> None: ...
    def sleep_until(self, at: float) -> Awaitable[None]: ...
    def spawn(self, coro: Coroutine[Any, Any, T], name: str = "") -> Task: ...
    def timeout(self, duration_s: float) -> AbstractAsyncContextManager[Any]: ...
    def event(self) -> Event: ...
    def queue(self, items_max: int) -> Queue[Any]: ...
    def group(self) -> Any: ...
    async def run_blocking(self, fn: Callable[[], T], cost_s: float = 0.0) -> T: ...
    async def ready(self, fd: int, within_s: float, writing: bool = False) -> float: ...


class AgentHost(Protocol):
    """Starts and stops agents on nodes; `start_agent` returns once the agent is ready.

    Stopping an agent that is not there (moved, or never ready) does nothing. `epoch` rises with every placement of an
    agent: whatever a body of an earlier epoch still does must not count.
    """

    async def start_agent(self, node_id: str, agent_id: str, config: dict[str, Any], epoch: int = 0) -> None: ...
    async def stop_agent(self, node_id: str, agent_id: str) -> None: ...


class Prober(Protocol):
    """Asks a node whether it is well: an active health check."""

    async def probe(self, node_id: str, number: int) -> bool:
        """Check `number` of a node: True when it says that it is well; never ends when no answer comes."""


class NodeProvider(Protocol):
    """Where machines come from and go to; every wait may be cancelled."""

    async def provide(self) -> NodeInfo:
        """A new machine, ready to be registered."""

    async def drained(self, node_id: str) -> None:
        """Ends once nothing waits or runs on the node."""

    async def release(self, node_id: str) -> None:
        """The machine is not needed any more; what still runs on it ends."""


class Outcomes(Protocol):
    """Hears how attempts ended, by the balancer's slot: passive health. Hot: called for every attempt."""

    def ok(self, slot: int, now: float) -> None: ...
    def failed(self, slot: int, now: float) -> None: ...


class Membership(Protocol):
    """Hears of nodes and of the number of ready agents of a type on a node.

    `set_eligible(..., silent=True)` says that the node is only believed dead: a panic may still use it. `fence`: the
    node's agents were given to others, so that its attempts under way end as failed and no later answer of it counts.
    """

    def node_joined(self, node_id: str, weight: float) -> None: ...
    def agents_changed(self, node_id: str, agent_type: str, ready: int) -> None: ...
    def set_eligible(self, node_id: str, eligible: bool, silent: bool = False) -> None: ...
    def fence(self, node_id: str) -> None: ...
    def node_left(self, node_id: str) -> None: ...


class EventSink(Protocol):
    """The event log: rare control events with their reason, in order; fields may have any name, `kind` too."""

    def write(self, at: float, kind: str, subject: str, /, **fields: object) -> None: ...


class FleetSample(NamedTuple):  # two are made a decision: a frozen dataclass takes three times as long
    """What an autoscaler may know at an instant, as the control plane sees it."""

    at: float
    nodes_ready: int  # in service
    nodes_starting: int  # asked for, not yet in service
    nodes_draining: int
    agents_ready: int  # of the ready nodes
    agents_per_node: int  # of a node that will be started
    agents_pending: int  # agents that found no place
    in_flight: int  # attempts the balancer waits for
    waiting: int  # requests that wait at the balancer
    arrivals_count: int  # cumulative
    utilization_ratio: float  # busy over ready agents, of nodes that are ready for `readiness_s`; NaN: not known
    nodes_idle: int = 0  # ready nodes with nothing in flight
    nodes_desired: int = 0  # what the autoscaler decided last; the autoscaler itself fills this in


class Draws(Protocol):
    """Chance as a function of (seed, replication, purpose, entity, attempt, index); see `sim.runtime.draws`."""

    def uniforms(
        self, purpose: int, first: int, count: int, width: int = 1, attempt: int = 0
    ) -> NDArray[np.float64]: ...
    def uniforms_of(
        self, purpose: int, entities: NDArray[np.uint64], width: int = 1, attempt: int = 0
    ) -> NDArray[np.float64]: ...
    def uniform(self, purpose: int, entity: int, attempt: int = 0, index: int = 0) -> float: ...


@dataclass(slots=True)
class ArrivalChunk:
    """Up to a few thousand consecutive arrivals; lists of equal length, or None where the law says nothing.

    `first` is the ordinal of the first arrival of the chunk; `at` holds absolute instants, never decreasing.
    """

    first: int
    at: list[float]
    service_s: list[float] | None = None
    prompt_tokens: list[int] | None = None
    output_tokens: list[int] | None = None
    types: list[int] | None = None  # index into the fleet's agent types
    keys: list[int] | None = None  # affinity key, 0 <= key < 2**62


class ArrivalLaw(Protocol):
    """An open source of requests. `rate_per_s` is the long-run mean rate; `terminating` forbids an automatic cut.

    A terminating source that ends before the horizon ends the run, unless it says that it is `endless`.
    """

    terminating: bool

    def rate_per_s(self) -> float: ...
    def chunks(self, draws: Draws, horizon_s: float) -> Iterator[ArrivalChunk]: ...


class ClosedLaw(Protocol):
    """A closed source: `clients_count` clients, each sends, waits for its answer, thinks, sends again."""

    terminating: bool
    clients_count: int

    def think_s(self, draws: Draws, client: int, ordinal: int) -> float: ...


class ServiceLaw(Protocol):
    """Service demands in seconds at speed 1, drawn per request entity."""

    def mean_s(self) -> float: ...
    def work_s(self, draws: Draws, entities: NDArray[np.uint64], chunk: ArrivalChunk | None) -> list[float]: ...


class TokenLaw(Protocol):
    """Requests sized in tokens and the speeds of the hardware that serves them (see `sim.world.service.llm`)."""

    def mean_s(self) -> float: ...
    def tokens(
        self, draws: Draws, entities: NDArray[np.uint64], chunk: ArrivalChunk | None
    ) -> tuple[list[int], list[int]]: ...
    def prefill_s(self, prompt_tokens: int) -> float: ...
    def token_s(self, batch: int, context_tokens: int) -> float: ...
