"""Which runs count their requests instead of keeping them, and what such a run is told beforehand.

With `stats.keep_requests=false` a replication keeps at most about `stats.requests_max` rows: one that expects more
requests (mean rate x horizon; of closed clients what the fleet can serve) is streamed, 0 streams every run. A source
that ends the run with itself (a trace, a file of rates) keeps its rows, since the run's length is not known before.
What changes the stream's content (a stated warm-up, the SLO) is part of the store's key.
"""

from __future__ import annotations

from typing import Any

from sim.bench.capacity import capacity_per_s
from sim.bench.params import copy
from sim.bench.schema import Config
from sim.errors import ConfigError
from sim.measure.metrics import sample_of
from sim.measure.stream import StreamParams
from sim.measure.streamed import NOT_STREAMED
from sim.registry import lookup
from sim.world.params import ServiceParams

ENDING = ("trace", "rates")  # arrivals that end a run


def expected_requests(config: Config) -> float:
    """Requests that a replication will meet, about."""
    arrivals = config.arrivals
    rate_per_s = arrivals.rate_per_s
    if rate_per_s is None:
        service = lookup("service", config.service.kind)(copy(ServiceParams, config.service))
        share = 1.0 if arrivals.utilization_ratio is None else arrivals.utilization_ratio
        rate_per_s = share * capacity_per_s(config, service)
    return rate_per_s * config.horizon_s


def is_streamed(config: Config) -> bool:
    """Whether a replication of this config counts its requests instead of keeping them."""
    if config.stats.keep_requests or config.arrivals.kind in ENDING:
        return False
    return config.stats.requests_max == 0 or expected_requests(config) > config.stats.requests_max


def stated_warmup_s(config: Config) -> float:
    """The warm-up that the config states in seconds, 0 for none and where it is looked for."""
    return 0.0 if config.warmup in ("auto", "none") else float(config.warmup)


def stream_key(config: Config) -> dict[str, Any]:
    """What makes two streams of the same run different."""
    slo = config.slo
    sample = None if slo.max is None else sample_of(slo.metric)
    return {"cuttable": config.warmup == "auto", "from_s": stated_warmup_s(config), "slo": [sample, slo.max]}


def stream_params(config: Config, terminating: bool, tokens: bool) -> StreamParams:
    """What a streamed run's books are made from."""
    from_s = stated_warmup_s(config)
    return StreamParams(
        horizon_s=config.horizon_s,
        from_s=from_s if from_s < config.horizon_s else 0.0,  # a dry run shortens the horizon
        cuttable=config.warmup == "auto" and not terminating,
        tokens=tokens,
        slo_max_s=config.slo.max,
        slo_sample=sample_of(config.slo.metric) if tokens else "sojourn_s",
    )


def check_streamed(config: Config) -> None:
    """Raises `ConfigError` for a streamed run that could not be, or could not answer what it is asked."""
    stats, kind = config.stats, config.arrivals.kind
    if stats.requests_max == 0 and not stats.keep_requests and kind in ENDING:
        accepted = f"above 0 with arrivals={kind}, which ends the run: its requests are kept"
        raise ConfigError("stats.requests_max", 0, accepted)
    if config.objective in NOT_STREAMED and is_streamed(config):
        accepted = "a metric that needs no request table, or stats.keep_requests=true, or a larger stats.requests_max"
        raise ConfigError("objective", config.objective, accepted)
