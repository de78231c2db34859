"""What surrounds the manager's parts: settings, clock and tasks, agent host, machines, who hears of changes, logs."""

from __future__ import annotations

from sim.contracts import AgentHost, EventSink, Membership, NodeProvider, Runtime
from sim.scalability.manager.config import ManagerConfig
from sim.scalability.manager.journal import Journal


class Context:
    """One object for all parts; the live runtime is made at the first use of `runtime` when none was given."""

    __slots__ = ("_runtime", "config", "events", "host", "journal", "membership", "provider")

    def __init__(
        self,
        config: ManagerConfig,
        runtime: Runtime | None,
        membership: Membership,
        host: AgentHost,
        events: EventSink,
        journal: Journal | None = None,
    ) -> None:
        self.config, self.membership, self.host, self.events = config, membership, host, events
        self.journal = journal
        self.provider: NodeProvider | None = None
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

    def note(self, kind: str, **fields: object) -> None:
        """A change of the assignment, for the journal if there is one."""
        if self.journal is not None:
            self.journal.note({"kind": kind, **fields})
