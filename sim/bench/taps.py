"""What somebody who watches a run under fire from outside hands into its assembly: the places where books are kept.

The environment orders the events of one instant, the journal and the disks are those of the manager, and `on_balancer`
is called with the balancer before anything keeps its calls. None of them moves the answer of a run by being there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sim.runtime.environment import OrderedEnvironment
from sim.scalability.balancer.balancer import Balancer
from sim.scalability.manager.disks import Disks
from sim.scalability.manager.journal import JournalSink


def _nobody(_: Balancer) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class Taps:
    """All of it is optional."""

    env: OrderedEnvironment | None = None
    journal: JournalSink | None = None
    disks: Disks | None = None
    on_balancer: Callable[[Balancer], None] = _nobody
