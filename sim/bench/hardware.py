"""What the nodes of a run are made of, from the config: pools by discipline and service, queues, agents' start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.measure.stream import Stream
from sim.world.batching import BatchingPool
from sim.world.fifo import FifoPool
from sim.world.fragile_fifo import FragileFifo
from sim.world.fragile_sharing import FragileSharing, fragile_batching
from sim.world.sharing import SharingPool
from sim.world.world import WorldParams


def world_params(
    config: Config, types: tuple[str, ...], service: Any, tokens: bool, fire: bool = False,
    stream: Stream | None = None, door: Any = None, plugged: Any = None, tuned: Any = None,
) -> WorldParams:  # fmt: skip
    """The facts of the hardware; refuses a discipline that the service law does not have."""
    sharing = config.service.discipline == "ps"
    if tokens and sharing:
        raise ConfigError("service.discipline", "ps", "fifo with service=llm (a node batches by itself)")
    make_pool: Callable[..., Any] = SharingPool if sharing else FifoPool
    if fire:
        make_pool = FragileSharing if sharing else fragile_batching(service) if tokens else FragileFifo
        make_pool = make_pool if tuned is None else tuned.make_pool
    elif tokens:

        def make_pool(*args: Any) -> Any:
            return BatchingPool(service, *args)

    poison = config.faults.poison_request
    return WorldParams(
        make_pool=make_pool,
        queue_max=config.fleet.queue_max,
        central_queue_max=config.balancer.queue_max,
        types=types,
        keyed=config.balancer.kind == "consistent_hash" or plugged is not None,
        tokens=tokens,
        sharing=sharing or tokens,
        agent_start_s=config.fleet.agent_start_s,
        drop_expired=config.deadline_propagation in ("dequeue", "kill"),
        priority_mix=tuple(config.admission.priority_mix),
        single_ratio=config.retry.non_idempotent_ratio,
        poison_prob=poison.prob if poison.enabled else 0.0,
        poison_restart_s=poison.restart_s,
        stream=stream,
        door=door,
        hooks=plugged if plugged is not None and plugged.on_requests else None,
    )
