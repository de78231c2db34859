"""Requests that kill the agent that serves them, on every node they are sent to (a query of death).

Which requests is a function of the request alone; the world kills the agent and has it back after `restart_s`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.contracts import Draws
from sim.registry import register
from sim.runtime.draws import FAULT_POISON
from sim.world.faults.hands import Fault


@dataclass(frozen=True, slots=True)
class PoisonParams:
    """`prob`: share of requests; `restart_s`: until the agent is back, seconds."""

    enabled: bool = True
    prob: float = 0.001
    restart_s: float = 10.0


@register("fault", "poison_request")
class PoisonRequest(Fault):
    """A part of the load, without episodes."""

    params_type = PoisonParams
    scope = "load"


def poison_mask(draws: Draws, entities: NDArray[np.uint64], prob: float) -> list[bool]:
    """Which of the requests (shape (n,)) are poisonous; a higher `prob` only adds to them."""
    mask: list[bool] = (draws.uniforms_of(FAULT_POISON, entities)[:, 0] < prob).tolist()
    return mask
