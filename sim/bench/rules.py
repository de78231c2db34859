"""The request path and the load of a run under fire, from the config: rules, faults, and what is refused.

A run is under fire when requests may have several attempts, or nodes may be struck, watched, or come and go; a plain
run has none of it and keeps the plain engine. What can never end is refused before time 0: a silent crash without any
timeout would leave the balancer's counts up for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sim.bench.schema import Config, FaultsConfig
from sim.errors import ConfigError
from sim.scalability.requests.admission import make_admission
from sim.scalability.requests.backoff import backoff_s
from sim.scalability.requests.budget import RetryBudget
from sim.scalability.requests.params import AdmissionParams, HedgeParams, RequestParams, RetryParams, check
from sim.world.seam import RequestRules

SILENT = ("crash", "partition", "zone_outage", "preemption", "packet_loss")  # faults after which no answer may come


class NoOutcomes:
    """Nobody listens to how attempts end; the engine need not tell."""

    hears = False

    def ok(self, slot: int, now: float) -> None:
        """Nothing."""

    def failed(self, slot: int, now: float) -> None:
        """Nothing."""


def faults_of(config: Config) -> dict[str, Any]:
    """Enabled faults by kind, in the schema's order."""
    parts = {name: getattr(config.faults, name) for name in FaultsConfig.__dataclass_fields__}
    return {name: part for name, part in parts.items() if part.enabled}


def is_under_fire(config: Config) -> bool:
    """Whether anything is on that a plain run does not have."""
    health = config.health
    return (
        not request_params(config).plain
        or config.breaker.enabled
        or health.detector != "none"
        or health.ejection.enabled
        or health.slow_start_s > 0.0
        or config.failover.enabled
        or config.autoscaler.kind != "none"
        or config.gateway.enabled
        or bool(config.plugins.enabled)
        or config.optimizer.enabled
        or bool(faults_of(config))
    )


def request_params(config: Config) -> RequestParams:
    """The request path's settings; ranges are the schema's."""
    retry, hedge, admission = config.retry, config.hedge, config.admission
    lists = {"priority_mix": tuple(admission.priority_mix), "priority_shares": tuple(admission.priority_shares)}
    return RequestParams(
        retry=RetryParams(**vars(retry)),
        hedge=HedgeParams(**vars(hedge)),
        admission=AdmissionParams(**{**vars(admission), **lists}),
        deadline_s=config.deadline_s,
        deadline_propagation=config.deadline_propagation,
    )


def make_rules(params: RequestParams, hub: Any, poke: Callable[[], None] | None) -> RequestRules:
    """What the engine asks; `hub` hears of outcomes (None: nobody), `poke` of every wait."""
    retry, hedge = params.retry, params.hedge
    return RequestRules(
        budget=RetryBudget(retry),
        outcomes=NoOutcomes() if hub is None else hub,
        backoff_s=lambda number, draw: backoff_s(number, retry.backoff_s, retry.backoff_max_s, draw),
        admission=make_admission(params.admission),
        on_sent=None if hub is None else hub.sent,
        on_dropped=None if hub is None else hub.dropped,
        on_demand=poke,
        attempts_max=retry.attempts_max,
        attempt_timeout_s=retry.attempt_timeout_s,
        deadline_s=params.deadline_s,
        hedge_after_s=hedge.after_s,
        hedges_max=hedge.hedges_max,
        cancel_outrun=hedge.cancel,
        kills=params.deadline_propagation == "kill",
    )


def check_requests(config: Config) -> None:
    """Raises `ConfigError` for a request path that contradicts itself or could wait for ever."""
    check(request_params(config))
    if config.deadline_s is not None or config.retry.attempt_timeout_s is not None:
        return
    fences = config.failover.enabled and config.health.detector != "none"
    for kind, fault in faults_of(config).items():
        requeues = kind == "crash" and fault.in_flight == "requeue"
        if kind in SILENT and not requeues and not fences:
            wanted = "a number above 0 (or deadline_s, or failover with a health detector)"
            raise ConfigError("retry.attempt_timeout_s", None, f"{wanted}, since faults.{kind} may swallow an answer")
