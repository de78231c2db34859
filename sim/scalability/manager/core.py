"""What a manager stands on: its settings, what was handed in, and its parts, made once.

Without a membership it gets a balancer of its own, without a runtime a live one, without a host agents that are ready
at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim.contracts import AgentHost, EventSink, Membership, NodeProvider, Runtime
from sim.errors import ConfigError
from sim.runtime.events import EventLog
from sim.scalability.health.watch import Watch
from sim.scalability.manager.config import ManagerConfig
from sim.scalability.manager.context import Context
from sim.scalability.manager.disks import Disks
from sim.scalability.manager.hosts import InstantHost
from sim.scalability.manager.journal import Journal, JournalSink
from sim.scalability.manager.router import Router
from sim.scalability.manager.saving import StateLink
from sim.scalability.manager.wiring import wire


class Core:
    """`config` takes the source's keys; raises `ConfigError`. `host` and `provider` may also be set later."""

    def __init__(
        self,
        config: Mapping[str, Any] | ManagerConfig | None = None,
        *,
        runtime: Runtime | None = None,
        membership: Membership | None = None,
        host: AgentHost | None = None,
        events: EventSink | None = None,
        watch: Watch | None = None,
        disks: Disks | None = None,
        link: StateLink | None = None,
        journal: JournalSink | None = None,
    ) -> None:
        if journal is not None and len(journal):
            raise ConfigError("journal", f"{len(journal)} records", "an empty one; `restore` takes a history")
        self.config = settings = ManagerConfig.of(config)
        self._router: Router | None = None
        if membership is None:
            membership = self._router = Router(
                settings.load_balancing_strategy, settings.max_nodes, settings.requests_max, settings.seed
            )
        log = EventLog() if events is None else events
        self._context = context = Context(settings, runtime, membership, InstantHost() if host is None else host, log)
        if journal is not None:
            context.journal = Journal(journal)
        self._parts = parts = wire(context, watch, disks, link)
        self._counters, self._jobs, self._ledger = parts.counters, parts.jobs, parts.ledger
        self._states, self._deployer, self._health = parts.states, parts.deployer, parts.health
        self._registrar, self._scaler = parts.registrar, parts.scaler
        self._is_restored = False

    @property
    def runtime(self) -> Runtime:
        """The clock and tasks; a live runtime made at first use when none was given."""
        return self._context.runtime

    @property
    def events(self) -> EventSink:
        """Where every change of state is written with its reason."""
        return self._context.events

    @property
    def host(self) -> AgentHost:
        """Who starts and stops agents."""
        return self._context.host

    @host.setter
    def host(self, host: AgentHost) -> None:
        self._context.host = host

    @property
    def provider(self) -> NodeProvider | None:
        """Where the automatic scaling gets nodes; None: it only recommends."""
        return self._context.provider

    @provider.setter
    def provider(self, provider: NodeProvider | None) -> None:
        self._context.provider = provider
