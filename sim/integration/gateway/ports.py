"""What the gateway asks of others without importing them: fleet, plugins, optimizer, the bodies of tasks, a socket.

Any of them may be missing; its endpoints then answer 503 with a problem that says so.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sim.types.fleet import AgentInfo, NodeInfo

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Scope = dict[str, Any]
WholeAnswer = Callable[[int, bytes, bytes], bool]  # status, head lines, body -> whether it went out
WHOLE = "victor_sim.whole_answer"  # the ASGI extension of a server that takes an answer in one piece
Entropy = Callable[[int], bytes]  # count -> so many bytes that nobody can guess


class AsgiApp(Protocol):
    """An ASGI 3 application."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class FleetManager(Protocol):
    """The part of the DistributedManager that is reached over REST."""

    async def register_node(self, node: NodeInfo) -> bool: ...
    async def remove_node(self, node_id: str, *, drain_s: float | None = None, reason: str = "") -> None: ...
    async def drain_node(self, node_id: str, deadline_s: float | None = None, *, reason: str = "") -> None: ...
    def get_node(self, node_id: str) -> NodeInfo: ...
    def list_nodes(self) -> list[NodeInfo]: ...
    async def deploy_agent(self, config: Mapping[str, Any], node_id: str | None = None) -> str: ...
    async def undeploy_agent(self, agent_id: str) -> None: ...
    def get_agent(self, agent_id: str) -> AgentInfo: ...
    def list_agents(self) -> list[AgentInfo]: ...
    def status(self) -> Any: ...


class Plugins(Protocol):
    """The part of the PluginManager that is reached over REST; what `list_plugins` gives has an `as_dict`."""

    def list_plugins(self) -> list[Any]: ...
    async def load_plugin(self, plugin_id: str) -> Any: ...
    async def enable_plugin(self, plugin_id: str) -> Any: ...
    async def disable_plugin(self, plugin_id: str) -> Any: ...
    async def unload_plugin(self, plugin_id: str) -> Any: ...
    async def reload_plugin(self, plugin_id: str) -> Any: ...
    def routes_to(self, desk: Any) -> None:
        """Offer its routes there, now and as they come and go."""


class LoadOf(Protocol):
    """Load as the balancer counts it."""

    def in_flight(self, node_id: str) -> int: ...
    def in_flight_count(self) -> int: ...
    def waiting_count(self) -> int: ...


class Optimizer(Protocol):
    """The part of the MLOptimizer that is reached over REST; results have an `as_dict` or are dataclasses."""

    def list_results(self) -> list[Any]: ...
    async def optimize_agent(self, agent_id: str, target: Any) -> Any: ...


@dataclass(slots=True)
class TaskOrder:
    """What a client wants done: an agent type (None: any), an affinity key, and input that only the agent reads.

    `ordinal` counts orders from 0; what is not `idempotent` must not run twice.
    """

    task_id: str
    agent_type: str | None = None
    key: int | None = None
    input: dict[str, Any] = field(default_factory=dict)
    ordinal: int = 0
    idempotent: bool = True


class TaskRunner(Protocol):
    """Does a task: routes it and waits for the agent's answer. Raises `SimError` for what failed."""

    async def run(self, order: TaskOrder) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class KeptTask:
    """A task as a book remembers it; `state` is "running" for one that nobody saw the end of."""

    order: TaskOrder
    owner: str
    state: str
    result: dict[str, Any]
    error: str


class TaskBook(Protocol):
    """Remembers tasks beyond the life of the process. Raises `SimError` where it cannot."""

    async def accepted(self, order: TaskOrder, owner: str) -> None:
        """On record when it returns."""

    async def ended(self, task_id: str, state: str, result: dict[str, Any], error: str) -> bool:
        """On record when it returns; False where another end is on record already, which then holds."""

    def forget(self, task_id: str) -> None:
        """Nobody will ask for it any more."""


class Hooks(Protocol):
    """What plugins may do to requests; `before` may answer in the handler's place."""

    async def before(self, request: Any) -> Any | None: ...
    async def after(self, request: Any, response: Any) -> Any: ...


class Server(Protocol):
    """A socket with the gateway behind it."""

    async def start(self) -> int:
        """Returns once it listens; gives the port."""

    async def stop(self) -> None:
        """No new connections, the ones there are end."""
