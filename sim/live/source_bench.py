"""The source's load test and its figures (10 agents at once, 3 models on 100 points, 10 hooks, 100 requests), measured.

Each figure is taken on the public objects as a user has them, on the live runtime: registration and deployment by the
DistributedManager, loading by the PluginManager (in this process and in a sandboxed worker), training by the
MLOptimizer, answers by the APIGateway over a real connection. Wall and processor seconds of every single act; what is
held against a tenth of the source's figure is the median of the processor's seconds (workers included), which a busy
machine does not blur; the wall's stands beside it.
The figures themselves: section 6 of the source (Victor.os, phase 3).
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from sim.bench.plugin_loads import write_plugins
from sim.integration.gateway.kinds import READ
from sim.integration.plugins.manager import PluginManager
from sim.integration.plugins.protocol import HOOKS
from sim.intelligence.optimizer import MLOptimizer
from sim.live.calibrate.open_load import OpenLoad
from sim.live.gateway import APIGateway
from sim.runtime.draws import SEARCH, CounterDraws
from sim.runtime.live import LiveRuntime
from sim.scalability.manager import DistributedManager
from sim.types.fleet import NodeInfo
from sim.types.metrics import AgentMetrics, OptimizationTarget

MINUTE_S = 60.0
FACTOR = 10.0  # how far below the source's figure a median is to lie
# What is done; of the plugins the first one is not timed
NODES, AGENTS, PLUGINS, POINTS, REQUESTS, LIMIT = 10, 10, 11, 100, 200, 100
MODELS = {
    OptimizationTarget.RESPONSE_TIME: "gradient_boosting", OptimizationTarget.SUCCESS_RATE: "random_forest",
    OptimizationTarget.RESOURCE_USAGE: "linear_regression",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One row: medians of `count` acts, and the source's figure, all in seconds."""

    what: str
    source_s: float
    wall_s: float
    cpu_s: float
    count: int

    @property
    def wall_ratio(self) -> float:
        """How many times under the source's figure by the wall clock."""
        return self.source_s / max(self.wall_s, 1e-9)

    @property
    def cpu_ratio(self) -> float:
        """The same by processor time alone, which a busy machine does not blur."""
        return self.source_s / max(self.cpu_s, 1e-9)


@dataclass(slots=True)
class LoadTest:
    """What the source's load test asks for, counted."""

    deployed_at_once: int = 0
    models: int = 0
    hooks: int = 0
    hook_errors: int = 0
    requests: int = 0
    let_in: int = 0
    limited: int = 0
    asked_for_s: float = 0.0  # how long the requests took, in which the limiter gives back LIMIT a minute

    def missing(self) -> list[str]:
        """What fell short."""
        wanted = {
            f"{AGENTS} agents at once": self.deployed_at_once >= AGENTS,
            f"{len(MODELS)} models": self.models == len(MODELS),
            f"{len(HOOKS)} hooks without an error": self.hooks == len(HOOKS) and not self.hook_errors,
            f"{LIMIT} requests let in, as many more as were given back meanwhile, and the rest limited":
                LIMIT <= self.let_in <= LIMIT + 1 + self.asked_for_s * LIMIT / MINUTE_S
                and 0 < self.limited == self.requests - self.let_in,
        }  # fmt: skip
        return [name for name, holds in wanted.items() if not holds]


def source_bench(say: Callable[[str], None]) -> tuple[list[Figure], LoadTest]:
    """All figures and the load test, on one live runtime."""

    async def whole() -> tuple[list[Figure], LoadTest]:
        runtime, test = LiveRuntime(), LoadTest()
        try:
            with TemporaryDirectory(prefix="victor-sim-source-") as folder:
                figures = []
                for part in (_fleet, _plugins, _models, _gateway):
                    say(part.__name__.strip("_"))
                    figures += await part(runtime, test, Path(folder))
            return figures, test
        finally:
            await runtime.close()

    return asyncio.run(whole())


async def _timed(acts: Sequence[Callable[[], Awaitable[Any]]]) -> tuple[float, float]:
    """Medians of wall and processor seconds of each act, one after the other."""
    walls, cpus = [], []
    for act in acts:
        wall, cpu = perf_counter(), process_time()
        await act()
        walls.append(perf_counter() - wall)
        cpus.append(process_time() - cpu)
    return statistics.median(walls), statistics.median(cpus)


async def _fleet(runtime: LiveRuntime, test: LoadTest, folder: Path) -> list[Figure]:
    manager = DistributedManager(runtime=runtime)
    nodes = [NodeInfo(f"node-{number}", "127.0.0.1", 8080, capacity=12) for number in range(NODES)]
    registered = await _timed([partial(manager.register_node, node) for node in nodes])
    order = {"name": "Research Agent", "type": "research", "model": "gpt-4", "temperature": 0.7}
    one_by_one = await _timed([lambda: manager.deploy_agent(order) for _ in range(AGENTS)])

    async def at_once() -> None:
        tasks = [runtime.spawn(manager.deploy_agent(order), f"deploy {number}") for number in range(AGENTS)]
        test.deployed_at_once = len({await task.join() for task in tasks})

    together = await _timed([at_once])
    await manager.stop()
    return [
        Figure("node registration", 0.100, *registered, NODES),
        Figure("agent deployment", 0.500, *one_by_one, AGENTS),
        Figure(f"deployment of {AGENTS} agents at once, the last one ready", 0.500, *together, 1),
    ]


