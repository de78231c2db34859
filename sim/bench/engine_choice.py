"""Which engine a config runs on: what `engine=auto` means, and what the compiled one does not run.

It stands apart from the engine, which imports a compiler: who plans a run and lets workers do it needs only the choice.
"""

from __future__ import annotations

from sim.bench.schema import Config
from sim.bench.streamed import expected_requests
from sim.registry import lookup

AUTO_REQUESTS_MIN = 100_000  # below, SimPy has ended before compiled code is loaded


def not_compiled(config: Config) -> str | None:
    """The feature of a config that the compiled engine does not run, None when it runs all."""
    if config.gateway.enabled:
        return "gateway (each request passes the real gateway)"
    if config.optimizer.enabled:
        return "optimizer (answers depend on the setting that their node has when they start)"
    if config.plugins.enabled:
        return "plugins (their hooks are called on the way of every request)"
    return None


def wants_compiled(config: Config) -> bool:
    """Whether this run goes to the compiled engine first."""
    if config.engine != "auto":
        return config.engine == "compiled"
    if not_compiled(config) is not None or lookup("autoscaler", config.autoscaler.kind).event_driven:
        return False
    return expected_requests(config) >= AUTO_REQUESTS_MIN
