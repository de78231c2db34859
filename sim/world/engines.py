"""Which engine moves the requests of a world: plain or with attempts, under SimPy or compiled."""

from __future__ import annotations

from typing import Any

from sim.contracts import Draws
from sim.runtime.environment import OrderedEnvironment
from sim.world.attempts import Chances
from sim.world.columns import Columns
from sim.world.engine import Engine
from sim.world.network import Network
from sim.world.resilient import ResilientEngine
from sim.world.seam import LoadBalancer, RequestRules
from sim.world.streaming import stream_attempts, stream_plain


def plain_engine(env: OrderedEnvironment, draws: Draws, balancer: LoadBalancer, params: Any) -> Engine:
    """One attempt a request, and nothing strikes; `params` are a `WorldParams`."""
    if params.make_engine is not None:
        compiled: Engine = params.make_engine(env, draws)
        return compiled
    plain = Engine(env, Columns(tokens=params.tokens), balancer, params.central_queue_max)
    if params.stream is not None:
        stream_plain(plain, params.stream)
    return plain


def attempts_engine(
    env: OrderedEnvironment, draws: Draws, balancer: LoadBalancer, params: Any, rules: RequestRules, network: Network
) -> ResilientEngine:
    """Deadlines, retries, hedges, gates and whatever strikes."""
    if params.make_engine is not None:
        engine: ResilientEngine = params.make_engine(env, draws, rules, network, params.poison_restart_s)
    else:
        columns = Columns(tokens=params.tokens, several=True)
        chances = Chances(env, draws, columns, params.poison_restart_s)
        engine = ResilientEngine(env, columns, balancer, params.central_queue_max, rules, network, chances)
        if params.stream is not None:
            stream_attempts(engine, params.stream)
    engine.chances.any = params.poison_prob > 0.0
    return engine
