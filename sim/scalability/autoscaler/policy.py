"""What a policy is: a rule that sees samples of the fleet and says how many nodes it wants, and why.

A policy holds what it has seen and nothing else: no clock, no tasks, no chance, so that the same samples give the same
wishes on virtual time and live. A metric that is missing, infinite or negative is a wish to hold (invariant M8).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from sim.contracts import FleetSample

SLACK = 1e-9  # relative: a quotient that is a whole number but for rounding is that number
NODES_MAX = 1_000_000_000  # no wish is larger; every fleet is smaller
METRIC_MAX = 1e15  # what is above is no measurement


@dataclass(frozen=True, slots=True)
class Wish:
    """`nodes` in all (ready and starting); None holds what was decided before. A reason to hold has no numbers."""

    nodes: int | None
    reason: str


NO_METRIC = Wish(None, "the metric is missing")


class Policy(Protocol):
    """A rule of the autoscaler."""

    at_start: bool  # decides at the first instant too, not only after an interval
    event_driven: bool  # decides at every poke of the request path as well

    def observe(self, sample: FleetSample) -> None:
        """Take a sample in; instants never go back."""

    def desired(self, sample: FleetSample) -> Wish:
        """What the policy wants after it observed `sample`."""


def usable(*metrics: float) -> bool:
    """Whether all are numbers that a rule may count on: not negative, not NaN, not beyond any measure."""
    for metric in metrics:  # noqa: SIM110 # a generator costs twice as much, and every decision asks
        if not 0.0 <= metric <= METRIC_MAX:
            return False
    return True


def nodes_for(amount: float) -> int:
    """The least whole number of nodes that is not below `amount`; rounding errors do not make one more."""
    return math.ceil(min(amount * (1.0 - SLACK), NODES_MAX))


def with_pending(wish: Wish, sample: FleetSample) -> Wish:
    """The wish, but no fewer nodes than the ready ones and those that the agents without a place need."""
    pending, ready = sample.agents_pending, sample.nodes_ready
    if wish is NO_METRIC or pending <= 0 or sample.agents_per_node < 1:
        return wish
    need = ready + nodes_for(pending / sample.agents_per_node)
    if need <= (sample.nodes_desired if wish.nodes is None else wish.nodes):
        return wish
    return Wish(need, f"{pending} agents wait for a place")
