"""A served control plane from its start to its end.

state -> fleet (restored from its journal) -> sockets for nodes -> tasks that were not ended, anew -> gateway -> nodes.
The gateway says that it is ready once the nodes are there. On SIGTERM or Ctrl-C: nothing new is taken, what is under
way may end for `autoscaler.drain_s` (what does not stays in the ledger and is done by the next one), own nodes are
let go; the journals keep the assignment.
"""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.bench.fleet_shape import shape_of
from sim.bench.gated import gateway_settings
from sim.bench.rules import faults_of
from sim.bench.schema import Config
from sim.contracts import NodeProvider
from sim.errors import ConfigError
from sim.integration.gateway.events import EventHub
from sim.integration.gateway.key_files import open_ring
from sim.integration.gateway.settings import GatewayConfig
from sim.live.entropy import system_entropy
from sim.live.gateway import APIGateway
from sim.live.keys import KEYS
from sim.live.serve.extras import Extras
from sim.live.serve.fleet import LiveFleet
from sim.live.serve.links import Links
from sim.live.serve.no_provider import NoProvider
from sim.live.serve.own_nodes import OwnNodes
from sim.live.serve.ray_provider import RayProvider, join_cluster, ray_package
from sim.live.serve.scaling import make_autoscaler
from sim.live.serve.state import LiveState
from sim.live.serve.task_book import TaskBook
from sim.live.server import bound_socket
from sim.runtime.draws import CounterDraws
from sim.runtime.events import EventLog
from sim.runtime.live import LiveRuntime

if TYPE_CHECKING:
    from sim.integration.plugins.broker.broker import Fetcher

Say = Callable[[str], None]


class Server:
    """`start`, then `stop`; raises `ConfigError` for what cannot run. `url` is where nodes join.

    `fetcher`: in whose hands plugins reach out; None: for real.
    """

    def __init__(self, config: Config, runtime: LiveRuntime, say: Say = print, fetcher: Fetcher | None = None) -> None:
        self.config, self.runtime, self.say = config, runtime, say
        self._fetcher = fetcher
        check_served(config)
        self.state = LiveState(config.paths.state)
        try:
            self._build()
        except BaseException:
            self.state.close()
            raise

    def _build(self) -> None:
        config, runtime, state = self.config, self.runtime, self.state
        server = config.server
        settings = gateway_settings(config, port=state.port("gateway", config.gateway.port))
        self.trust = trust_of(settings, server.node_host)
        self.links = Links(runtime, state.secret, server.silent_s)
        self.log = EventLog()
        self.events = EventHub(self.log)
        shape = shape_of(config)
        self.fleet = LiveFleet(
            config, runtime, self.events, self.links, state.assignment, shape, max(shape.nodes_max, server.nodes_max)
        )
        self.book = TaskBook(state.tasks, runtime, settings.tasks_max)
        self.extras = Extras(
            config,
            runtime,
            CounterDraws(config.seed, 0),
            self.events,
            self.fleet,
            lambda: self.gateway.desk,
            self._fetcher,
        )
        ring = open_ring(Path(config.paths.state) / KEYS, system_entropy)
        self.gateway = APIGateway(
            settings, runtime=runtime, tasks=self.extras.tasks, keys=ring, book=self.book, state=config.paths.state
        )
        self.gateway.events = self.events
        self.gateway.load = self.fleet.load
        self.nodes: OwnNodes | None = None
        self.url = ""
        self._jobs: list[Any] = []

    async def start(self) -> None:
        """Returns once clients and nodes can come; the fleet's own nodes join meanwhile (`ready`)."""
        config, state = self.config, self.state
        server = config.server
        if server.provider == "ray":
            ray = ray_package()
            await self.runtime.run_blocking(lambda: join_cluster(ray, server.ray_address))
        listener = bound_socket(server.node_host.strip("[]"), state.port("nodes", server.node_port))
        await self.links.start(listener, self.trust)
        port = int(listener.getsockname()[1])
        state.keep_port("nodes", port)
        self.url = f"{'tcp' if self.trust is None else 'tls'}://{server.node_host}:{port}"
        await self.fleet.start()
        await self.extras.load(self.gateway)
        self.book.start()
        assert self.gateway.desk is not None
        again = self.gateway.desk.restore(self.book.tasks.values())
        await self.gateway.start()
        assert self.gateway.port is not None
        state.keep_port("gateway", self.gateway.port)
        self._greet(again)
        provider: NodeProvider = NoProvider(self.fleet)
        if server.provider != "none":
            self.nodes = OwnNodes(config, self.runtime, self.fleet, state.secret, self.url)
            provider = self.nodes.provider
            if isinstance(provider, RayProvider):
                provider.cluster = ray_package(), server.ray_cpus
        self.fleet.manager.provider = provider
        if self.fleet.restored:
            self.gateway.manager = self.fleet.manager
        self._jobs.append(self.runtime.spawn(self._ready(provider), "ready"))

    async def started(self) -> None:
        """`start`; what was opened is closed again where it fails."""
        try:
            await self.start()
        except BaseException:
            await self.links.stop()
            self.state.close()
            raise

    async def _ready(self, provider: NodeProvider) -> None:
        """The fleet's own nodes, then the autoscaler."""
        if self.nodes is not None:
            await self.nodes.start()
        self.gateway.manager = self.fleet.manager
        status = self.fleet.manager.status()
        self.say(f"ready: {status.nodes.get('online', 0)} nodes, {status.agents.get('ready', 0)} agents")
        await self.extras.start(status.nodes.get("online", 0), status.agents.get("ready", 0))
        scaler = make_autoscaler(self.config, self.fleet, provider)
        if scaler is not None:
            self.extras.bounds(scaler)
            self._jobs.append(self.runtime.spawn(scaler.run(), "autoscaler"))

    def _greet(self, again: int) -> None:
        config = self.gateway.config
        scheme = "https" if config.is_encrypted else "http"
        self.say(f"gateway: {scheme}://{config.host}:{self.gateway.port}")
        if config.serves_page:
            self.say(f"status page: {scheme}://{config.host}:{self.gateway.port}/status (asks for a key)")
        self.say(f"nodes join at: {self.url} (credential: {self.state.folder / 'node.key'})")
        faults = faults_of(self.config)
        if faults:
            self.say(f"faults are of the simulated world, none is played here: {', '.join(faults)}")
        if again:
            self.say(f"{again} tasks of the last time are done again")
        if config.authentication and not len(self.gateway.keys or ()):
            self.say("there is no key yet: victor-sim keys create NAME --scope admin")

    async def stop(self) -> None:
        """Drain, let the local nodes go, close; the state may be opened again."""
        self.gateway.core.closing = True
        assert self.gateway.desk is not None
        try:
            async with asyncio.timeout(self.config.autoscaler.drain_s):
                await self.gateway.desk.drained()
        except TimeoutError:
            self.say(f"{self.gateway.desk.running_count} tasks are left for the next time")
        await self.gateway.stop()
        for job in self._jobs:
            job.cancel()
        await self.extras.stop()
        await self.fleet.manager.stop()
        if self.nodes is not None:
            await self.nodes.stop()
        await self.links.stop()
        await self.book.close()
        self.state.close()


