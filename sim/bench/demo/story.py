"""What happens in the demo, the same on virtual time and live: deploy, look around, wait for samples, improve an agent.

Everything goes through the gateway's endpoints, as an operator would; the proof of a proposal alone is the optimizer's
own call (`loop.prove`), which no endpoint has. Faults and bursts come from the stage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sim.bench.demo.settings import AGENTS, ASKS_MAX, SAMPLES_AN_AGENT
from sim.bench.demo.stage import Stage
from sim.errors import FleetError
from sim.intelligence.loop import prove
from sim.types.metrics import OptimizationResult

TARGET = "response_time"
TOUR = (
    "/healthz", "/readyz", "/v1/status", "/v1/nodes", "/v1/agents", "/v1/plugins", "/v1/optimizations", "/metrics",
    "/openapi.json", "/docs",
)  # fmt: skip
REFUSED = 300  # statuses from here on
Say = Callable[[str], None]


@dataclass(slots=True)
class Told:
    """What the gateway answered: the fleet as it was deployed, its plugins, what was improved."""

    nodes: list[dict[str, Any]] = field(default_factory=list)
    agents: list[dict[str, Any]] = field(default_factory=list)
    plugins: list[dict[str, Any]] = field(default_factory=list)
    hook_calls: int = 0  # of plugins, when the story was last at a turn
    proposed: OptimizationResult | None = None
    proved: OptimizationResult | None = None
    samples_at: dict[int, float] = field(default_factory=dict)  # samples an agent -> when the last agent had them
    ended_at: float | None = None


class Story:
    """`play` it once; `told` is filled on the way."""

    def __init__(self, stage: Stage, say: Say, look_s: float, target: str = TARGET) -> None:
        self.stage, self.say, self.look_s, self.target = stage, say, look_s, target
        self.told = Told()

    async def deploy(self) -> None:
        """Nodes and agents; raises `FleetError` where the gateway refuses one."""
        await self.stage.nodes()
        for order in self.stage.orders():
            await self._get("POST", "/v1/agents", order)
        self.told.nodes = await self._get("GET", "/v1/nodes")
        self.told.agents = await self._get("GET", "/v1/agents")
        places = ", ".join(f"{each['agent_id']} on {each['node_id']}" for each in self.told.agents)
        self.say(
            f"deployed through the gateway: {len(self.told.nodes)} nodes, {len(self.told.agents)} agents: {places}"
        )

    async def play(self) -> None:
        """Once the load runs: to the end of the story, however long it takes."""
        self.told.plugins = await self._get("GET", "/v1/plugins")
        enabled = [each for each in self.told.plugins if each["state"] == "enabled"]
        self.say(f"plugins: {', '.join(each['plugin_id'] for each in enabled)}")
        await self._tour("before")
        needed = self.stage.optimizer.config.min_data_points
        await self._samples(SAMPLES_AN_AGENT, AGENTS)
        await self._samples(needed, 1)
        await self._improve()
        await self._tour("after")
        self._count_calls()
        self.told.ended_at = self.stage.runtime.now()

    def _count_calls(self) -> None:
        plugins: Any = self.stage.gateway.plugins
        hooks = [each for found in plugins.metrics().values() for each in found.values()]
        self.told.hook_calls = sum(int(each["calls_count"]) for each in hooks)

    async def _tour(self, when: str) -> None:
        for path in TOUR:
            status, _ = await self.stage.call("GET", path)
            if status >= REFUSED:
                self.say(f"GET {path} answered {status} {when} the story")

    async def _samples(self, count: int, agents: int) -> None:
        """Until so many agents have so many samples (one that was scaled in has no more to come)."""
        while len(self.sampled(count)) < agents:
            await self.stage.runtime.sleep(self.look_s)
        self._count_calls()
        self.told.samples_at[count] = self.stage.runtime.now()
        self.say(f"the optimizer has {count} samples or more of each of {len(self.sampled(count))} agents")

    def sampled(self, count: int) -> list[str]:
        """Agents with so many samples, oldest first."""
        return [name for name, mind in self.stage.optimizer.minds.items() if len(mind.windows) >= count]

    async def _improve(self) -> None:
        """Ask for an improvement of one agent after the other, until one is proposed, proved and applied."""
        optimizer = self.stage.optimizer
        for number in range(ASKS_MAX):
            ready = self.stage.tunable()
            able = [name for name in self.sampled(optimizer.config.min_data_points) if name in ready]
            if not able:
                await self.stage.runtime.sleep(self.look_s)
                continue
            agent_id = able[number % len(able)]
            found = await self._get("POST", "/v1/optimizations", {"agent_id": agent_id, "target": self.target})
            result = next(each for each in reversed(optimizer.list_results()) if each.agent_id == agent_id)
            if result.abstained:
                self.say(f"{agent_id}: nothing is proposed: {found['reason']}")
                continue
            self.told.proposed = result
            self.say(
                f"{agent_id}: proposed {_setting(result.parameters)}, claimed {result.improvement_percentage:.1f} % of "
                f"{self.target}, confidence {result.confidence:.2f}; now the proof, pair by pair"
            )
            self.told.proved = await prove(optimizer, result)
            if self.told.proved.is_applied:
                return

    async def _get(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        status, answer = await self.stage.call(method, path, body)
        if status >= REFUSED:
            raise FleetError(f"{method} {path} answered {status}: {answer}")
        return answer


def _setting(parameters: Any) -> str:
    return " ".join(f"{name}={value:.4g}" for name, value in parameters.items())
