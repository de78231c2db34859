"""What surrounds the manager's parts: settings, clock and tasks, agent host, who hears of changes, event log."""

from __future__ import annotations

from sim.contracts import AgentHost, EventSink, Membership, Runtime
from sim.scalability.manager.config import ManagerConfig


class Context:
    """One object for all parts; the live runtime is made at the first use of `runtime` when none was given."""

    __slots__ = ("_runtime", "config", "events", "host", "membership")

    def __init__(
        self,
        config: ManagerConfig,
        runtime: Runtime | None,
        membership: Membership,
        host: AgentHost,
        events: EventSink,
    ) -> None:
        self.config, self.membership, self.host, self.events = config, membership, host, events
        self._runtime = runtime

    @property
    def runtime(self) -> Runtime:
        """The runtime that was given, else a live one, which needs a running event loop."""
        if self._runtime is None:
            from sim.runtime.live import LiveRuntime  # a simulated manager never loads asyncio's machinery

            self._runtime = LiveRuntime()
        return self._runtime

    def now(self) -> float:
        """Seconds on the runtime's clock."""
        return self.runtime.now()

    def write(self, kind: str, subject: str, **fields: object) -> None:
        """An event at this instant."""
        self.events.write(self.runtime.now(), kind, subject, **fields)