def check_served(config: Config) -> None:
    """Raises `ConfigError` for what only a simulated run has, or what this machine has not."""
    if config.server.provider == "ray":
        ray_package()
    if config.hedge.after_s is not None:
        raise ConfigError("hedge.after_s", config.hedge.after_s, "null with serve: live requests are not hedged yet")
    if len(config.admission.priority_mix) > 1:
        raise ConfigError("admission.priority_mix", config.admission.priority_mix, "one priority with serve")
    if config.server.provider == "none" and config.autoscaler.kind != "none":
        raise ConfigError("autoscaler.kind", config.autoscaler.kind, "none with server.provider=none")
    if config.deadline_propagation != "none" and config.deadline_s is None:
        raise ConfigError("deadline_propagation", config.deadline_propagation, "none without deadline_s")


def trust_of(settings: GatewayConfig, node_host: str) -> ssl.SSLContext | None:
    """The nodes' sockets have the gateway's certificate; raises `ConfigError` where strangers could listen."""
    if settings.tls_cert is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(settings.tls_cert, settings.tls_key)
        except OSError as error:
            raise ConfigError("gateway.tls_cert", settings.tls_cert, "a certificate that can be read") from error
        return context
    is_loopback = GatewayConfig(host=node_host).is_loopback
    if not is_loopback and not settings.allow_plaintext:
        accepted = "loopback, or gateway.tls_cert and gateway.tls_key, or gateway.allow_plaintext=true"
        raise ConfigError("server.node_host", node_host, accepted)
    return None


def serve(config: Config, say: Say = print) -> int:
    """Serve until SIGTERM or Ctrl-C; gives the exit code. A second signal ends it at once."""

    async def whole() -> int:
        runtime, ended = LiveRuntime(), asyncio.Event()
        loop = asyncio.get_running_loop()
        server = Server(config, runtime, say)

        def leave() -> None:
            if ended.is_set():
                raise SystemExit(130)
            ended.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, leave)
        try:
            await server.started()
            await ended.wait()
            say("draining")
            await server.stop()
        finally:
            await runtime.close()
        say("stopped")
        return 0

    return asyncio.run(whole())
