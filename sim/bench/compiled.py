"""The compiled engine put together for a config: what it runs, and what it says when it does not.

`engine=auto` takes it for every run that it can make and that is long enough to be worth the start, except under an
autoscaler that decides at every request (`on_demand`): there SimPy is twice as fast, since the kernel would hand over
at each. The answer is the same. `engine=compiled` names what stands in the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sim.bench.attempt_engine import AttemptEngine
from sim.bench.rules import is_under_fire
from sim.bench.schema import Config
from sim.contracts import Draws
from sim.kernel.driver import Options
from sim.kernel.engine import CompiledEngine
from sim.kernel.paths import SHAPES, Balancing
from sim.measure import stream as stream_rules
from sim.registry import lookup
from sim.scalability.balancer import hot_paths as hot
from sim.scalability.balancer.balancer import Balancer
from sim.scalability.health.breaker import breaker_dropped, breaker_sent
from sim.scalability.health.outcomes import HubState, hub_ok
from sim.scalability.requests.admission import AdmissionState, admission_admit, admission_ended
from sim.scalability.requests.budget import budget_fresh
from sim.scalability.requests.params import AdmissionParams
from sim.world.seam import RequestRules


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
        foresees=paths.bound["FORESEES"],
    )


def engine_maker(balancer: Balancer, config: Config, types: int, service: Any, stream: Any) -> Callable[..., Any]:
    """What the world calls for its engine; that raises `CannotCompile` for a strategy that cannot be compiled."""
    tokens = hasattr(service, "tokens")
    bound: dict[str, Any] = {**getattr(service, "rules", {})} if tokens else {}
    if stream is not None:
        bound |= {"STREAMED": True, "stream_ended": stream_rules.stream_ended}
        bound |= {"stream_tokens": stream_rules.stream_tokens} if tokens else {}
    keyed = config.balancer.kind == "consistent_hash"
    closed = lookup("arrivals", config.arrivals.kind) is lookup("arrivals", "closed_loop")
    options = Options(
        clients_count=config.arrivals.clients_count if closed else 0,
        queue_max=config.balancer.queue_max,
        discipline="batching" if tokens else "sharing" if config.service.discipline == "ps" else "fifo",
        hardware=service.hardware if tokens else None,
        stream=None if stream is None else stream.books,
        bound=bound,
    )

    def make(env: Any, draws: Draws) -> CompiledEngine:
        return CompiledEngine(env, balancing_of(balancer, types, keyed), draws, options, balancer.table.slots_max)

    def make_attempts(env: Any, draws: Draws, rules: Any, network: Any, restart_s: float) -> AttemptEngine:
        balancing = balancing_of(balancer, types, keyed)
        balancing.hedges = rules.hedge_after_s is not None
        watched = watched_options(options, rules, config)
        return AttemptEngine(env, balancer, balancing, draws, watched, rules, network, restart_s, stream)

    return make_attempts if is_under_fire(config) else make


def watched_options(options: Options, rules: RequestRules, config: Config) -> Options:
    """What the kernel needs of the control plane of a run with attempts: states, rules, and which of them there are."""
    admission: Any = rules.admission
    hub = getattr(rules.outcomes, "state", None)
    timers = (rules.deadline_s, rules.attempt_timeout_s, rules.hedge_after_s)  # look at rows that may have ended
    uses = {
        "drops": config.deadline_propagation in ("dequeue", "kill"),
        "reuses": options.stream is not None and timers == (None, None, None),
        "admission": admission is not None,
        "admission_draws": admission is not None and admission.needs_draw,
        "learns": admission is not None and admission.learns,
        "fresh": rules.budget.counts_fresh,
        "hub": hub is not None,
        "breaks": hub is not None and hub.breaks,
        "pokes": rules.on_demand is not None,
        "priorities": len(config.admission.priority_mix) > 1,
        "singles": config.retry.non_idempotent_ratio > 0.0,
    }
    states = {
        "admission": AdmissionState(AdmissionParams()) if admission is None else admission.state,
        "budget": rules.budget.state,  # type: ignore[attr-defined] # the control plane's own
        "hub": HubState(None, None) if hub is None else hub,
    }
    rules_of = (admission_admit, admission_ended, budget_fresh, hub_ok, breaker_sent, breaker_dropped)
    bound = options.bound | {"ATTEMPTS": True, "FRAGILE": True}
    bound |= {rule.__name__: rule for rule in rules_of}
    return replace(options, bound=bound, watched=states, uses=uses)