async def _plugins(runtime: LiveRuntime, test: LoadTest, folder: Path) -> list[Figure]:
    rows = []
    for where, sandboxed in (("in this process", False), ("in a sandboxed worker", True)):
        ids = write_plugins(folder / f"sandboxed-{sandboxed}", PLUGINS)
        config = {
            "folders": [str(folder / f"sandboxed-{sandboxed}")], "sandbox_plugins": sandboxed, "isolation": "none",
            "auto_discover_plugins": False,
        }  # fmt: skip
        manager = PluginManager(config, runtime=runtime)
        await manager.discover_plugins()
        first, *others = [partial(manager.enable_plugin, name) for name in ids]
        await first()  # brings up the process that workers are forked from
        before_s = _workers_s(manager)
        wall_s, cpu_s = await _timed(others)
        cpu_s += (_workers_s(manager) - before_s) / len(others)
        rows.append(Figure(f"plugin loading, {where}", 0.200, wall_s, cpu_s, len(others)))
        await manager.stop()
    await _hooks(runtime, test, folder / "hooks")
    return rows


def _workers_s(manager: PluginManager) -> float:
    """Processor seconds so far of the workers and of the process that they are forked from."""
    nursery = manager.workshop.nursery
    forking = [] if nursery is None or nursery.pid is None else [nursery.pid]
    stats = (Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii") for pid in [*forking, *manager.process_ids()])
    return sum(int(text.split()[0]) for text in stats) / 1e9


async def _hooks(runtime: LiveRuntime, test: LoadTest, root: Path) -> None:
    """A plugin on every system hook, each called once."""
    home = root / "custom.every_hook"
    home.mkdir(parents=True)
    methods = "".join(f"    def {name}(self, payload): self.log('{name}'); return None\n" for name in HOOKS)
    (home / "code.py").write_text(f"class Plugin:\n    def __init__(self, context): self.log = context.log\n{methods}")
    hooks = ", ".join(f'"{name}"' for name in HOOKS)
    (home / "manifest.toml").write_text(
        f'id = "custom.every_hook"\nversion = "1.0.0"\nmodule = "code"\nhooks = [{hooks}]\nhost = ">=0.1"\n'
    )
    config = {"folders": [str(root)], "sandbox_plugins": False, "auto_discover_plugins": False}
    manager = PluginManager(config, runtime=runtime)
    await manager.discover_plugins()
    await manager.enable_plugin("custom.every_hook")
    for name in HOOKS:
        await manager.hooks.call(name, {})
    found = manager.metrics()["custom.every_hook"]
    test.hooks = sum(int(each["calls_count"]) > 0 for each in found.values())
    test.hook_errors = sum(int(each["failures_count"]) for each in found.values())
    await manager.stop()


async def _models(runtime: LiveRuntime, test: LoadTest, folder: Path) -> list[Figure]:
    kinds = {target.value: kind for target, kind in MODELS.items()}
    optimizer = MLOptimizer({"model_types": kinds, "min_data_points": POINTS}, runtime=runtime)
    u = CounterDraws(1, 0).uniforms(SEARCH, 0, POINTS, 4)
    for number, (temperature, tokens, noise, luck) in enumerate(u.tolist()):
        sample = AgentMetrics(
            agent_id="agent-1", timestamp=runtime.wall_at() + 1e-3 * number, response_time=1.0 + 2.0 * tokens + noise,
            success_rate=0.6 + 0.2 * tokens + 0.1 * luck, cpu_usage=0.2 + 0.5 * tokens, memory_usage=0.3,
            user_satisfaction=0.7, task_completion_rate=0.9, error_rate=0.05, interaction_count=100,
            context_length=1_000,
            model_parameters={"temperature": 1.5 * temperature, "max_tokens": 500 + 3_000 * tokens},
        )  # fmt: skip
        assert await optimizer.collect_metrics(sample)
    rows = []
    for target, kind in MODELS.items():

        async def train(name: str = target.value) -> None:
            test.models += bool(optimizer.train("agent-1", name))

        rows.append(Figure(f"training on {POINTS} points, {kind}", 30.0, *await _timed([train]), 1))
    await optimizer.stop()
    return rows


async def _gateway(runtime: LiveRuntime, test: LoadTest, folder: Path) -> list[Figure]:
    manager = DistributedManager(runtime=runtime)
    settings = {"port": 0, "default_rate_limit": LIMIT}
    gateway = APIGateway(settings, runtime=runtime, manager=manager)
    key = gateway.issue_key("reader", READ)
    await gateway.start()
    assert gateway.port is not None
    client = OpenLoad(runtime, gateway.port, key)
    statuses: list[int] = []

    async def ask() -> None:
        status, _ = await client.call("GET", "/v1/nodes")
        statuses.append(status)

    begun = perf_counter()
    spent = await _timed([ask] * LIMIT)
    for _ in range(REQUESTS - LIMIT):
        await ask()
    test.asked_for_s = perf_counter() - begun
    client.close()
    await gateway.stop()
    await manager.stop()
    test.requests, test.let_in, test.limited = len(statuses), statuses.count(200), statuses.count(429)
    return [Figure("API response, client and server in one process", 0.050, *spent, LIMIT)]
