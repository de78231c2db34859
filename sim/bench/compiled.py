"""The compiled engine put together for a config: what it runs, and what it says when it does not.

`engine=auto` takes it for a plain run (no attempts, faults, health or scaling) of an open source that is long enough to
be worth the start; everything else runs under SimPy, with the same answer. `engine=compiled` names what stands in the
way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.bench.rules import is_under_fire
from sim.bench.schema import Config
from sim.bench.streamed import expected_requests
from sim.contracts import Draws
from sim.kernel.engine import CompiledEngine, Options
from sim.kernel.paths import SHAPES, Balancing
from sim.measure import stream as stream_rules
from sim.registry import lookup
from sim.scalability.balancer import hot_paths as hot
from sim.scalability.balancer.balancer import Balancer

AUTO_REQUESTS_MIN = 100_000  # below, SimPy has ended before compiled code is loaded


def not_compiled(config: Config) -> str | None:
    """The feature of a config that the compiled engine does not run, None when it runs all."""
    if config.gateway.enabled:
        return "gateway (each request passes the real gateway)"
    if is_under_fire(config):
        return "attempts, health, failover, scaling and faults (retry, deadline_s, health, autoscaler, faults ...)"
    if lookup("arrivals", config.arrivals.kind) is lookup("arrivals", "closed_loop"):
        return "arrivals=closed_loop"
    return None


def wants_compiled(config: Config) -> bool:
    """Whether this run goes to the compiled engine first."""
    if config.engine != "auto":
        return config.engine == "compiled"
    return not_compiled(config) is None and expected_requests(config) >= AUTO_REQUESTS_MIN


def balancing_of(balancer: Balancer, types: int, keyed: bool) -> Balancing:
    """The balancer as the kernel wants it."""
    paths = balancer.compiled()
    return Balancing(
        books=paths.books,
        functions={name: getattr(hot, f"hot_{name}") for name in SHAPES},
        paths_bound=paths.bound,
        refresh_view=balancer.refresh,
        states=[state for views in balancer.states for state in views],
        dispatchers=balancer.dispatchers_count,
        views=balancer.views_count,
        types=types,
        draws=balancer.draws_count,
        probes=balancer.probes_count,
        probe_s=balancer.probe_delay_s,
        poll_s=balancer.refresh_s,
        idle_draws=balancer.needs_completion_draw,
        keyed=keyed,
    )


def engine_maker(
    balancer: Balancer, config: Config, types: int, service: Any, stream: Any
) -> Callable[[Any, Draws], CompiledEngine]:
    """What the world calls for its engine; that raises `CannotCompile` for a strategy that cannot be compiled."""
    tokens = hasattr(service, "tokens")
    bound: dict[str, Any] = {**getattr(service, "rules", {})} if tokens else {}
    if stream is not None:
        bound |= {"STREAMED": True, "stream_ended": stream_rules.stream_ended}
        bound |= {"stream_tokens": stream_rules.stream_tokens} if tokens else {}
    options = Options(
        queue_max=config.balancer.queue_max,
        discipline="batching" if tokens else "sharing" if config.service.discipline == "ps" else "fifo",
        hardware=service.hardware if tokens else None,
        stream=None if stream is None else stream.books,
        bound=bound,
    )

    def make(env: Any, draws: Draws) -> CompiledEngine:
        balancing = balancing_of(balancer, types, config.balancer.kind == "consistent_hash")
        return CompiledEngine(env, balancing, draws, options, balancer.table.slots_max)

    return make
