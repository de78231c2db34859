"""none: the fleet stays as it is."""

from __future__ import annotations

from sim.contracts import FleetSample
from sim.registry import register
from sim.scalability.autoscaler.params import AutoscalerParams
from sim.scalability.autoscaler.policy import Wish


@register("autoscaler", "none")
class NoScaling:
    """Reads nothing."""

    at_start = False
    event_driven = False

    def __init__(self, params: AutoscalerParams) -> None:
        self.params = params

    def observe(self, sample: FleetSample) -> None:
        """Nothing is kept."""

    def desired(self, sample: FleetSample) -> Wish:
        """Always to hold."""
        return Wish(None, "no scaling")
