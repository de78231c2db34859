"""What a served fleet has when its config says so: plugins, and the optimizer; around the way of a task, in that order.

Neither is imported where it is not asked for: manifests, the sandbox and scikit-learn cost a start its time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.bench.schema import Config
from sim.contracts import Draws, Runtime
from sim.errors import ConfigError
from sim.integration.gateway.events import EventHub
from sim.integration.gateway.gateway import APIGateway
from sim.integration.gateway.ports import TaskRunner
from sim.integration.gateway.tasks import TaskDesk
from sim.live.serve.fleet import LiveFleet
from sim.scalability.autoscaler.loop import Autoscaler
from sim.types.metrics import OptimizationResult, OptimizationTarget

if TYPE_CHECKING:
    from sim.integration.plugins.broker.broker import Fetcher
    from sim.live.serve.plugged import Plugged
    from sim.live.serve.tuned import Tuned


class Extras:
    """`tasks` is the way of a task through all of it. Raises `ConfigError`."""

    def __init__(
        self, config: Config, runtime: Runtime, draws: Draws, events: EventHub, fleet: LiveFleet,
        desk: Callable[[], TaskDesk | None], fetcher: Fetcher | None = None,
    ) -> None:  # fmt: skip
        self.tasks: TaskRunner = fleet.requests
        self.plugged: Plugged | None = None
        self.tuned: Tuned | None = None
        if config.plugins.journal:
            raise ConfigError(
                "plugins.journal", True, "false with serve: what is journaled there is assignment and tasks"
            )
        if config.optimizer.enabled:
            from sim.live.serve.tuned import Tuned

            self.tasks = self.tuned = Tuned(config, runtime, draws, events, self.tasks, self._review)
        if config.plugins.enabled or config.plugins.folders:
            from sim.live.serve.plugged import Plugged

            self.tasks = self.plugged = Plugged(config, runtime, draws, events, fleet, self.tasks, desk, fetcher)

    async def load(self, gateway: APIGateway) -> None:
        """Before the first task; the gateway serves what there is. Raises as the plugin manager's `start`."""
        if self.plugged is not None:
            await self.plugged.load()
            gateway.plugins = self.plugged.manager
        if self.tuned is not None:
            gateway.optimizer, gateway.targets = self.tuned.optimizer, OptimizationTarget

    async def start(self, nodes: int, agents: int) -> None:
        """The fleet stands: hooks and loops begin."""
        if self.plugged is not None:
            await self.plugged.start(nodes, agents)
        if self.tuned is not None:
            await self.tuned.start()

    def bounds(self, scaler: Autoscaler) -> None:
        """There is an autoscaler, whom plugins may bound."""
        if self.plugged is not None:
            self.plugged.bounds(scaler)

    async def stop(self) -> None:
        """Loops end, plugins are unloaded."""
        if self.tuned is not None:
            await self.tuned.stop()
        if self.plugged is not None:
            await self.plugged.stop()

    async def _review(self, result: OptimizationResult) -> str:
        return "" if self.plugged is None else await self.plugged.review(result)
