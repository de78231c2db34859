"""Nodes as actors of a Ray cluster (`server.provider=ray`; Moritz et al., OSDI 2018): a fleet outgrows one machine.

The cluster is joined by `server.ray_address`, never made or scaled here. Each node is an actor of `server.ray_cpus`
cores, spread over the machines, that runs the node host of `victor-sim node` and joins like any other
(`server.node_host` must be reachable from there). Ray never restarts an actor of ours: its death is noticed here and
answered as a process' is. Actors end with the control plane that asked for them, kill -9 included; the next one asks
for them again. Their credential is an argument of the actor: whoever may submit to the cluster may read it. Where the
cluster asks for a token (RAY_AUTH_MODE=token), Ray finds it by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.bench.launchers.common import package
from sim.errors import ConfigError
from sim.live.node.actor import NodeActor
from sim.live.serve.keeper import NodeKeeper

KIND = "ray"
KILLED = -9  # the exit code of an actor that died


def ray_package() -> Any:
    """Ray; raises `ConfigError`, which names the extra, where it is not installed."""
    return package(KIND, "ray", "server.provider")


def join_cluster(ray: Any, address: str) -> None:
    """Be a driver of the cluster at an address; blocks. Raises `ConfigError` where none answers."""
    if ray.is_initialized():
        return
    try:
        ray.init(address=address, log_to_driver=False, logging_level="warning")
    except Exception as error:  # Ray raises plain ones
        told = f"the address of a Ray cluster that answers ({' '.join(str(error).split())})"
        raise ConfigError("server.ray_address", address, told) from error


class RayHost:
    """One actor while its node runs; Ray's errors are the reason why it ended."""

    def __init__(self, ray: Any, actor: Any, settings: dict[str, Any], secret: str) -> None:
        self._ray, self._actor = ray, actor
        self.returncode: int | None = None
        self.why = ""
        reference = actor.run.remote(str(Path.cwd()), settings, secret)
        self._answer = asyncio.wrap_future(reference.future())

    async def wait(self) -> int:
        """The node's exit code, `KILLED` where its actor died; the actor's place in the cluster is free then."""
        try:
            code: int = await asyncio.shield(self._answer)
        except self._ray.exceptions.RayTaskError as error:  # the node host raised
            code, self.why = 2, " ".join(str(getattr(error, "cause", None) or error).split())
        except self._ray.exceptions.RayError as error:  # killed, out of memory, its machine gone
            code, self.why = KILLED, f"its actor died ({type(error).__name__})"
        self.returncode = code
        self.kill()  # an actor whose call has ended would keep its cores
        return code

    def kill(self) -> None:
        """End the actor, and its node with it; again does nothing."""
        self._ray.kill(self._actor, no_restart=True)


class RayProvider(NodeKeeper[RayHost]):
    """Starts actors; `cluster` is set before the first is asked for."""

    cluster: tuple[Any, float]  # Ray, and the cores that a node takes

    async def _spawn(self, node_id: str) -> RayHost:
        ray, cpus = self.cluster
        place = ray.remote(num_cpus=cpus, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD")
        make: Callable[[], Any] = place(NodeActor).remote
        host = RayHost(ray, make(), self._settings(node_id), self._secret)
        return self._begun(node_id, host, place=KIND)

    def _why(self, process: RayHost) -> str:
        return process.why or super()._why(process)
